"""Massless kinematics: energies, four-vector products, boosts and rotations of events [..., N, 3].

Vectors are taken apart with ``unbind(-1)`` and put together with ``stack``: sums over an axis of length 3 are several
times slower, and every function here is as fast on component-major storage as on contiguous events.
"""

import numpy as np
import torch
from torch import Tensor


def norm(v: Tensor) -> Tensor:
    """Return the lengths [...] of the vectors `v` [..., 3], with a zero gradient (not NaN) at zero length."""
    vx, vy, vz = v.unbind(-1)
    square = vx * vx + vy * vy + vz * vz
    zero = square == 0
    return torch.where(zero, 1.0, square).sqrt().masked_fill(zero, 0.0)


def energies(p: Tensor) -> Tensor:
    """Return the energies E_I = |p_I| [..., N] of massless momenta `p` [..., N, 3]."""
    return norm(p)


def directions(p: Tensor) -> Tensor:
    """Return the unit vectors [..., N, 3] along `p`, zero where a momentum is zero."""
    e = norm(p)
    return p / torch.where(e == 0, 1.0, e).unsqueeze(-1)


def total(p: Tensor) -> Tensor:
    """Return the sum over the particles [..., 3] of `p` [..., N, 3]."""
    return torch.stack([v.sum(-1) for v in p.unbind(-1)], -1)


def violation(p: Tensor, e_cm: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return how far events are off the massless centre-of-mass shell: sum E - e_cm [...] and sum p [..., 3]."""
    return energies(p).sum(-1) - e_cm, total(p)


def dot(p: Tensor) -> Tensor:
    """Return all products p_I.p_J [..., N, N] of massless four-momenta, in units of energy squared.

    Computed as E_I E_J |u_I - u_J|^2 / 2 with unit vectors u: E_I E_J - p_I.p_J cancels for collinear pairs.
    """
    e = energies(p)
    square = sum((u.unsqueeze(-1) - u.unsqueeze(-2)).square() for u in directions(p).unbind(-1))
    return 0.5 * e.unsqueeze(-1) * e.unsqueeze(-2) * square


def pair_products(p: Tensor) -> Tensor:
    """Return p_I.p_J of the pairs I < J [..., N(N-1)/2] without cancellation, in row order (12, 13, ..., 23, ...)."""
    i, j = torch.triu_indices(p.shape[-2], p.shape[-2], 1, device=p.device)
    e = energies(p)
    square = sum((u[..., i] - u[..., j]).square() for u in directions(p).unbind(-1))
    return 0.5 * e[..., i] * e[..., j] * square


def boost(p: Tensor, b: Tensor) -> Tensor:
    """Return massless momenta [..., N, 3] seen after a boost with b = gamma * velocity [..., 3].

    The result is p + b |p| + a (b.p) b with a = 1 / (1 + gamma) and gamma = sqrt(1 + |b|^2); -b undoes it.
    """
    bx, by, bz = (c.unsqueeze(-1) for c in b.unbind(-1))
    px, py, pz = p.unbind(-1)
    gamma = (1 + bx * bx + by * by + bz * bz).sqrt()
    shift = norm(p) + (bx * px + by * py + bz * pz) / (1 + gamma)
    return torch.stack([px + bx * shift, py + by * shift, pz + bz * shift], -1)


def rotate(p: Tensor, rotation: Tensor) -> Tensor:
    """Return the momenta [..., N, 3] turned by matrices `rotation` [..., 3, 3]."""
    x, y, z = p.unbind(-1)
    rows = (row.unbind(-1) for row in rotation.unbind(-2))
    return torch.stack([a.unsqueeze(-1) * x + b.unsqueeze(-1) * y + c.unsqueeze(-1) * z for a, b, c in rows], -1)


def random_rotations(n: int, generator: np.random.Generator) -> Tensor:
    """Return `n` Haar-distributed rotation matrices [n, 3, 3], float64."""
    w, x, y, z = generator.standard_normal((4, n))
    s = 2 / (w * w + x * x + y * y + z * z)
    rows = [
        [1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y)],
        [s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x)],
        [s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y)],
    ]
    return torch.from_numpy(np.array(rows)).permute(2, 0, 1)
