import math

import numpy as np
import torch

from helpers.maps import assert_on_shell, assert_permutation_equivariant
from onshell.core.rng import stream
from onshell.physics import rambo, spinors
from onshell.physics.kinematics import energies, pair_products


def gaussian(n, n_particles):
    re, im = stream(3, "spinors", n_particles).standard_normal((2, n, n_particles, 2))
    return torch.from_numpy(re + 1j * im)


def test_vectors_and_spinors_are_inverse_up_to_a_phase():
    z = gaussian(1000, 4)
    q = spinors.to_vectors(z)
    torch.testing.assert_close(2 * energies(q), z.abs().square().sum(-1))
    torch.testing.assert_close(spinors.to_vectors(spinors.from_vectors(q)), q)
    phase = torch.from_numpy(stream(4, "phase").uniform(0, 2 * math.pi, (1000, 4)))
    turned = spinors.from_vectors(q, phase)
    torch.testing.assert_close(spinors.to_vectors(turned), q)
    torch.testing.assert_close(turned, spinors.from_vectors(q) * torch.exp(1j * phase).unsqueeze(-1))


def test_zero_momentum_has_the_zero_spinor():
    assert torch.equal(spinors.from_vectors(torch.zeros(1, 3)), torch.zeros(1, 2, dtype=torch.complex64))


def test_polar_map_is_rambo():
    for n_particles in (2, 3, 10):
        z = gaussian(2000, n_particles)
        p = spinors.to_vectors(spinors.orthonormalise(z))
        assert_on_shell(p)
        torch.testing.assert_close(p, rambo.to_p(spinors.to_vectors(z)), rtol=0, atol=1e-8)
        assert_on_shell(spinors.to_vectors(spinors.orthonormalise(z, 13.0)), e_cm=13.0)


def test_polar_map_is_equivariant_and_differentiable():
    z = gaussian(2, 3)
    assert_permutation_equivariant(spinors.orthonormalise, z)
    assert torch.autograd.gradcheck(spinors.orthonormalise, (z.requires_grad_(),))


def test_gram_schmidt_has_the_invariants_of_rambo():
    rng = stream(5, "rows")
    a, b_re, b_im = np.abs(rng.standard_normal((5, 2000))), *rng.standard_normal((2, 5, 2000))
    z = torch.from_numpy(np.stack([a + 0j, b_re + 1j * b_im], -1)).transpose(0, 1)
    p = torch.from_numpy(spinors.massless(a, b_re, b_im)).permute(2, 1, 0)
    assert_on_shell(p)
    torch.testing.assert_close(pair_products(p), pair_products(rambo.to_p(spinors.to_vectors(z))), rtol=0, atol=1e-12)
