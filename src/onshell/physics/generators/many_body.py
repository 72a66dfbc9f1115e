"""Any number of particles: uniform phase space by RAMBO in spinors, and antennas by SARGE (hep-ph/0004047)."""

import numpy as np
import torch
from torch import Tensor

from onshell.physics.generators.three_body import permuted
from onshell.physics.kinematics import random_rotations
from onshell.physics.process import PROCESSES
from onshell.physics.spinors import massless


def uniform(rng: np.random.Generator, size: int, *, n_particles: int) -> Tensor:
    """Return `size` events [size, n_particles, 3] uniform in massless phase space, E_cm = 1.

    Gaussian spinors are the RAMBO prior (6). Their overall phases move nothing, so the first component is drawn real:
    its modulus is Rayleigh-distributed, the root of twice an exponential.
    """
    PROCESSES["uniform"].check(n_particles=n_particles)
    modulus = np.sqrt(2 * rng.standard_exponential((n_particles, size)))
    b_re, b_im = rng.standard_normal((2, n_particles, size))
    return torch.from_numpy(massless(modulus, b_re, b_im)).permute(2, 1, 0)


def sarge(rng: np.random.Generator, size: int, *, cutoff: float, n_particles: int = 10, permute: bool = True) -> Tensor:
    """Return `size` SARGE events [size, n_particles, 3] with E_cm = 1 and cutoff xi, around (21).

    The basic antenna is linear in spinors: lambda_k = sqrt(xi_2) lambda_{i-1} + sqrt(xi_1) e^{i phi} lambda_N has
    k.q_{i-1} = xi_1 d and k.q_N = xi_2 d with d = q_{i-1}.q_N. Neither a boost nor a rotation is needed, and with
    lambda_1 = (1, 0), lambda_N = (0, 1) all first components stay real. `massless` and a random rotation are the RAMBO
    map. Particles are in random order, or in that of the chain 1, 2, ..., N without `permute`.
    """
    PROCESSES["sarge"].check(n_particles=n_particles, cutoff=cutoff)
    root = np.exp(rng.uniform(-0.5, 0.5, (2, n_particles - 2, size)) * np.log(cutoff))
    phi = rng.uniform(0.0, 2 * np.pi, (n_particles - 2, size))
    emitted_re, emitted_im = root[0] * np.cos(phi), root[0] * np.sin(phi)
    a, b_re, b_im = np.zeros((3, n_particles, size))
    a[0] = b_re[-1] = 1.0
    for i in range(1, n_particles - 1):
        np.multiply(root[1, i - 1], a[i - 1], out=a[i])
        for b, emitted in ((b_re, emitted_re), (b_im, emitted_im)):
            np.multiply(root[1, i - 1], b[i - 1], out=b[i])
            b[i] += emitted[i - 1]
    if permute:
        a, b_re, b_im = permuted(rng, a, b_re, b_im)
    turn = random_rotations(size, rng).permute(1, 2, 0).numpy()
    p = massless(a, b_re, b_im)
    turned = np.stack([turn[k, 0] * p[0] + turn[k, 1] * p[1] + turn[k, 2] * p[2] for k in range(3)])
    return torch.from_numpy(turned).permute(2, 1, 0)
