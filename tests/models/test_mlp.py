"""The multilayer perceptron and its divergence."""

import pytest
import torch

from helpers.networks import EVERY_NETWORK, assert_drawn_from_seed, assert_exact_divergence, awaken, seeded
from onshell.core.errors import OnshellError
from onshell.models.divergence import by_autograd
from onshell.models.mlp import Mlp, time_embedding


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("n_particles", [3, 4])
def test_the_divergence_is_exact(depth, n_particles):
    assert_exact_divergence(Mlp(n_particles, width=12, depth=depth, time_dim=6), n_particles)


@pytest.mark.parametrize("check", EVERY_NETWORK)
def test_it_is_a_network(check):
    check(seeded(lambda: Mlp(3, width=32, depth=3, time_dim=8), seed=1), 3)


def test_its_weights_come_from_the_seed():
    assert_drawn_from_seed(lambda: Mlp(3, width=8))


def test_the_paper_network_has_four_hidden_layers_of_256():
    assert sum(weight.numel() for weight in Mlp(3).parameters()) == 74 * 256 + 3 * 257 * 256 + 257 * 9


def test_the_divergence_in_bfloat16_is_near_and_without_bias():
    network = awaken(Mlp(3), scale=0.06)
    x, t = torch.randn(512, 3, 3, generator=torch.Generator().manual_seed(5)), torch.linspace(0, 1, 512)
    exact = by_autograd(network, x, t)[1].detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        field, rough = network.with_divergence(x, t)
    assert field.dtype == torch.bfloat16
    assert rough.dtype == torch.float32
    error = (rough - exact).detach()
    spread = exact.std()
    assert error.std() < 0.03 * spread
    # Roundings are shared by all events through the weights, so the mean error does not fall as 1/sqrt(n).
    assert error.mean().abs() < 0.01 * spread


@pytest.mark.parametrize(("key", "value"), [("width", 0), ("depth", 0), ("time_dim", 7)])
def test_faulty_sizes_are_named(key, value):
    with pytest.raises(OnshellError, match=rf"network\.{key}: {value}"):
        Mlp(3, **{key: value})


def test_times_are_told_apart():
    embedded = time_embedding(torch.linspace(0, 1, 501), 64)
    assert embedded.shape == (501, 64)
    assert embedded.abs().max() <= 1
    assert torch.pdist(embedded).min() > 0.05
