"""e+ e- -> q qbar g through photon and Z above a pair-mass cutoff, oriented about the beam."""

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics.generators.three_body import only_three, permuted, turned
from onshell.physics.matrix_elements import helicity_rates


def block(
    rng: np.random.Generator,
    size: int,
    *,
    cutoff: float,
    sqrt_s: float = 1000.0,
    n_particles: int = 3,
    permute: bool = True,
) -> Tensor:
    """Return `size` events [size, 3, 3] of (17) with E_cm = 1, all s_IJ/s >= `cutoff`, electron beam along +z.

    `sqrt_s` in GeV sets the mixture of photon and Z alone. Particles are in random order, or quark, antiquark, gluon
    without `permute`.
    """
    only_three("qqg", n_particles)
    if not 0 < cutoff < 1 / 3:
        raise OnshellError(f"qqg: cutoff = {cutoff!r} leaves no phase space: it must be above 0 and below 1/3")
    if not 0 < sqrt_s < np.inf:
        raise OnshellError(f"qqg: sqrt_s = {sqrt_s!r} must be a positive energy in GeV, such as 1000")
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
