"""The small transformer."""

import pytest
import torch

from helpers.networks import (
    NETWORK_OF_PARTICLES,
    assert_drawn_from_seed,
    assert_exact_divergence,
    is_twice_differentiable,
    seeded,
)
from onshell.core.errors import OnshellError
from onshell.models.transformer import Transformer


def small(n_particles=3):
    return Transformer(n_particles, width=16, blocks=2, heads=2, mlp_ratio=2, time_dim=8)


@pytest.mark.parametrize("check", NETWORK_OF_PARTICLES)
def test_it_is_a_network_of_particles(check):
    check(seeded(small, seed=1), 3)


def test_many_particles_are_twice_differentiable():
    is_twice_differentiable(seeded(small, seed=1), 20)


def test_the_divergence_is_exact():
    assert_exact_divergence(small(), 3)


def test_its_weights_come_from_the_seed():
    assert_drawn_from_seed(small)


def test_the_size_of_the_defaults():
    tokens, block = 7 * 128 + 128, 12 * 128**2 + 9 * 128
    clock = 65 * 128 + 129 * 128 + 129 * 2 * 9 * 128
    assert sum(weight.numel() for weight in Transformer(3).parameters()) == tokens + 4 * block + clock + 129 * 3


@pytest.mark.parametrize(
    ("key", "value"),
    [("width", 0), ("blocks", 0), ("heads", 3), ("mlp_ratio", 0), ("time_dim", 7), ("max_particles", 1)],
)
def test_faulty_sizes_are_named(key, value):
    with pytest.raises(OnshellError, match=rf"network\.{key}: {value}"):
        Transformer(3, **{key: value})


def test_too_many_particles_are_refused():
    network = Transformer(3, width=8, heads=2, blocks=1, max_particles=4)
    network(torch.randn(2, 4, 3), torch.rand(2))
    with pytest.raises(OnshellError, match=r"network\.max_particles: 4 is below the 5 particles of the events"):
        network(torch.randn(2, 5, 3), torch.rand(2))
    with pytest.raises(OnshellError, match="events of 1 particles have no pairs"):
        network(torch.randn(2, 1, 3), torch.rand(2))
