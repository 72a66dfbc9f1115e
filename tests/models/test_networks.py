"""Every network of the package, and what each of them does besides."""

import math

import numpy as np
import pytest
import torch

from helpers.networks import (
    EVERY_NETWORK,
    NETWORK_OF_PARTICLES,
    assert_drawn_from_seed,
    assert_exact_divergence,
    awaken,
    can_be_compiled,
    events_and_times,
    is_twice_differentiable,
    keeps_no_order,
    seeded,
)
from onshell.core.errors import OnshellError
from onshell.models.divergence import by_autograd
from onshell.models.networks.options import NETWORKS, problems
from onshell.models.networks.time_embedding import time_embedding
from onshell.physics.kinematics import random_rotations, rotate

BEAM = [0.0, 0.0, 1.0]
BLOCKS = {"width": 16, "blocks": 2, "heads": 2, "mlp_ratio": 2, "time_dim": 8}
SMALL_MLP = {"type": "equivariant-mlp", "width": 16, "depth": 2, "time_dim": 8}
SMALL_TRANSFORMER = {**BLOCKS, "type": "equivariant-transformer", "pair_width": 8}
KINDS = {
    "mlp": {"type": "mlp", "width": 32, "depth": 3, "time_dim": 8},
    "pet": {**BLOCKS, "type": "pet", "blocks": 1, "local_layers": 2, "neighbours": 3},
    "transformer": {**BLOCKS, "type": "transformer"},
    "equivariant mlp": SMALL_MLP,
    "equivariant mlp, labelled": {**SMALL_MLP, "exchangeable": False},
    "equivariant mlp, beam": {**SMALL_MLP, "axis": BEAM},
    "equivariant mlp, cosines": {**SMALL_MLP, "log_pairs": False},
    "equivariant transformer": SMALL_TRANSFORMER,
    "equivariant transformer, labelled": {**SMALL_TRANSFORMER, "labelled": True},
    "equivariant transformer, beam": {**SMALL_TRANSFORMER, "axis": BEAM},
}
ANY_NUMBER = ("pet", "transformer", "equivariant transformer", "equivariant transformer, beam")
EQUIVARIANT = [kind for kind in KINDS if kind.startswith("equivariant")]
CHECKS = [
    (kind, check)
    for kind in KINDS
    for check in (NETWORK_OF_PARTICLES if kind in ANY_NUMBER else EVERY_NETWORK)
    if check is not can_be_compiled or "," not in kind
]


def options(kind, **over):
    return NETWORKS[KINDS[kind]["type"]](**{**KINDS[kind], **over})


def made(kind, n_particles=3, **over):
    return seeded(lambda: options(kind, **over).make(n_particles), seed=1)


def test_every_type_is_tried():
    assert {entry["type"] for entry in KINDS.values()} == set(NETWORKS)


@pytest.mark.parametrize(("kind", "check"), CHECKS)
def test_it_is_a_network(kind, check):
    check(made(kind), 3)


@pytest.mark.parametrize("kind", KINDS)
def test_its_weights_come_from_the_seed(kind):
    assert_drawn_from_seed(lambda: options(kind).make(3))


@pytest.mark.parametrize("kind", KINDS)
def test_the_divergence_is_exact(kind):
    assert_exact_divergence(made(kind), 3)


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_the_divergence_in_one_pass_is_exact_at_every_depth(depth):
    assert_exact_divergence(made("mlp", 4, width=12, depth=depth, time_dim=6), 4)


def test_the_divergence_in_bfloat16_is_near_and_without_bias():
    network = awaken(NETWORKS["mlp"]().make(3), scale=0.06)
    x, t = torch.randn(512, 3, 3, generator=torch.Generator().manual_seed(5)), torch.linspace(0, 1, 512)
    exact = by_autograd(network, x, t)[1].detach()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        field, rough = network.with_divergence(x, t)
    assert (field.dtype, rough.dtype) == (torch.bfloat16, torch.float32)
    error = (rough - exact).detach()
    assert error.std() < 0.03 * exact.std()
    # Roundings are shared by all events through the weights, so the mean error does not fall as 1/sqrt(n).
    assert error.mean().abs() < 0.01 * exact.std()


@pytest.mark.parametrize("kind", ["pet", "transformer"])
def test_many_particles_are_twice_differentiable(kind):
    is_twice_differentiable(made(kind), 20)


def test_the_defaults_are_the_published_sizes():
    def count(kind):
        return sum(weight.numel() for weight in NETWORKS[kind]().make(10 if kind == "pet" else 3).parameters())

    assert count("mlp") == 74 * 256 + 3 * 257 * 256 + 257 * 9
    embedding, block = 7 * 128 + 128, 12 * 128**2 + 9 * 128
    time = 65 * 128 + 129 * 128
    assert count("transformer") == embedding + 4 * block + time + 129 * 2 * 9 * 128 + 129 * 3
    edges = (2 * 7 + 1) * 128 + 129 * 128 + (2 * 128 + 1) * 128 + 129 * 128
    ends = 8 * 256 + 257 * 128 + 129 * 256 + 257 * 3
    assert count("pet") == ends + edges + 8 * block + time + 129 * 2 * 18 * 128
    assert (NETWORKS["pet"]().heads, NETWORKS["pet"]().neighbours) == (8, 10)


FAULTS = [
    *(("mlp", key, value) for key, value in (("width", 0), ("depth", 0), ("time_dim", 7), ("width", 2.5))),
    *(("pet", key, value) for key, value in (("width", 0), ("heads", 5), ("local_layers", 0), ("neighbours", 0))),
    *(("transformer", key, value) for key, value in (("blocks", 0), ("mlp_ratio", 0), ("max_particles", 1))),
    *(("equivariant mlp", key, value) for key, value in (("time_dim", 6), ("axis", [0, 0]), ("axis", [0, 0, 0]))),
    *(("equivariant transformer", key, value) for key, value in (("pair_width", 0), ("axis", [0, 0, math.nan]))),
    *(("equivariant transformer", key, value) for key, value in (("heads", 3), ("depth", 2), ("labelled", 1))),
]


@pytest.mark.parametrize(("kind", "key", "value"), FAULTS)
def test_a_faulty_option_is_named_in_one_line(kind, key, value):
    (problem,) = problems({**KINDS[kind], key: value})
    assert problem.startswith((f"{key}: ", f"{key}.2: "))
    assert "\n" not in problem


@pytest.mark.parametrize("kind", ["pet", "transformer", "equivariant transformer"])
def test_other_numbers_of_particles_than_it_takes_are_refused(kind):
    network = made(kind, max_particles=4)
    network(torch.randn(2, 4, 3), torch.rand(2))
    with pytest.raises(OnshellError, match=r"network\.max_particles: 4 is below the 5 particles of the events"):
        network(torch.randn(2, 5, 3), torch.rand(2))
    with pytest.raises(OnshellError, match="events of 1 particles have no pairs"):
        network(torch.randn(2, 1, 3), torch.rand(2))
    with pytest.raises(OnshellError, match="made for 3 particles, the events have 2"):
        made("equivariant mlp")(torch.randn(2, 2, 3), torch.rand(2))


def test_embeddings_of_times_differ():
    embedded = time_embedding(torch.linspace(0, 1, 501), 64)
    assert embedded.shape == (501, 64)
    assert embedded.abs().max() <= 1
    assert torch.pdist(embedded).min() > 0.05


def test_only_neighbours_matter_to_the_edge_convolutions():
    network = made("pet", 4, neighbours=1).double()
    edges = {}
    network.local[-1].register_forward_hook(lambda module, inputs, output: edges.update(seen=output))
    # Two pairs, each back to back with the other: a change in one pair is not felt in the other.
    x = torch.tensor([[[0.0, 0, 1], [0, 0.1, 1], [0, 0, -1], [0, 0.1, -1]]], dtype=torch.float64)
    network(x, torch.zeros(1, dtype=torch.float64))
    before = edges["seen"]
    network(x * torch.tensor([1.0, 3.0, 1.0, 1.0], dtype=torch.float64)[:, None], torch.zeros(1, dtype=torch.float64))
    assert ((edges["seen"] - before).abs().amax(-1)[0] > 1e-4).tolist() == [True, True, False, False]


def about_the_beam(n):
    """Rotations about the z axis, the first half of them with a reflection of x."""
    angle = torch.from_numpy(np.random.default_rng(3).uniform(0, 2 * np.pi, n))
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros(n), torch.ones(n)
    turned = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).view(n, 3, 3).double()
    turned[: n // 2] = turned[: n // 2] @ torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    return turned


@pytest.mark.parametrize("kind", EQUIVARIANT)
def test_it_turns_with_the_event(kind):
    network = awaken(made(kind, 4).double(), scale=0.2)
    x, t = events_and_times(20, 4, torch.float64)
    turns = random_rotations(20, np.random.default_rng(2))
    turns[:10] *= -1  # reflections, too
    for turn, holds in ((about_the_beam(20), True), (turns, "beam" not in kind)):
        there, back = network(rotate(x, turn), t), rotate(network(x, t), turn)
        assert torch.allclose(there, back, rtol=1e-8, atol=1e-9) == holds


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_as_symmetric_as_its_options_say(kind):
    if options(kind).symmetric:
        keeps_no_order(made(kind), 3)
    else:
        network = awaken(made(kind).double(), scale=0.2)
        x, t = events_and_times(6, 3, torch.float64)
        assert (network(x.flip(1), t) - network(x, t).flip(1)).abs().max() > 1e-3


@pytest.mark.parametrize("kind", EQUIVARIANT)
@pytest.mark.parametrize("angle", [1e-4, 1e-6])
def test_a_collinear_pair_is_resolved_in_float32(kind, angle):
    """Two particles at a tiny angle: float32 gives the field of float64, whose part between the two is not small."""
    network = awaken(made(kind, 4), scale=0.3)
    x, t = events_and_times(50, 4, torch.float64)
    across = torch.linalg.cross(x[:, 0], x[:, 2])
    x[:, 1] = 0.7 * (x[:, 0] + angle * across * (x[:, 0].norm(dim=-1) / across.norm(dim=-1))[:, None])
    x = x.float().double()
    rough = network(x.float(), t.float()).double()
    exact = network.double()(x, t.float().double())
    assert (rough - exact).norm() < 3e-7 / angle * exact.norm()


def test_an_opposite_pair_is_finite():
    network = awaken(made("equivariant mlp"), scale=0.3)
    x = torch.tensor([[[0.0, 0, 1], [0, 0, -1], [1e-9, 0, 0]], [[0.0, 0, 1], [0, 0, -0.5], [0, 0, -0.5]]])
    x.requires_grad_()
    field = network(x, torch.tensor([0.5, 1e-4]))
    field.square().sum().backward()
    assert torch.isfinite(field).all()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("kind", EQUIVARIANT)
def test_hidden_weights_are_matrices_of_its_own(kind):
    network = made(kind)
    own, hidden = {id(weight) for weight in network.parameters()}, network.hidden_weights()
    assert len(hidden) == len({id(weight) for weight in hidden}) > 1
    assert all(id(weight) in own and weight.ndim == 2 for weight in hidden)
