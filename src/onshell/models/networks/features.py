"""What networks see of an event: features of its particles, invariants of its pairs, and fields that turn with it.

Rotations and reflections leave lengths and angles alone, so a field made of functions of these times vectors of the
event turns with the event. An `axis` that the physics singles out, such as the beam, is one more vector; functions of
the cosines with it are then invariant under rotations about it and reflections that keep it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FEATURES = 7

SOFT = 1e-7
"""Below this |q| directions fade to zero, smoothly: far under the softest particle, far above overflow in float32."""

SHORTEST = 1e-10
"""Lengths below this count as this in invariants, and its square is a number in float32."""


def particle_features(q: Tensor) -> Tensor:
    """Return q, q/|q| and ln|q|/4 of each particle [B,N,7], smooth everywhere, q = 0 included.

    Chosen, since the paper does not say what its networks see: a quarter of the logarithm holds all |q| from 1e-7 to
    100 between -4 and 1.2, near the size of everything else.
    """
    length = lengths(q)
    return torch.cat([q, q / length, 0.25 * length.log()], dim=-1)


def lengths(q: Tensor) -> Tensor:
    """Return |q| of each particle [B,N,1], never below `SOFT`."""
    return (q.square().sum(-1, keepdim=True) + SOFT**2).sqrt()


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
        itself = torch.eye(self.unit.shape[1], dtype=self.unit.dtype, device=self.unit.device)
        return (self.chord2 + itself).clamp_min(SHORTEST**2).log()

    @property
    def log_mass2(self) -> Tensor:
        """Return ln(2 q_I . q_J) [B,N,N] of all pairs, from differences of directions: cosines would cancel."""
        return self.log_angle + self.log_length[:, :, None] + self.log_length[:, None]


def geometry(q: Tensor) -> Geometry:
    """Return the geometry of events `q` [B,N,3], in their precision; differentiable to any order."""
    length = (q.square().sum(-1) + SHORTEST**2).sqrt()
    unit = q / length[..., None]
    difference = unit[:, None] - unit[:, :, None]
    chord2 = difference.square().sum(-1)
    # The part of u_J - u_I across u_I. Exact at both ends: small for a collinear pair, u_I + u_J for an opposite one.
    across = difference + 0.5 * chord2[..., None] * unit[:, :, None]
    across = across / (across.square().sum(-1, keepdim=True) + SHORTEST**1.5).sqrt()
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
    return vector / vector.norm()


def energy_order(q: Tensor) -> Tensor:
    """Return the particles of each event `q` [B,N,3] by falling |q| as an index [B,N,3] for `gather`."""
    order = q.detach().square().sum(-1).argsort(1, descending=True)
    return order[..., None].expand_as(q)
