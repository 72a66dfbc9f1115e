"""Neighbours, and the layer that looks along the edges to them."""

import torch

from helpers.networks import events_and_times
from onshell.core.rng import stream
from onshell.models.edgeconv import Local, neighbours
from onshell.physics.kinematics import random_rotations, rotate


def test_neighbours_are_the_nearest_in_angle():
    x, _ = events_and_times(50, 7, torch.float64)
    sets = neighbours(x, 3).sum(1)
    cosine = torch.nn.functional.cosine_similarity(x[:, :, None], x[:, None], dim=-1)
    cosine.diagonal(dim1=1, dim2=2).fill_(-2)
    assert (sets.sum(-1) == 3).all()
    assert sets.max() == 1
    assert (sets.diagonal(dim1=1, dim2=2) == 0).all()
    nearest = torch.where(sets == 1, cosine, torch.inf).amin(-1)
    others = torch.where(sets == 0, cosine, -torch.inf).amax(-1)
    assert (nearest > others).all()


def test_neighbours_turn_with_the_event():
    x, _ = events_and_times(200, 10, torch.float64)
    turn = random_rotations(len(x), stream(1, "test", "turn"))
    assert torch.equal(neighbours(rotate(x, turn), 4).sum(1), neighbours(x, 4).sum(1))


def test_energies_do_not_choose_neighbours():
    x, _ = events_and_times(200, 10, torch.float64)
    scales = torch.logspace(-3, 3, 10, dtype=torch.float64)[:, None]
    assert torch.equal(neighbours(scales * x, 4).sum(1), neighbours(x, 4).sum(1))


def test_narrow_angles_are_told_apart_in_float32():
    x = torch.tensor([[[0.0, 0, 1], [1e-4, 0, 1], [3e-4, 0, 1], [0, 1e-5, 1]]])
    assert neighbours(x, 1)[0, 0].int().argmax(-1).tolist() == [3, 0, 1, 0]


def test_the_local_layer_is_a_perceptron_on_edges():
    layer, generator = Local(5, 8).double(), torch.Generator().manual_seed(3)
    tokens = torch.randn(4, 6, 5, generator=generator, dtype=torch.float64)
    chosen = neighbours(events_and_times(4, 6, torch.float64)[0], 2)
    silu, w = torch.nn.functional.silu, layer.near.weight
    for b in range(4):
        for i in range(6):
            others = [int(chosen[b, s, i].int().argmax()) for s in range(2)]
            edges = [(tokens[b, j] - tokens[b, i]) @ w.T + layer.centre(tokens[b, i]) for j in others]
            assert i not in others
            expected = silu(layer.out(torch.stack([silu(edge) for edge in edges]).mean(0)))
            torch.testing.assert_close(layer(tokens, chosen, False)[b, i], expected)


def test_collinear_edges_survive_bf16():
    # Two particles 1e-3 apart: what their edge adds must come through, not the rounding of its ends.
    layer = Local(3, 16)
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
