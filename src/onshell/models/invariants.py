"""What does not change when an event is turned, and fields that turn with it.

Rotations and reflections leave lengths and angles alone, so a field made of functions of these times vectors of the
event turns with the event. An `axis` that the physics singles out, such as the beam, is one more vector; functions of
the cosines with it are then invariant under rotations about it and reflections that keep it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onshell.core.errors import OnshellError

TINY = 1e-10
"""Lengths below this count as this: far under the softest particle, and its square is a number in float32."""


@dataclass(frozen=True)
class Geometry:
    """Lengths |q_I|, their logarithms [B,N], directions u_I [B,N,3], u_J - u_I [B,N,N,3], |u_J - u_I|^2 [B,N,N].

    `across` [B,N,N,3] is the unit vector at u_I towards u_J on the sphere, zero where there is none (J = I).
    """

    length: Tensor
    log_length: Tensor
    unit: Tensor
    chord2: Tensor
    across: Tensor

    @property
    def log_angle(self) -> Tensor:
        """Return ln(2 - 2 cos) [B,N,N] of all pairs, 0 for a particle with itself."""
        own = torch.eye(self.unit.shape[1], dtype=self.unit.dtype, device=self.unit.device)
        return (self.chord2 + own).clamp_min(TINY**2).log()

    @property
    def log_mass2(self) -> Tensor:
        """Return ln(2 q_I . q_J) [B,N,N] of all pairs, from differences of directions: cosines would cancel."""
        return self.log_angle + self.log_length[:, :, None] + self.log_length[:, None]


def geometry(q: Tensor) -> Geometry:
    """Return the geometry of events `q` [B,N,3], in their precision; differentiable to any order."""
    length = (q.square().sum(-1) + TINY**2).sqrt()
    unit = q / length[..., None]
    apart = unit[:, None] - unit[:, :, None]
    chord2 = apart.square().sum(-1)
    # The part of u_J - u_I across u_I. Exact at both ends: small for a collinear pair, u_I + u_J for an opposite one.
    across = apart + 0.5 * chord2[..., None] * unit[:, :, None]
    across = across / (across.square().sum(-1, keepdim=True) + TINY**1.5).sqrt()
    return Geometry(length, length.log(), unit, chord2, across)


def field(coefficients: Tensor, found: Geometry) -> Tensor:
    """Return the vectors [B,N,3] with `coefficients` [B,N,N]: C_II along u_I, C_IJ at u_I towards u_J."""
    along = torch.diagonal(coefficients, dim1=1, dim2=2)
    return (coefficients[..., None] * found.across).sum(2) + along[..., None] * found.unit


def beside(axis: Tensor, cosines: Tensor, found: Geometry) -> Tensor:
    """Return the part of the unit vector `axis` [3] across each u_I [B,N,3]; `cosines` [B,N] are those with it."""
    return axis - cosines[..., None] * found.unit


def unit_axis(axis: Sequence[float] | None) -> Tensor | None:
    """Return the direction of `axis` as a tensor [3], or None without one."""
    if axis is None:
        return None
    vector = torch.tensor([float(component) for component in axis])
    if vector.shape != (3,) or not torch.isfinite(vector).all() or not vector.norm() > 0:
        raise OnshellError(f"network.axis: {list(axis)!r} is not a direction; give three numbers, such as [0, 0, 1]")
    return vector / vector.norm()


def energy_order(q: Tensor) -> Tensor:
    """Return the particles of each event `q` [B,N,3] by falling |q| as an index [B,N,3] for `gather`."""
    order = q.detach().square().sum(-1).argsort(1, descending=True)
    return order[..., None].expand_as(q)
