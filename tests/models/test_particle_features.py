"""The features of a particle."""

import math

import torch

from onshell.models.particle_features import FEATURES, features


def test_features_are_the_momentum_its_direction_and_its_logarithm():
    seen = features(torch.tensor([[[3.0, 0.0, 4.0]]], dtype=torch.float64))[0, 0]
    expected = torch.tensor([3, 0, 4, 0.6, 0, 0.8, math.log(5) / 4], dtype=torch.float64)
    assert len(seen) == FEATURES
    torch.testing.assert_close(seen, expected)


def test_soft_particles_keep_their_direction_and_size():
    unit = torch.tensor([[[0.6, 0.0, -0.8]]])
    for size in (1e-6, 1e-5, 1e-3, 1.0, 10.0):
        seen = features(size * unit)[0, 0]
        torch.testing.assert_close(seen[3:6], unit[0, 0], rtol=6e-3, atol=1e-6)
        assert abs(seen[6] - math.log(size) / 4) < 2e-3
        assert seen[6].abs() < 4


def test_derivatives_are_finite_where_there_is_no_direction():
    q = torch.zeros(1, 2, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(features(q).sum(), q, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), q)
    assert torch.isfinite(slope).all()
    assert torch.isfinite(curvature).all()
