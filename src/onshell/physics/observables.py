"""Observables of events: functions of momenta p [..., N, 3] and the standard set that metrics and figures compare."""

import math

import numpy as np
import torch
from torch import Tensor

from onshell.physics.kinematics import energies, pair_products

LOG_FLOOR = 1e-40
"""Smallest argument of a logarithm: an event exactly on a boundary gives a finite number, far below any real one."""

_CHUNK = 1 << 15


def tau(p: Tensor) -> Tensor:
    """Return tau = min over pairs of p_I . p_J [...], without cancellation (18)."""
    return pair_products(p).amin(dim=-1)


def cos_theta(p: Tensor) -> Tensor:
    """Return the cosine of each particle's polar angle [..., N]; 0 for a particle at rest."""
    return p[..., 2] / energies(p).clamp_min(LOG_FLOOR)


def phi(p: Tensor) -> Tensor:
    """Return each particle's azimuth in (-pi, pi] [..., N]."""
    return torch.atan2(p[..., 1], p[..., 0])


def plane_normal(p: Tensor) -> tuple[Tensor, Tensor]:
    """Return (cos theta [...], phi [...]) of the event-plane normal p_1 x p_2 / |p_1 x p_2| of three particles."""
    ax, ay, az = p[..., 0, :].unbind(-1)
    bx, by, bz = p[..., 1, :].unbind(-1)
    nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    length = (nx * nx + ny * ny + nz * nz).sqrt().clamp_min(LOG_FLOOR)
    return nz / length, torch.atan2(ny, nx)


def rosenblatt(p: Tensor) -> tuple[Tensor, Tensor]:
    """Return (u_1, u_2) [...] of (16), uniform on the unit square and independent in muon decay."""
    e_1, e_2 = energies(p)[..., :2].unbind(-1)
    v = e_1 + e_2 - 0.5
    return 16.0 * e_1**3 * (1.0 - e_1), v**2 * (3.0 - 4.0 * v) / (e_1**2 * (3.0 - 4.0 * e_1)).clamp_min(LOG_FLOOR)


def log_dalitz(p: Tensor) -> Tensor:
    """Return ln f [...], f = 96 E_3 (1 - 2 E_3) the Dalitz density of muon decay."""
    e_3 = energies(p)[..., 2]
    return (96.0 * e_3 * (1.0 - 2.0 * e_3)).clamp_min(LOG_FLOOR).log()


def _three_body(p: Tensor, process: str) -> dict[str, Tensor]:
    """Return the observables of three-particle events, by name, each [n]."""
    found: dict[str, Tensor] = {}
    e = energies(p)
    if process == "muon":
        found["ln_f"] = log_dalitz(p)
    found |= {f"E_{i + 1}": e[:, i] for i in range(3)}
    if process == "muon":
        found["u_1"], found["u_2"] = rosenblatt(p)
    c, a = cos_theta(p), phi(p)
    found |= {f"cos_theta_{i + 1}": c[:, i] for i in range(3)}
    found |= {f"phi_{i + 1}": a[:, i] for i in range(3)}
    found["cos_theta_plane"], found["phi_plane"] = plane_normal(p)
    return found


def _many_body(p: Tensor) -> dict[str, Tensor]:
    """Return the observables of events of any number of particles, by name, each [n]."""
    e = energies(p)
    return {
        "E_1": e[:, 0],
        "E_max": e.amax(-1),
        "log10_E_min": e.amin(-1).clamp_min(LOG_FLOOR).log10(),
        "cos_theta_1": cos_theta(p)[:, 0],
        "phi_1": phi(p)[:, 0],
    }


def observables(p: Tensor, process: str) -> dict[str, np.ndarray]:
    """Return the compared observables of events [n, N, 3] as float64 arrays [n], by name.

    Three particles: E_1..3, cos_theta and phi of each particle and of the event plane, and for ``muon`` also ln_f, u_1
    and u_2. Other N: E_1, E_max, log10_E_min, cos_theta_1, phi_1. Always log10_tau, last.
    """
    parts: list[dict[str, Tensor]] = []
    for start in range(0, max(len(p), 1), _CHUNK):
        chunk = p[start : start + _CHUNK]
        found = _three_body(chunk, process) if p.shape[-2] == 3 else _many_body(chunk)
        parts.append(found | {"log10_tau": tau(chunk).clamp_min(LOG_FLOOR).log() / math.log(10.0)})
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}
