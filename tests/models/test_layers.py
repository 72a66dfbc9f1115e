"""The parts of networks: attention, activation, features, edges to neighbours."""

import math

import pytest
import torch
from torch.nn.functional import cosine_similarity
from torch.nn.functional import silu as plain_silu

from helpers.networks import events_and_times
from onshell.core.rng import stream
from onshell.models.networks.features import FEATURES, particle_features
from onshell.models.networks.layers import FEW, attend, silu
from onshell.models.networks.pet import EdgeConv, neighbours
from onshell.physics.kinematics import random_rotations, rotate


@pytest.mark.parametrize("n", [2, 3, FEW, FEW + 1, 40])
@pytest.mark.parametrize("twice", [True, False])
def test_attention_is_the_mean_of_values_under_a_softmax(n, twice):
    q, k, v = torch.randn(3, 5, 2, n, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = (torch.einsum("bhid,bhjd->bhij", q, k) / math.sqrt(4)).exp()
    expected = torch.einsum("bhij,bhjd->bhid", weights / weights.sum(-1, keepdim=True), v)
    torch.testing.assert_close(attend(q, k, v, twice=twice), expected, rtol=1e-10, atol=1e-10)


def test_large_logits_do_not_overflow():
    q = 100 * torch.randn(3, 2, 5, 4, generator=torch.Generator().manual_seed(1))
    assert torch.isfinite(attend(q, q, q, twice=True)).all()


@pytest.mark.parametrize("n", [3, FEW + 1])
def test_attention_is_twice_differentiable(n):
    generator = torch.Generator().manual_seed(1)
    parts = [torch.randn(1, 1, n, 2, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    assert torch.autograd.gradgradcheck(lambda *qkv: attend(*qkv, twice=True), parts, fast_mode=True)


def test_the_activation_is_three_times_differentiable():
    z = torch.linspace(-6, 6, 13, dtype=torch.float64, requires_grad=True)

    def curvature(z):
        (slope,) = torch.autograd.grad(silu(z, True).sin().sum(), z, create_graph=True)
        return torch.autograd.grad(slope.sin().sum(), z, create_graph=True)[0]

    assert torch.autograd.gradcheck(lambda z: silu(z, True), z)
    assert torch.autograd.gradgradcheck(lambda z: silu(z, True), z)
    assert torch.autograd.gradcheck(curvature, z)
    assert torch.equal(silu(z, True), silu(z, False))


def test_features_are_the_momentum_its_direction_and_its_logarithm():
    seen = particle_features(torch.tensor([[[3.0, 0.0, 4.0]]], dtype=torch.float64))[0, 0]
    assert len(seen) == FEATURES
    torch.testing.assert_close(seen, torch.tensor([3, 0, 4, 0.6, 0, 0.8, math.log(5) / 4], dtype=torch.float64))
    unit = torch.tensor([[[0.6, 0.0, -0.8]]])
    for size in (1e-6, 1e-5, 1e-3, 1.0, 10.0):
        seen = particle_features(size * unit)[0, 0]
        torch.testing.assert_close(seen[3:6], unit[0, 0], rtol=6e-3, atol=1e-6)
        assert abs(seen[6] - math.log(size) / 4) < 2e-3
        assert seen[6].abs() < 4


def test_derivatives_of_features_are_finite_where_there_is_no_direction():
    q = torch.zeros(1, 2, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(particle_features(q).sum(), q, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), q)
    assert torch.isfinite(slope).all()
    assert torch.isfinite(curvature).all()


def test_neighbours_are_the_nearest_in_angle():
    x, _ = events_and_times(50, 7, torch.float64)
    sets = neighbours(x, 3).sum(1)
    cosine = cosine_similarity(x[:, :, None], x[:, None], dim=-1)
    cosine.diagonal(dim1=1, dim2=2).fill_(-2)
    assert (sets.sum(-1) == 3).all()
    assert sets.max() == 1
    assert (sets.diagonal(dim1=1, dim2=2) == 0).all()
    nearest = torch.where(sets == 1, cosine, torch.inf).amin(-1)
    others = torch.where(sets == 0, cosine, -torch.inf).amax(-1)
    assert (nearest > others).all()


def test_neighbours_turn_with_the_event_and_do_not_know_energies():
    x, _ = events_and_times(200, 10, torch.float64)
    expected = neighbours(x, 4).sum(1)
    turn = random_rotations(len(x), stream(1, "test", "turn"))
    assert torch.equal(neighbours(rotate(x, turn), 4).sum(1), expected)
    scales = torch.logspace(-3, 3, 10, dtype=torch.float64)[:, None]
    assert torch.equal(neighbours(scales * x, 4).sum(1), expected)


def test_narrow_angles_differ_in_float32():
    x = torch.tensor([[[0.0, 0, 1], [1e-4, 0, 1], [3e-4, 0, 1], [0, 1e-5, 1]]])
    assert neighbours(x, 1)[0, 0].int().argmax(-1).tolist() == [3, 0, 1, 0]


def test_an_edge_convolution_is_a_perceptron_on_edges():
    layer, generator = EdgeConv(5, 8).double(), torch.Generator().manual_seed(3)
    x = torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    chosen = neighbours(events_and_times(4, 6, torch.float64)[0], 2)
    found = layer(x, chosen, False)
    for b in range(4):
        for i in range(6):
            others = [int(chosen[b, s, i].int().argmax()) for s in range(2)]
            assert i not in others
            edges = [(x[b, j] - x[b, i]) @ layer.near.weight.T + layer.centre(x[b, i]) for j in others]
            hidden = torch.stack([plain_silu(edge) for edge in edges]).mean(0)
            torch.testing.assert_close(found[b, i], plain_silu(layer.out(hidden)))


def test_collinear_edges_survive_bf16():
    # Two particles 1e-3 apart: what their edge adds must come through, not the rounding of its ends.
    layer = EdgeConv(3, 16)
    torch.nn.init.zeros_(layer.centre.weight)
    torch.nn.init.zeros_(layer.centre.bias)
    x = torch.tensor([[[0.6, 0.0, 0.8], [0.6 + 1e-3, 0.0, 0.8]]])
    seen = []
    layer.out.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().float()))
    chosen = neighbours(x, 1)
    layer(x, chosen, False)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x, chosen, False)
    exact, rounded = seen
    assert exact.abs().max() > 0
    torch.testing.assert_close(rounded, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))
