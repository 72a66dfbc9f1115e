"""Uniform massless phase space, any number of particles: RAMBO in spinors."""

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics.spinors import massless


def block(rng: np.random.Generator, size: int, *, n_particles: int) -> Tensor:
    """Return `size` events [size, n_particles, 3] uniform in massless phase space, E_cm = 1.

    Gaussian spinors are the RAMBO prior (6). Their overall phases move nothing, so the first component is drawn real:
    its modulus is Rayleigh-distributed, the root of twice an exponential.
    """
    if not isinstance(n_particles, int) or n_particles < 2:
        raise OnshellError(f"uniform: n_particles = {n_particles!r} must be an integer of at least 2")
    modulus = np.sqrt(2 * rng.standard_exponential((n_particles, size)))
    b_re, b_im = rng.standard_normal((2, n_particles, size))
    return torch.from_numpy(massless(modulus, b_re, b_im)).permute(2, 1, 0)
