"""Phase space by a chain of two-body decays: an estimate that shares nothing with RAMBO."""

import math

import numpy as np
import torch


def decay_chain(n, n_particles, rng):
    """Weighted events [n, N, 3] with E_cm = 1; the mean weight is the volume of phase space, measure d^3p/(2E).

    A particle of mass M_k decays into a massless one and one of mass M_{k-1}, in whose rest frame the next decay is.
    The masses are sorted uniform numbers.
    """
    inner = np.sort(rng.random((n, n_particles - 2)), axis=1)
    masses = np.concatenate([np.zeros((n, 1)), inner, np.ones((n, 1))], axis=1)
    weight = np.full(n, 1 / math.factorial(n_particles - 2))
    done = np.zeros((n, 0, 4))
    for k in range(1, n_particles):
        light, heavy = masses[:, k - 1], masses[:, k]
        momentum = (heavy**2 - light**2) / (2 * heavy)
        weight *= math.pi * momentum / heavy * (2 * heavy if k < n_particles - 1 else 1)
        direction = rng.standard_normal((n, 3))
        direction *= (momentum / np.linalg.norm(direction, axis=1))[:, None]
        new = np.concatenate([momentum[:, None], direction], axis=1)[:, None]
        if k == 1:
            done = np.concatenate([new, new * [1, -1, -1, -1]], axis=1)
        else:
            recoil = np.concatenate([(heavy - momentum)[:, None], -direction], axis=1)
            done = np.concatenate([boosted(done, recoil, light), new], axis=1)
    return torch.from_numpy(done[..., 1:]), weight


def boosted(vectors, frame, mass):
    """Four-vectors [n, K, 4] given in the rest frame of `frame` [n, 4] of mass [n], in the frame where it moves."""
    along = np.einsum("nki,ni->nk", vectors[..., 1:], frame[:, 1:])
    energy = (frame[:, :1] * vectors[..., 0] + along) / mass[:, None]
    factor = (vectors[..., 0] + energy) / (frame[:, :1] + mass[:, None])
    return np.concatenate([energy[..., None], vectors[..., 1:] + factor[..., None] * frame[:, None, 1:]], axis=2)
