"""The activation of the networks of particles, with cheap second derivatives."""

import torch
from torch import Tensor
from torch.nn import functional


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
    def setup_context(ctx, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return _SiluSlope.apply(grad, *ctx.saved_tensors)


class _SiluSlope(torch.autograd.Function):
    """g silu'(z); the second derivative is silu'' = s + d - 2 s d with s = sigmoid(z), d = silu'(z)."""

    generate_vmap_rule = True

    @staticmethod
    def forward(g: Tensor, z: Tensor) -> Tensor:
        return torch.ops.aten.silu_backward(g, z)

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        g, z = ctx.saved_tensors
        s, sloped = torch.sigmoid(z), _SiluSlope.apply(grad, z)
        return sloped, torch.addcmul(grad * s + sloped, s, sloped, value=-2) * g
