"""The networks that turn with the event."""

import functools

import numpy as np
import pytest
import torch

from helpers.networks import (
    NETWORK_OF_PARTICLES,
    assert_drawn_from_seed,
    assert_exact_divergence,
    awaken,
    events_and_times,
    keeps_no_order,
    seeded,
    takes_any_number,
)
from onshell.core.errors import OnshellError
from onshell.models.equivariant_mlp import EquivariantMlp
from onshell.models.equivariant_transformer import EquivariantTransformer
from onshell.physics.kinematics import random_rotations, rotate

BEAM = (0.0, 0.0, 1.0)
MLP = functools.partial(EquivariantMlp, width=16, depth=2, time_dim=8)
TRANSFORMER = functools.partial(EquivariantTransformer, width=16, blocks=2, heads=2, pair_width=8, time_dim=8)
KINDS = {
    "mlp": (MLP, True),
    "mlp, labelled": (functools.partial(MLP, exchangeable=False), False),
    "mlp, beam": (functools.partial(MLP, axis=BEAM), True),
    "mlp, cosines": (functools.partial(MLP, log_pairs=False), True),
    "transformer": (TRANSFORMER, True),
    "transformer, labelled": (functools.partial(TRANSFORMER, labelled=True), False),
    "transformer, beam": (functools.partial(TRANSFORMER, axis=BEAM), True),
}
EACH = pytest.mark.parametrize("kind", KINDS)


def made(kind, n_particles=3):
    return seeded(lambda: KINDS[kind][0](n_particles), seed=1)


def about_the_beam(n):
    """Rotations about the z axis, the first half of them with a reflection of x."""
    angle = torch.from_numpy(np.random.default_rng(3).uniform(0, 2 * np.pi, n))
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros(n), torch.ones(n)
    turned = torch.stack([c, -s, zero, s, c, zero, zero, zero, one], -1).view(n, 3, 3).double()
    turned[: n // 2] = turned[: n // 2] @ torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    return turned


def assert_turns(network, x, t, turns, holds=True):
    """Turning the event turns the field (or, if not `holds`, it must not)."""
    there, back = network(rotate(x, turns), t), rotate(network(x, t), turns)
    assert torch.allclose(there, back, rtol=1e-8, atol=1e-9) == holds


@EACH
@pytest.mark.parametrize(
    "check", [check for check in NETWORK_OF_PARTICLES if check not in (keeps_no_order, takes_any_number)]
)
def test_it_is_a_network(kind, check):
    check(made(kind), 3)


@EACH
def test_it_turns_with_the_event(kind):
    network = awaken(made(kind, 4).double(), scale=0.2)
    x, t = events_and_times(20, 4, torch.float64)
    turns = random_rotations(20, np.random.default_rng(2))
    turns[:10] *= -1  # reflections, too
    assert_turns(network, x, t, about_the_beam(20))
    assert_turns(network, x, t, turns, holds="beam" not in kind)


@EACH
def test_it_keeps_no_order_unless_particles_are_labelled(kind):
    if KINDS[kind][1]:
        keeps_no_order(made(kind), 3)
    else:
        network = awaken(made(kind).double(), scale=0.2)
        x, t = events_and_times(6, 3, torch.float64)
        assert (network(x.flip(1), t) - network(x, t).flip(1)).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["transformer", "transformer, beam"])
def test_the_transformer_takes_any_number(kind):
    takes_any_number(made(kind), 3)


@EACH
def test_the_divergence_is_exact(kind):
    assert_exact_divergence(made(kind), 3)


@EACH
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
    network = awaken(made("mlp"), scale=0.3)
    x = torch.tensor([[[0.0, 0, 1], [0, 0, -1], [1e-9, 0, 0]], [[0.0, 0, 1], [0, 0, -0.5], [0, 0, -0.5]]])
    x.requires_grad_()
    made_field = network(x, torch.tensor([0.5, 1e-4]))
    made_field.square().sum().backward()
    assert torch.isfinite(made_field).all()
    assert torch.isfinite(x.grad).all()


@EACH
def test_hidden_weights_are_matrices_of_its_own(kind):
    network = made(kind)
    own, hidden = {id(weight) for weight in network.parameters()}, network.hidden_weights()
    assert len(hidden) == len({id(weight) for weight in hidden}) > 1
    assert all(id(weight) in own and weight.ndim == 2 for weight in hidden)


@EACH
def test_its_weights_come_from_the_seed(kind):
    assert_drawn_from_seed(lambda: KINDS[kind][0](3))


@pytest.mark.parametrize(
    ("make", "key", "value"),
    [
        (MLP, "width", 0),
        (MLP, "depth", 0),
        (MLP, "time_dim", 6),
        (MLP, "axis", [0, 0]),
        (MLP, "axis", [0, 0, 0]),
        (TRANSFORMER, "heads", 3),
        (TRANSFORMER, "pair_width", 0),
        (TRANSFORMER, "time_dim", 6),
        (TRANSFORMER, "axis", [0, 0, float("nan")]),
    ],
)
def test_faulty_options_are_named(make, key, value):
    with pytest.raises(OnshellError, match=rf"network\.{key}: "):
        make(3, **{key: value})


def test_another_number_of_particles_is_refused():
    with pytest.raises(OnshellError, match="made for 3 particles, the events have 2"):
        made("mlp")(torch.randn(2, 2, 3), torch.rand(2))
