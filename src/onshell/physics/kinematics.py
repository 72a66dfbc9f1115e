"""Kinematics: energies, four-vector products, boosts and rotations of massless events [..., N, 3].

Massive events are [..., N, 4], the mass behind the momentum; every function here takes both.

Vectors are taken apart with ``unbind(-1)`` and put together with ``stack``: sums over an axis of length 3 are several
times slower, and every function here is as fast on component-major storage as on contiguous events.
"""

import numpy as np
import torch
from torch import Tensor

Pair = tuple[Tensor, Tensor]
"""A quantity of one particle and of another."""


def norm(v: Tensor) -> Tensor:
    """Return the lengths [...] of the vectors `v` [..., 3], with a zero gradient (not NaN) at zero length."""
    vx, vy, vz = v.unbind(-1)
    square = vx * vx + vy * vy + vz * vz
    zero = square == 0
    return torch.where(zero, 1.0, square).sqrt().masked_fill(zero, 0.0)


def energies(p: Tensor) -> Tensor:
    """Return the energies E_I [..., N]: |p_I| of massless momenta `p` [..., N, 3], with masses where there are any."""
    return norm(p) if p.shape[-1] == 3 else torch.hypot(norm(p[..., :3]), p[..., 3])


def directions(p: Tensor) -> Tensor:
    """Return the unit vectors [..., N, 3] along `p`, zero where a momentum is zero."""
    p = p[..., :3]
    e = norm(p)
    return p / torch.where(e == 0, 1.0, e).unsqueeze(-1)


def total(p: Tensor) -> Tensor:
    """Return the sum over the particles of their momenta [..., 3]."""
    return torch.stack([v.sum(-1) for v in p[..., :3].unbind(-1)], -1)


def violation(p: Tensor, e_cm: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return how far events are off the centre-of-mass shell: sum E - e_cm [...] and sum p [..., 3]."""
    return energies(p).sum(-1) - e_cm, total(p)


def dot(p: Tensor) -> Tensor:
    """Return all products p_I.p_J [..., N, N] of four-momenta, in units of energy squared; m_I^2 on the diagonal.

    Of massless ones computed as E_I E_J |u_I - u_J|^2 / 2 with unit vectors u: E_I E_J - p_I.p_J cancels for collinear
    pairs.
    """
    length = norm(p[..., :3])
    square = sum((u.unsqueeze(-1) - u.unsqueeze(-2)).square() for u in directions(p).unbind(-1))
    products = 0.5 * length.unsqueeze(-1) * length.unsqueeze(-2) * square
    if p.shape[-1] == 3:
        return products
    e, mass = energies(p), p[..., 3]
    return products + _by_mass(*((x.unsqueeze(-1), x.unsqueeze(-2)) for x in (e, length, mass)))


def pair_products(p: Tensor) -> Tensor:
    """Return p_I.p_J of the pairs I < J [..., N(N-1)/2] without cancellation, in row order (12, 13, ..., 23, ...)."""
    i, j = torch.triu_indices(p.shape[-2], p.shape[-2], 1, device=p.device)
    length = norm(p[..., :3])
    square = sum((u[..., i] - u[..., j]).square() for u in directions(p).unbind(-1))
    products = 0.5 * length[..., i] * length[..., j] * square
    if p.shape[-1] == 3:
        return products
    e, mass = energies(p), p[..., 3]
    return products + _by_mass(*((x[..., i], x[..., j]) for x in (e, length, mass)))


def pair_masses(p: Tensor) -> Tensor:
    """Return s_IJ = (p_I + p_J)^2 of the pairs I < J [..., N(N-1)/2], in the order of `pair_products`."""
    products = 2.0 * pair_products(p)
    if p.shape[-1] == 3:
        return products
    i, j = torch.triu_indices(p.shape[-2], p.shape[-2], 1, device=p.device)
    return products + p[..., i, 3].square() + p[..., j, 3].square()


def boost(p: Tensor, b: Tensor) -> Tensor:
    """Return momenta [..., N, 3], or [..., N, 4], seen after a boost with b = gamma * velocity [..., 3].

    The result is p + b E + a (b.p) b with a = 1 / (1 + gamma) and gamma = sqrt(1 + |b|^2); -b undoes it.
    """
    bx, by, bz = (c.unsqueeze(-1) for c in b.unbind(-1))
    px, py, pz, *mass = p.unbind(-1)
    gamma = (1 + bx * bx + by * by + bz * bz).sqrt()
    shift = energies(p) + (bx * px + by * py + bz * pz) / (1 + gamma)
    return torch.stack([px + bx * shift, py + by * shift, pz + bz * shift, *mass], -1)


def rotate(p: Tensor, rotation: Tensor) -> Tensor:
    """Return the momenta [..., N, 3], or [..., N, 4], turned by matrices `rotation` [..., 3, 3]."""
    x, y, z, *mass = p.unbind(-1)
    rows = (row.unbind(-1) for row in rotation.unbind(-2))
    turned = [a.unsqueeze(-1) * x + b.unsqueeze(-1) * y + c.unsqueeze(-1) * z for a, b, c in rows]
    return torch.stack([*turned, *mass], -1)


def _by_mass(e: Pair, length: Pair, mass: Pair) -> Tensor:
    """Return E_I E_J - |p_I| |p_J| of two massive particles without cancellation, from what each of them has."""
    mixed = (mass[0] * e[1]) ** 2 + (length[0] * mass[1]) ** 2
    return mixed / (e[0] * e[1] + length[0] * length[1]).clamp_min(torch.finfo(e[0].dtype).tiny)


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
