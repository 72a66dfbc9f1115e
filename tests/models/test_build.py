"""The registry."""

import pytest
import torch

from helpers.networks import small_spec
from onshell.errors import OnshellError
from onshell.models.build import build, objective
from onshell.models.mlp import Mlp
from onshell.physics import rambo
from onshell.streams import stream, torch_stream


def test_a_spec_becomes_its_network():
    network = build(small_spec(network={"width": 24, "depth": 2}))
    assert isinstance(network, Mlp)
    assert [layer.out_features for layer in network.hidden] == [24, 24]


def test_weights_come_from_the_stream_of_the_run():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, again, other = build(small_spec()), build(small_spec()), build(small_spec(run="another"))
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(one.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(one.hidden[0].weight, other.hidden[0].weight)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"network": {"type": "mpl"}}, "network.type: 'mpl' is not known; did you mean 'mlp'"),
        ({"network": {"heads": 8}}, "network: the type 'mlp' does not take .*heads"),
        ({"loss": {"type": "imm"}}, "loss.type: 'imm' is not known"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(spec, message):
    make = objective if "loss" in spec else build
    with pytest.raises(OnshellError, match=message):
        make(small_spec(**spec))


def test_drawn_rows_are_float32_and_reproducible():
    data = rambo.sample_prior(100, 3, stream(1, "q"))
    task = objective(small_spec())
    first, again = (task.draw(data, stream(1, "t"), torch_stream(1, "e")) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert a.dtype == torch.float32
        assert len(a) == 100
        assert torch.equal(a, b)
    q, t, weight = first
    assert q.is_contiguous()
    assert t.min() >= 1 / 20
    torch.testing.assert_close(weight, 1 - t + 0.01)


def test_an_unknown_divergence_is_named():
    task = objective(small_spec(loss={"divergence": "guess"}))
    with pytest.raises(OnshellError, match=r"loss\.divergence: 'guess'"):
        task.loss(build(small_spec()), torch.ones(2, 3, 3), torch.ones(2), torch.ones(2))
