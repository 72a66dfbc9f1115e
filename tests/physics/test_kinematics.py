import numpy as np
import pytest
import torch

from helpers.statistics import assert_mean, assert_uniform
from onshell.core.rng import stream
from onshell.physics import kinematics


@pytest.fixture
def momenta():
    return torch.from_numpy(stream(1, "kinematics").standard_normal((5, 7, 4, 3)))


def test_energies_are_lengths_for_any_leading_shape(momenta):
    torch.testing.assert_close(kinematics.energies(momenta), torch.linalg.vector_norm(momenta, dim=-1))
    assert kinematics.energies(momenta[0, 0]).shape == (4,)


def test_energy_of_a_particle_at_rest_has_no_gradient():
    p = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    kinematics.energies(p).sum().backward()
    assert torch.equal(p.grad, torch.zeros_like(p))


def test_products_are_four_vector_products(momenta):
    e = kinematics.energies(momenta)
    expected = e[..., :, None] * e[..., None, :] - momenta @ momenta.transpose(-1, -2)
    torch.testing.assert_close(kinematics.dot(momenta), expected, rtol=1e-12, atol=1e-13)
    i, j = np.triu_indices(4, 1)
    torch.testing.assert_close(kinematics.pair_products(momenta), expected[..., i, j], rtol=1e-12, atol=1e-13)


def test_product_of_collinear_momenta_keeps_its_digits():
    angle = 1e-7
    p = torch.tensor([[0.0, 0.0, 0.5], [0.25 * np.sin(angle), 0.0, 0.25 * np.cos(angle)]], dtype=torch.float64)
    exact = 0.125 * 2 * np.sin(angle / 2) ** 2
    assert abs(kinematics.pair_products(p).item() / exact - 1) < 1e-8


def test_boost_keeps_products_and_is_undone_by_its_opposite(momenta):
    b = torch.from_numpy(stream(2, "kinematics").standard_normal((5, 7, 3)))
    moved = kinematics.boost(momenta, b)
    torch.testing.assert_close(kinematics.pair_products(moved), kinematics.pair_products(momenta))
    torch.testing.assert_close(kinematics.boost(moved, -b), momenta)


def test_boost_gives_a_resting_system_the_momentum_mass_times_b(momenta):
    pair = torch.stack([momenta[..., 0, :], -momenta[..., 0, :]], -2)
    b = torch.from_numpy(stream(3, "kinematics").standard_normal((5, 7, 3)))
    mass = kinematics.energies(pair).sum(-1, keepdim=True)
    torch.testing.assert_close(kinematics.total(kinematics.boost(pair, b)), mass * b)


def test_violation_measures_energy_and_momentum():
    p = torch.tensor([[0.5, 0.0, 0.0], [-0.4, 0.0, 0.0]], dtype=torch.float64)
    off_energy, off_momentum = kinematics.violation(p, e_cm=1.0)
    torch.testing.assert_close(off_energy, torch.tensor(-0.1, dtype=torch.float64))
    torch.testing.assert_close(off_momentum, torch.tensor([0.1, 0.0, 0.0], dtype=torch.float64))


def test_random_rotations_are_proper_and_haar():
    turn = kinematics.random_rotations(50_000, stream(4, "kinematics"))
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3, dtype=torch.float64).expand_as(turn), rtol=0, atol=1e-14)
    torch.testing.assert_close(torch.linalg.det(turn), torch.ones(len(turn), dtype=torch.float64))
    for entry in turn.flatten(1).unbind(1):
        assert_uniform(entry, -1, 1)
    # The trace is 1 + 2 cos(omega), omega with density (1 - cos(omega))/pi: its mean is 0, its mean square 1.
    trace = turn.diagonal(dim1=1, dim2=2).sum(1).numpy()
    assert_mean([trace, trace**2], [0.0, 1.0])


def test_rotate_is_the_matrix_product(momenta):
    turn = kinematics.random_rotations(5, stream(5, "kinematics"))[:, None]
    torch.testing.assert_close(kinematics.rotate(momenta, turn), momenta @ turn.mT)
