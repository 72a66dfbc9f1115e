"""Observables: functions of events p [..., N, 3], or [..., N, 4] with masses.

Their names, symbols and ranges are in `onshell.evaluation`.
"""

import torch
from torch import Tensor

from onshell.physics.kinematics import energies, norm, pair_products

LOG_FLOOR = 1e-40
"""Smallest argument of a logarithm: an event exactly on a boundary gives a finite number, far below any real one."""


def tau(p: Tensor) -> Tensor:
    """Return tau = min over pairs of p_I . p_J [...], without cancellation (18); at least the least m_I m_J."""
    return pair_products(p).amin(dim=-1)


def cos_theta(p: Tensor) -> Tensor:
    """Return the cosine of each particle's polar angle [..., N]; 0 for a particle at rest."""
    return p[..., 2] / norm(p[..., :3]).clamp_min(LOG_FLOOR)


def phi(p: Tensor) -> Tensor:
    """Return each particle's azimuth in (-pi, pi] [..., N]."""
    return torch.atan2(p[..., 1], p[..., 0])


def plane_normal(p: Tensor) -> tuple[Tensor, Tensor]:
    """Return (cos theta [...], phi [...]) of the event-plane normal p_1 x p_2 / |p_1 x p_2| of three particles."""
    ax, ay, az = p[..., 0, :3].unbind(-1)
    bx, by, bz = p[..., 1, :3].unbind(-1)
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = (nx * nx + ny * ny + nz * nz).sqrt().clamp_min(LOG_FLOOR)
    return nz / length, torch.atan2(ny, nx)


def rosenblatt(p: Tensor) -> tuple[Tensor, Tensor]:
    """Return (u_1, u_2) [...] of (16), uniform on the unit square and independent in muon decay.

    u_2 has a pole at E_1 = 3/4, which only events off the shell come near: it is cut to [0, 1].
    """
    e_1, e_2 = energies(p)[..., :2].unbind(-1)
    v = e_1 + e_2 - 0.5
    u_2 = v**2 * (3.0 - 4.0 * v) / (e_1**2 * (3.0 - 4.0 * e_1)).clamp_min(LOG_FLOOR)
    return 16.0 * e_1**3 * (1.0 - e_1), u_2.clamp(0.0, 1.0)


def c_parameter(p: Tensor) -> Tensor:
    """Return C = 3 sum_{I<J} |p_I| |p_J| sin^2 theta_IJ / (sum |p|)^2 [...]: 0 for two jets, 1 for a sphere."""
    p, n = p[..., :3], p.shape[-2]
    first, second = torch.triu_indices(n, n, 1)
    e, products = energies(p), pair_products(p)
    y = products / (e[..., first] * e[..., second]).clamp_min(LOG_FLOOR)
    return 3.0 * (products * (2.0 - y)).sum(-1) / e.sum(-1) ** 2


def log_dalitz(p: Tensor) -> Tensor:
    """Return ln f [...], f = 96 E_3 (1 - 2 E_3) the Dalitz density of muon decay."""
    e_3 = energies(p)[..., 2]
    return (96.0 * e_3 * (1.0 - 2.0 * e_3)).clamp_min(LOG_FLOOR).log()
