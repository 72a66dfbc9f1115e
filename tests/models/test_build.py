"""The registry."""

import pytest
import torch

from helpers.networks import small_spec
from onshell.core.errors import OnshellError
from onshell.core.rng import torch_stream
from onshell.models.build import build, objective
from onshell.models.networks.mlp import Mlp
from onshell.models.networks.pet import Pet
from onshell.models.networks.transformer import Transformer


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
        ({"network": {"heads": 8}}, r"network\.heads: a network of type mlp has no such key; \(known: width, depth"),
        ({"loss": {"type": "imm"}}, "loss.type: 'imm' is not known"),
        ({"loss": {"type": "flow"}}, "loss.type: 'flow' is not known; .*ism"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(spec, message):
    make = objective if "loss" in spec else build
    with pytest.raises(OnshellError, match=message):
        make(small_spec(**spec))


@pytest.mark.parametrize(("kind", "network"), [("pet", Pet), ("transformer", Transformer)])
def test_networks_for_any_number_of_particles_have_a_largest(kind, network):
    options = {"type": kind, "width": 16, "blocks": 2, "heads": 2, "mlp_ratio": 2, "time_dim": 4, "max_particles": 20}
    spec = {**small_spec(n_particles=20), "network": options}
    made = build(spec)
    assert isinstance(made, network)
    assert made(torch.ones(2, 20, 3), torch.rand(2, generator=torch_stream(1, "t"))).shape == (2, 20, 3)
    with pytest.raises(OnshellError, match=r"network\.max_particles: 20 is below the 25 particles of muon; raise it"):
        build({**spec, "n_particles": 25})


def test_an_unknown_divergence_is_named():
    task = objective(small_spec(loss={"divergence": "guess"}))
    with pytest.raises(OnshellError, match=r"loss\.divergence: 'guess'"):
        task.loss(build(small_spec()), torch.ones(2, 3, 3), *torch.ones(3, 2))
