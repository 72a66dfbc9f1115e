"""The paper's multilayer perceptron, with a divergence that costs no backward passes."""

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.models.networks.layers import start_at_zero
from onshell.models.networks.options import MlpOptions
from onshell.models.networks.time_embedding import time_embedding


class Mlp(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    `depth` hidden layers of `width` SiLU units see the 3N momenta and a sinusoidal embedding of the time; the output
    layer starts at zero, so that an untrained network returns zero everywhere (App. A.1).
    """

    def __init__(self, n_particles: int, options: MlpOptions | None = None):
        super().__init__()
        o = options or MlpOptions()
        self.n_particles, self.time_dim = n_particles, o.time_dim
        widths = [3 * n_particles + o.time_dim] + [o.width] * o.depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.out = start_at_zero(nn.Linear(o.width, 3 * n_particles))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the diffusion, 0 = data."""
        h = self._inputs(x, t)
        for layer in self.hidden:
            h = functional.silu(layer(h))
        return self.out(h).view_as(x)

    def with_divergence(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the field [B,N,3] and its exact divergence [B] with respect to x, differentiable in the weights.

        The divergence is the trace of W_out D_k W_k ... D_1 W_1 with D_l the diagonal of the slopes silu'(z_l). It is
        built from both ends: columns of the Jacobian forward through the lower layers, rows of it backward through
        the top ones, contracted in the middle. Derivatives with respect to x itself are not propagated.
        """
        h, slopes = self._inputs(x, t), []
        for layer in self.hidden:
            h, slope = _SiluWithSlope.apply(layer(h))
            slopes.append(slope)
        # Products with the slopes dominate the cost, so they are made in the precision of the matrix products.
        weights = [layer.weight.to(slopes[0].dtype) for layer in [*self.hidden, self.out]]
        return self.out(h).view_as(x), _trace(weights, slopes, 3 * self.n_particles)

    def _inputs(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the network's inputs [B, 3N + time_dim]."""
        return torch.cat([x.flatten(1), time_embedding(t.to(x.dtype), self.time_dim)], dim=1)


def _trace(weights: list[Tensor], slopes: list[Tensor], n: int) -> Tensor:
    """Return the trace [B] of W_out D_k W_k ... D_1 W_1, W_1 cut to the first n inputs, in float32 or better."""
    inner, outer = weights[0][:, :n], weights[-1]
    exact = torch.promote_types(slopes[0].dtype, torch.float32)
    if len(slopes) == 1:
        return slopes[0].to(exact) @ (inner * outer.T).sum(1).to(exact)
    if len(slopes) == 2:
        return ((slopes[1] @ (weights[1] * (outer.T @ inner.T))) * slopes[0]).sum(1, dtype=exact)
    # W_2 D_1 W_1 is linear in D_1, and (W_out D_k W_k)^T in D_k: one matrix product each, with these tensors.
    width = inner.shape[0]
    lower = (inner[:, :, None] * weights[1].T.contiguous()[:, None, :]).reshape(width, n * width)
    upper = (outer.T[:, :, None] * weights[-2][:, None, :]).reshape(width, n * width)
    return _Trace.apply(lower, upper, len(slopes), *slopes, *weights[2:-2])


class _SiluWithSlope(torch.autograd.Function):
    """silu(z) and silu'(z); the second derivative is s + d - 2 s d with s = sigmoid(z), d = silu'(z)."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> tuple[Tensor, Tensor]:
        slope = torch.ops.aten.silu_backward(torch.ones_like(z), z)
        ctx.save_for_backward(z, slope)
        return functional.silu(z), slope

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_value: Tensor, grad_slope: Tensor) -> Tensor:
        z, slope = ctx.saved_tensors
        s = torch.sigmoid(z)
        curvature = torch.addcmul(s + slope, s, slope, value=-2)
        return torch.addcmul(grad_value * slope, grad_slope, curvature)


class _Trace(torch.autograd.Function):
    """The trace for three or more hidden layers, with its gradient by hand: autograd would make twice the passes."""

    @staticmethod
    def forward(ctx: Any, lower: Tensor, upper: Tensor, depth: int, *rest: Tensor) -> Tensor:
        slopes, middle = rest[:depth], rest[depth:]
        batch, width = slopes[0].shape
        columns = [(slopes[0] @ lower).view(batch, -1, width)]  # d z_2 / d x, then d z_3 / d x, ...
        scaled = []
        for slope, weight in zip(slopes[1:-2], middle, strict=True):
            scaled.append(slope[:, None] * columns[-1])
            columns.append(scaled[-1] @ weight.T)
        rows = (slopes[-1] @ upper).view(batch, -1, width)  # d out / d h_{k-1}
        contracted = (rows * columns[-1]).sum(1).to(torch.promote_types(rows.dtype, torch.float32))
        ctx.depth = depth
        ctx.save_for_backward(lower, upper, contracted, rows, *columns, *scaled, *rest)
        return (contracted * slopes[-2]).sum(1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        lower, upper, contracted, rows, *saved = ctx.saved_tensors
        depth, n_middle = ctx.depth, ctx.depth - 3
        columns, saved = saved[: n_middle + 1], saved[n_middle + 1 :]
        scaled, saved = saved[:n_middle], saved[n_middle:]
        slopes, middle = saved[:depth], saved[depth:]
        grad_slopes: list[Tensor] = [grad] * depth
        grad_middle: list[Tensor] = [grad] * n_middle

        seed = (grad[:, None] * slopes[-2]).to(rows.dtype)[:, None]
        grad_slopes[-2] = (grad[:, None] * contracted).to(rows.dtype)
        grad_rows = (seed * columns[-1]).flatten(1)
        grad_slopes[-1] = grad_rows @ upper.T
        grad_upper = slopes[-1].T @ grad_rows
        grad_columns = seed * rows
        for k in reversed(range(n_middle)):
            grad_middle[k] = grad_columns.flatten(0, 1).T @ scaled[k].flatten(0, 1)
            grad_scaled = grad_columns @ middle[k]
            grad_slopes[k + 1] = (grad_scaled * columns[k]).sum(1)
            grad_columns = slopes[k + 1][:, None] * grad_scaled
        grad_columns = grad_columns.flatten(1)
        grad_slopes[0] = grad_columns @ lower.T
        return slopes[0].T @ grad_columns, grad_upper, None, *grad_slopes, *grad_middle
