"""The divergence of any network, exact and estimated."""

import pytest
import torch
from torch import nn

from helpers.networks import awaken
from helpers.statistics import assert_mean, assert_uniform
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.divergence import by_autograd, random_signs, with_divergence
from onshell.models.networks.mlp import Mlp
from onshell.models.networks.options import MlpOptions


class Plain(nn.Module):
    """A network without a divergence of its own."""

    def __init__(self):
        super().__init__()
        self.inner = awaken(Mlp(3, MlpOptions(width=16, depth=2, time_dim=4)).double())

    def forward(self, x, t):
        return self.inner(x, t)


@pytest.fixture
def events():
    draws = stream(1, "events")
    return torch.from_numpy(draws.standard_normal((4, 3, 3))), torch.from_numpy(draws.random(4))


def test_probes_are_random_signs():
    probe = random_signs((4_000, 3, 3), torch_stream(1, "probe"))
    assert probe.dtype == torch.float32
    assert (probe.abs() == 1).all()
    # Nine fair signs make every number below 512 equally often.
    codes = ((probe.flatten(1) > 0) * 2 ** torch.arange(9)).sum(1)
    assert_uniform((codes + torch.from_numpy(stream(1, "dither").random(4_000))) / 512)


@pytest.mark.parametrize("make", [Plain, lambda: Plain().inner], ids=["any network", "mlp"])
def test_hutchinson_is_unbiased(make, events):
    network, n = make(), 4_000
    x, t = (rows.repeat_interleave(n, 0) for rows in events)
    probe = random_signs(x.shape, torch_stream(2, "probe"))
    field, estimate = with_divergence(network, x, t, "hutchinson", probe)
    torch.testing.assert_close(field, network(x, t))
    exact = by_autograd(network, *events)[1]
    assert_mean(estimate.view(4, n).detach().numpy(), exact.detach().numpy())


def test_hutchinson_is_differentiable_in_the_weights(events):
    # The estimates along all basis vectors add up to the divergence, and so do their gradients.
    network, (x, t) = Plain(), events
    weights = list(network.parameters())
    basis = torch.eye(9, dtype=torch.float64).view(9, 1, 3, 3).expand(9, 4, 3, 3)
    total = sum(with_divergence(network, x, t, "hutchinson", probe)[1] for probe in basis)
    exact = by_autograd(network, x, t)[1]
    torch.testing.assert_close(total, exact)
    for own, other in zip(
        torch.autograd.grad(total.square().sum(), weights, allow_unused=True),
        torch.autograd.grad(exact.square().sum(), weights, allow_unused=True),
        strict=True,
    ):
        torch.testing.assert_close(own, other)


def test_hutchinson_sees_every_event_alone(events):
    network, (x, t) = Plain(), events
    probe = random_signs(x.shape, torch_stream(3, "probe"))
    together = with_divergence(network, x, t, "hutchinson", probe)[1]
    alone = [with_divergence(network, x[i : i + 1], t[i : i + 1], "hutchinson", probe[i : i + 1])[1] for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_a_network_in_bfloat16_gives_a_divergence_in_float32():
    network, x = awaken(Mlp(3, MlpOptions(width=16))), torch.randn(5, 3, 3, generator=torch_stream(4, "x"))
    probe = random_signs(x.shape, torch_stream(4, "probe"))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = with_divergence(network, x, torch.rand(5, generator=torch_stream(4, "t")), "hutchinson", probe)[1]
    assert rough.dtype == torch.float32


def test_faults_are_named(events):
    with pytest.raises(OnshellError, match=r"loss\.divergence: 'guess' is not known; use 'exact' or 'hutchinson'"):
        with_divergence(Plain(), *events, "guess")
    with pytest.raises(TypeError, match="needs a probe"):
        with_divergence(Plain(), *events, "hutchinson")
