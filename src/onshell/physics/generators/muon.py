"""Muon decay, mu -> e nu nu, exactly and without rejection."""

import numpy as np
import torch
from torch import Tensor

from onshell.physics.generators.three_body import only_three, turned


def block(rng: np.random.Generator, size: int, *, n_particles: int = 3) -> Tensor:
    """Return `size` events [size, 3, 3] of (15) with E_cm = 1: electron, neutrino, electron antineutrino.

    E_3 has density 96 E_3^2 (1 - 2 E_3), a Beta(3, 2) on [0, 1/2]; given E_3, E_1 is uniform where it is allowed.
    """
    only_three("muon", n_particles)
    x_3 = rng.beta(3.0, 2.0, size)
    y_23 = x_3 * rng.random(size)
    return torch.from_numpy(turned(rng, 1 - x_3, x_3 - y_23, y_23, rng.uniform(-1.0, 1.0, size))).permute(2, 1, 0)
