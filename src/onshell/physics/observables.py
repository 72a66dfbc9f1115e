"""Observables of events: functions of momenta p [..., N, 3] and the standard set that metrics and figures compare."""

import math

import numpy as np
import torch
from torch import Tensor

from onshell.physics.kinematics import energies, pair_products
from onshell.physics.process import PROCESSES, labelled

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
    """Return (u_1, u_2) [...] of (16), uniform on the unit square and independent in muon decay.

    u_2 has a pole at E_1 = 3/4, which only events off the shell come near: it is cut to [0, 1].
    """
    e_1, e_2 = energies(p)[..., :2].unbind(-1)
    v = e_1 + e_2 - 0.5
    u_2 = v**2 * (3.0 - 4.0 * v) / (e_1**2 * (3.0 - 4.0 * e_1)).clamp_min(LOG_FLOOR)
    return 16.0 * e_1**3 * (1.0 - e_1), u_2.clamp(0.0, 1.0)


def c_parameter(p: Tensor) -> Tensor:
    """Return C = 3 sum over pairs of E_I E_J sin^2 theta_IJ, over (sum E)^2 [...]: 0 for two jets, 1 for a sphere."""
    n = p.shape[-2]
    first, second = torch.triu_indices(n, n, 1)
    e, products = energies(p), pair_products(p)
    y = products / (e[..., first] * e[..., second]).clamp_min(LOG_FLOOR)
    return 3.0 * (products * (2.0 - y)).sum(-1) / e.sum(-1) ** 2


def log_dalitz(p: Tensor) -> Tensor:
    """Return ln f [...], f = 96 E_3 (1 - 2 E_3) the Dalitz density of muon decay."""
    e_3 = energies(p)[..., 2]
    return (96.0 * e_3 * (1.0 - 2.0 * e_3)).clamp_min(LOG_FLOOR).log()


def _three_body(p: Tensor, process: str) -> dict[str, Tensor]:
    """Return the observables of three-particle events, by name, each [n]; the pooled energy E [3n]."""
    found: dict[str, Tensor] = {}
    e = energies(p)
    special = PROCESSES[process].observables if process in PROCESSES else ()
    if "ln_f" in special:
        found["ln_f"] = log_dalitz(p)
    if not labelled(process):
        found["E"] = e.flatten()
    found |= {f"E_{i + 1}": e[:, i] for i in range(3)}
    if "u_1" in special:
        found["u_1"], found["u_2"] = rosenblatt(p)
    c, a = cos_theta(p), phi(p)
    found |= {f"cos_theta_{i + 1}": c[:, i] for i in range(3)}
    found |= {f"phi_{i + 1}": a[:, i] for i in range(3)}
    found["cos_theta_plane"], found["phi_plane"] = plane_normal(p)
    return found | {"log10_tau": _log10(tau(p))}


def _many_body(p: Tensor) -> dict[str, Tensor]:
    """Return the observables of events of any number of particles, by name, each [n]; the pooled log10_E [nN]."""
    e, products = energies(p), pair_products(p)
    return {
        "log10_E": _log10(e.flatten()),
        "E_1": e[:, 0],
        "E_max": e.amax(-1),
        "log10_E_min": _log10(e.amin(-1)),
        "cos_theta_1": cos_theta(p)[:, 0],
        "phi_1": phi(p)[:, 0],
        "log10_s_12": _log10(2.0 * products[:, 0]),
        "log10_tau": _log10(products.amin(-1)),
    }


def _log10(x: Tensor) -> Tensor:
    """Return log10 of values that are not negative, finite at zero."""
    return x.clamp_min(LOG_FLOOR).log() / math.log(10.0)


def observables(p: Tensor, process: str) -> dict[str, np.ndarray]:
    """Return the compared observables of events [n, N, 3] as float64 arrays, by name.

    One value per event [n], but for the energies of all particles pooled, E and log10_E [nN]. Three particles: E_1..3,
    cos_theta and phi of each particle and of the event plane; those that only `process` has, and E unless
    its particles are labelled.
    Other N: log10_E, E_1, E_max, log10_E_min, cos_theta_1, phi_1, log10_s_12 (s_12 = 2 p_1 . p_2, the mass squared of
    any one pair, since the particles are exchangeable). Always log10_tau, last. Events off the shell give finite
    numbers, too.
    """
    parts: list[dict[str, Tensor]] = []
    for start in range(0, max(len(p), 1), _CHUNK):
        chunk = p[start : start + _CHUNK]
        parts.append(_three_body(chunk, process) if p.shape[-2] == 3 else _many_body(chunk))
    return {name: torch.cat([part[name] for part in parts]).double().numpy() for name in parts[0]}
