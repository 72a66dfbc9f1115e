"""The Point-Edge Transformer."""

import pytest
import torch

from helpers.networks import NETWORK_OF_PARTICLES, assert_drawn_from_seed, is_twice_differentiable, seeded
from onshell.core.errors import OnshellError
from onshell.models.pet import Pet


def small(n_particles=6, neighbours=3):
    sizes = {"width": 16, "blocks": 1, "heads": 2, "local_layers": 2, "mlp_ratio": 2, "time_dim": 8}
    return Pet(n_particles, neighbours=neighbours, **sizes)


@pytest.mark.parametrize("check", NETWORK_OF_PARTICLES)
def test_it_is_a_network_of_particles(check):
    check(seeded(small, seed=1), 6)


def test_many_particles_are_twice_differentiable():
    is_twice_differentiable(seeded(small, seed=1), 20)


def test_its_weights_come_from_the_seed():
    assert_drawn_from_seed(small)


def test_only_neighbours_matter_to_the_local_layers():
    network = seeded(lambda: small(neighbours=1), seed=1).double()
    edges = {}
    network.local[-1].register_forward_hook(lambda module, inputs, output: edges.update(seen=output))
    # Two pairs, each back to back with the other: a change in one pair is not felt in the other.
    x = torch.tensor([[[0.0, 0, 1], [0, 0.1, 1], [0, 0, -1], [0, 0.1, -1]]], dtype=torch.float64)
    network(x, torch.zeros(1, dtype=torch.float64))
    before = edges["seen"]
    network(x * torch.tensor([1.0, 3.0, 1.0, 1.0], dtype=torch.float64)[:, None], torch.zeros(1, dtype=torch.float64))
    assert ((edges["seen"] - before).abs().amax(-1)[0] > 1e-4).tolist() == [True, True, False, False]


def test_the_defaults_are_the_published_size():
    network = Pet(10)
    assert len(network.blocks) == 8
    assert len(network.local) == 2
    assert network.neighbours == 10
    assert network.blocks[0].attention.heads == 8
    assert network.head.in_features == 128
    assert sum(weight.numel() for weight in network.blocks.parameters()) == 8 * (12 * 128**2 + 9 * 128)


@pytest.mark.parametrize(
    ("key", "value"),
    [("width", 0), ("heads", 5), ("local_layers", 0), ("neighbours", 0), ("time_dim", 7), ("max_particles", 1)],
)
def test_faulty_sizes_are_named(key, value):
    with pytest.raises(OnshellError, match=rf"network\.{key}: {value}"):
        Pet(10, **{key: value})


def test_too_many_particles_are_refused():
    network = Pet(10, width=8, heads=2, blocks=1, max_particles=10)
    with pytest.raises(OnshellError, match=r"network\.max_particles: 10 is below the 11 particles of the events"):
        network(torch.randn(2, 11, 3), torch.rand(2))
