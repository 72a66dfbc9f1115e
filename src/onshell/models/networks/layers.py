"""What networks of particles are built from: activation, attention, transformer blocks, and their precision."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.core.errors import OnshellError

FEW = 16
"""Up to so many particles, a softmax along their axis costs more than all the rest of the attention."""


def silu(z: Tensor, twice: bool) -> Tensor:
    """Return z sigmoid(z); `twice` if it must be differentiable twice, which autograd alone does in many steps."""
    return _Silu.apply(z) if twice else functional.silu(z)


class _Silu(torch.autograd.Function):
    """silu(z), whose derivative is a function of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return functional.silu(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _SiluSlope.apply(grad, *ctx.saved_tensors)


class _SiluSlope(torch.autograd.Function):
    """g silu'(z); the second derivative is silu'' = s + d - 2 s d with s = sigmoid(z), d = silu'(z)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(g: Tensor, z: Tensor) -> Tensor:
        return torch.ops.aten.silu_backward(g, z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        g, z = ctx.saved_tensors
        s, sloped = torch.sigmoid(z), _SiluSlope.apply(grad, z)
        return sloped, torch.addcmul(grad * s + sloped, s, sloped, value=-2) * g


class Attention(nn.Module):
    """Map features [B,N,width] to features [B,N,width] by multi-head self-attention; particles have no order."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor, twice: bool) -> Tensor:
        """Return the attended features [B,N,width]; `twice` if they must be differentiable twice."""
        batch, n, width = h.shape
        # One copy lines up the heads of queries, keys and values.
        heads = self.qkv(h).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        q, k, v = heads.unbind(0)
        attended = attend(q, k, v, twice)
        return self.out(attended.transpose(1, 2).reshape(batch, n, width))


def attend(q: Tensor, k: Tensor, v: Tensor, twice: bool) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v [B,H,N,d] of queries, keys and values [B,H,N,d].

    Where one derivative is enough, the fused kernel serves, which has no second; on a processor only for many
    particles, because for few it is slower.
    """
    batch, heads, n, d = q.shape
    if not twice and (n > FEW or q.is_cuda):
        return functional.scaled_dot_product_attention(q, k, v)
    q, k, v = (part.flatten(0, 1) for part in (q, k, v))
    scale = 1 / math.sqrt(d)
    if n > FEW or q.is_cuda:
        attended = torch.bmm((torch.bmm(q, k.mT) * scale).softmax(-1), v)
    else:
        # With the keys' axis first in memory, the softmax runs along whole vectors of events, not along a few numbers.
        by_key = torch.bmm(k, q.mT).transpose(0, 1).contiguous()
        attended = torch.bmm((by_key * scale).softmax(0).permute(1, 2, 0), v)
    return attended.view(batch, heads, n, d)


class TransformerBlock(nn.Module):
    """A pre-norm transformer block: attention, then a perceptron, each added to the features [B,N,width]."""

    def __init__(self, width: int, heads: int, mlp_ratio: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)

    def forward(self, x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], twice: bool) -> Tensor:
        """Return the new features; `first` and `second` are the pairs (shift, scale) that condition the two parts."""
        x = x + self.attention(modulate(x, *first), twice)
        return x + self.down(silu(self.up(modulate(x, *second)), twice))


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Return the adaptive layer norm of `x` [B,N,width]: normalised, scaled and shifted, in the type of `scale`."""
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:]).to(scale.dtype), scale)


def exact(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return layer(x) in the precision of its weights: the three digits of bf16 are too few for momenta."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.to(layer.weight.dtype))


def lowered(x: Tensor) -> Tensor:
    """Return x in the precision of the autocast around it, if there is one."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def start_at_zero(layer: nn.Linear) -> nn.Linear:
    """Return the layer with all its weights set to zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def differentiated(x: Tensor) -> bool:
    """Return whether derivatives by the events are wanted: only then can a second derivative follow."""
    return torch.is_grad_enabled() and x.requires_grad


def check_events(x: Tensor, max_particles: int) -> None:
    """Raise unless the events x [B,N,3] have 2 ... `max_particles` particles."""
    n = x.shape[1]
    if n > max_particles:
        raise OnshellError(f"network.max_particles: {max_particles} is below the {n} particles of the events; raise it")
    if n < 2:
        raise OnshellError(f"network.max_particles: events of {n} particles have no pairs; use 2 ... {max_particles}")
