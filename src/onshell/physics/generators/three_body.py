"""Muon decay and e+ e- -> q qbar g: three massless particles from their invariants and their orientation."""

import numpy as np
import torch
from torch import Tensor

from onshell.physics.matrix_elements import helicity_rates
from onshell.physics.process import PROCESSES


def muon(rng: np.random.Generator, size: int, *, n_particles: int = 3) -> Tensor:
    """Return `size` events [size, 3, 3] of muon decay (15), E_cm = 1: electron, neutrino, electron antineutrino.

    E_3 has density 96 E_3^2 (1 - 2 E_3), a Beta(3, 2) on [0, 1/2]; given E_3, E_1 is uniform where it is allowed.
    """
    PROCESSES["muon"].check(n_particles=n_particles)
    x_3 = rng.beta(3.0, 2.0, size)
    y_23 = x_3 * rng.random(size)
    return torch.from_numpy(turned(rng, 1 - x_3, x_3 - y_23, y_23, rng.uniform(-1.0, 1.0, size))).permute(2, 1, 0)


def qqg(
    rng: np.random.Generator,
    size: int,
    *,
    cutoff: float,
    sqrt_s: float = 1000.0,
    n_particles: int = 3,
    permute: bool = True,
) -> Tensor:
    """Return `size` events [size, 3, 3] of e+ e- -> q qbar g (17), E_cm = 1, all s_IJ/s >= `cutoff`, electron along +z.

    `sqrt_s` in GeV sets the mixture of photon and Z alone. Particles are in random order, or quark, antiquark, gluon
    without `permute`.
    """
    PROCESSES["qqg"].check(n_particles=n_particles, cutoff=cutoff, sqrt_s=sqrt_s)
    y_13, y_23 = _dalitz(rng, size, cutoff)
    y_12 = 1 - y_13 - y_23
    # The lepton trace is a sum of terms E_I^2 (1 +- cos(theta_I))^2 for quark and antiquark: a mixture, in which one of
    # the two is picked in proportion to E_I^2 and the sign by the helicities; its cosine then has the law (1 +- c)^2.
    quark, antiquark = (1 - y_23) ** 2, (1 - y_13) ** 2
    lead_quark = rng.random(size) * (quark + antiquark) < quark
    equal, opposite = helicity_rates(sqrt_s)
    forward = (rng.random(size) * (equal + opposite) < equal) == lead_quark
    c = 2 * np.cbrt(rng.random(size)) - 1
    c = np.where(forward, c, -c)
    p = turned(rng, y_12, np.where(lead_quark, y_13, y_23), np.where(lead_quark, y_23, y_13), c)
    if permute:
        p = np.stack(permuted(rng, *p))
    else:
        p[:, :2] = np.where(lead_quark, p[:, :2], p[:, 1::-1])
    return torch.from_numpy(p).permute(2, 1, 0)


def turned(rng: np.random.Generator, y_12: np.ndarray, y_13: np.ndarray, y_23: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return events [3, 3 particles, n] with 2 p_I.p_J = y_IJ, E_cm = 1, where particle 1 has cos(theta) = `c` [n].

    The azimuth of particle 1 about z and that of the event about particle 1 are drawn uniformly from `rng`.
    """
    phi, psi = rng.uniform(0.0, 2 * np.pi, (2, *c.shape))
    s, cos_phi, sin_phi = np.sqrt((1 - c) * (1 + c)), np.cos(phi), np.sin(phi)
    e_1, e_2 = 0.5 * (1 - y_23), 0.5 * (1 - y_13)
    # The angle between 1 and 2 from its half: tan^2 = y_12 / (y_13 y_23), which never cancels nor leaves the circle.
    near, far = y_13 * y_23, y_12
    along = e_2 * (near - far) / (near + far)
    across = 2 * e_2 * np.sqrt(near * far) / (near + far)
    polar, azimuthal = across * np.cos(psi), across * np.sin(psi)
    p = np.empty((3, 3, *c.shape))
    p[:, 0] = e_1 * s * cos_phi, e_1 * s * sin_phi, e_1 * c
    in_plane = along * s + polar * c
    p[:, 1] = in_plane * cos_phi - azimuthal * sin_phi, in_plane * sin_phi + azimuthal * cos_phi, along * c - polar * s
    np.negative(p[:, 0] + p[:, 1], out=p[:, 2])
    return p


def permuted(rng: np.random.Generator, *rows: np.ndarray) -> list[np.ndarray]:
    """Return `rows`, each [N, n], with the N particles of every event in one random order, the same for all rows."""
    n_particles, size = rows[0].shape
    order = rng.permuted(np.broadcast_to(np.arange(n_particles), (size, n_particles)), axis=1)
    index = order.T * size + np.arange(size)
    return [row.reshape(-1).take(index) for row in rows]


def _dalitz(rng: np.random.Generator, size: int, cutoff: float) -> np.ndarray:
    """Return (1 - x_2, 1 - x_1) [2, size]: log-uniform above the cutoff, accepted in proportion to x_1^2 + x_2^2."""
    kept, missing = [], size
    while missing > 0:
        y_13, y_23, u = rng.random((3, missing + missing // 2 + 64))
        for y in (y_13, y_23):
            np.exp(np.log(cutoff) + y * np.log((1 - 2 * cutoff) / cutoff), out=y)
        accept = (y_13 + y_23 <= 1 - cutoff) & (2 * u < (1 - y_13) ** 2 + (1 - y_23) ** 2)
        kept.append(np.stack([y_13[accept], y_23[accept]])[:, :missing])
        missing -= kept[-1].shape[1]
    return np.concatenate([np.empty((2, 0)), *kept], 1)
