"""The divergence of any network, exact and estimated, and implicit score matching (5) with it."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from helpers.networks import awaken
from helpers.specs import run_spec
from helpers.statistics import assert_mean, assert_uniform
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.build import objective
from onshell.models.chart_diffusions import diffusion_of
from onshell.models.divergence import by_autograd, random_signs, with_divergence
from onshell.models.networks.mlp import Mlp
from onshell.models.networks.options import MlpOptions
from onshell.models.objectives import draw_times, ism_loss
from onshell.physics import rambo


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


def drawn(spec, n):
    """Rows for n events far from p_ref."""
    data = 0.2 * rambo.sample_prior(n, 3, stream(1, "q"))
    return objective(spec).draw(data, stream(1, "times"), torch_stream(1, "noise"))


def test_times_follow_their_weights():
    steps, n = 50, 200_000
    times = draw_times(n, steps, 2, 0.01, stream(4, "times")).numpy()
    expected = (1 - np.arange(1, steps + 1) / steps + 0.01) ** 2
    counts = np.bincount(times, minlength=steps + 1)
    assert counts[0] == 0
    # The last times are so rare that they are tested together.
    tail = 45
    observed = np.append(counts[1:tail], counts[tail:].sum())
    expected = np.append(expected[: tail - 1], expected[tail - 1 :].sum())
    assert stats.chisquare(observed, n * expected / expected.sum()).pvalue > 1e-6


def test_the_weights_of_ism_are_those_of_its_times():
    q, t, weight, sigma = drawn(run_spec(), 500)
    assert q.shape == (500, 3, 3)
    assert t.min() >= 1 / 20
    torch.testing.assert_close(weight, 1 - t + 0.01)
    assert (sigma == 1).all()
    spec = run_spec(loss={"preconditioning": "sigma", "loss_weight_power": 0})
    _, t, weight, sigma = drawn(spec, 500)
    assert (weight == 1).all()
    expected = diffusion_of(spec).sigma[(20 * t).round().long()]
    torch.testing.assert_close(sigma, expected.float())


def test_the_loss_is_lowest_at_the_score():
    """(5) has its minimum, -E|s|^2/2, at the score: here p_t is p_ref and the network's field is c times its score."""
    q = rambo.sample_prior(50_000, 3, stream(8, "q"))
    q = q[q.norm(dim=-1).amin(1) > 0.05]  # away from the singularity the sums have finite variance

    class Scaled(torch.nn.Module):
        def __init__(self, c):
            super().__init__()
            self.c = c

        def with_divergence(self, x, t):
            size = x.norm(dim=-1)
            return self.c * rambo.prior_score(x), -self.c * (2 / size + 1 / size**2).sum(1)

    ones = torch.ones(len(q), dtype=torch.float64)
    losses = [ism_loss(Scaled(c), q, ones, ones).item() for c in (0.5, 0.9, 1.1, 1.5)]
    assert losses[1] < losses[0]
    assert losses[2] < losses[3]
    assert max(losses[1:3]) < min(losses[0], losses[3])


def test_the_loss_weighs_each_event():
    network = awaken(Mlp(3, MlpOptions(width=8, depth=3, time_dim=4)), scale=0.5)
    x, t = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0.2, 0.8])
    one, other = (ism_loss(network, x, t, weight) for weight in torch.eye(2))
    both = ism_loss(network, x, t, torch.tensor([3.0, 0.5]))
    torch.testing.assert_close(both, 3 * one + 0.5 * other)


@pytest.mark.parametrize("divergence", ["exact", "hutchinson"])
def test_preconditioning_is_plain_score_matching_of_the_scaled_network(divergence):
    network = awaken(Mlp(3, MlpOptions(width=8, depth=3, time_dim=4)), scale=0.5)
    generator = torch_stream(9, "x")
    x, t = torch.randn(6, 3, 3, generator=generator), torch.rand(6, generator=generator)
    weight, sigma = torch.rand(2, 6, generator=generator) + 0.1
    probe = random_signs(x.shape, generator)

    class Score(torch.nn.Module):
        def forward(self, x, t):
            return network(x, t) / sigma[:, None, None]

    own = ism_loss(network, x, t, weight, sigma, divergence, probe)
    torch.testing.assert_close(own, ism_loss(Score(), x, t, weight * sigma**2, 1.0, divergence, probe))
