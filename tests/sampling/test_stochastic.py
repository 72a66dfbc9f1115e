"""Steps with fresh noise: the laws that they keep."""

import pytest
import torch
from scipy import stats

from helpers.statistics import assert_law, assert_mean
from onshell.core.rng import torch_stream
from onshell.models.charts import CHARTS
from onshell.models.charts.mixtures import ARC, LINE
from onshell.sampling import ode
from onshell.sampling.stochastic import Ancestral, langevin

CHART = CHARTS["spinor"]
MIXTURES = pytest.mark.parametrize("mixture", [LINE, ARC], ids=["line", "arc"])


def noise(n, *name):
    return CHART.noise(n, 3, torch_stream(1, *name))


def assert_normal(z, mean, variance):
    """The four real components of spinors are normal, independent of each other."""
    parts = torch.view_as_real((z - mean).resolve_conj()).flatten(1).T / variance**0.5
    for part in parts:
        assert_law(part, stats.norm.cdf)
    assert_mean((parts[:-1] * parts[1:]).numpy(), 0.0 * parts[1:, 0].numpy())


def known(mixture, data):
    """The field dz/ds of a mixture with one known event."""

    def field(z, t):
        a, b, da, db = mixture.at(t)
        return da * data + db * (z - a * data) / b

    return field


def spread_out(mixture, size):
    """The field of a mixture with unit normal data times `size`, and the variance of the mixture."""

    def field(z, t):
        a, b, da, db = mixture.at(t)
        return (a * da * size**2 + b * db) / (a**2 * size**2 + b**2) * z

    return field, lambda t: mixture.at(t)[0] ** 2 * size**2 + mixture.at(t)[1] ** 2


@MIXTURES
@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_of_known_data_ancestral_steps_have_the_law_of_the_mixture_at_every_time(eta, mixture):
    data = noise(1, "data")
    step = Ancestral(known(mixture, data), mixture, eta, torch_stream(2, "steps"))
    states = dict(ode.fixed(step, noise(4_000, "start"), [1.0, 0.8, 0.35, 0.3, 0.0], stops=[0.5]))
    for t in (0.8, 0.5, 0.35, 0.3):
        a, b, *_ = mixture.at(t)
        assert_normal(states[t], a * data, b**2)
    torch.testing.assert_close(states[0.0], data.expand(4_000, 3, 2))


@MIXTURES
def test_more_noise_makes_later_states_know_less_of_the_start(mixture):
    field, _ = spread_out(mixture, 0.5)
    start, kept = noise(4_000, "start"), []
    for eta in (0.0, 0.5, 1.0):
        *_, (_, z) = ode.fixed(Ancestral(field, mixture, eta, torch_stream(3, "steps")), start, ode.grid(30))
        kept.append((start.conj() * z).real.mean().item() / z.abs().square().mean().sqrt().item())
    assert kept[0] > 1.2 * kept[1] > 1.4 * kept[2]


@MIXTURES
def test_without_fresh_noise_ancestral_steps_solve_the_differential_equation(mixture):
    field, variance = spread_out(mixture, 0.5)
    start, errors = noise(100, "start"), []
    for steps in (40, 80):
        *_, (_, z) = ode.fixed(Ancestral(field, mixture, 0.0, torch_stream(4)), start, ode.grid(steps, 1e-3, 2.0))
        errors.append(((z / start).real - variance(0) ** 0.5).abs().max().item())
    assert errors[1] < 0.6 * errors[0] < 0.02


@MIXTURES
def test_a_langevin_step_keeps_the_law(mixture):
    field, variance = spread_out(mixture, 0.4)
    kick = langevin(field, mixture, 0.05, torch_stream(5, "kicks"))
    z = variance(0.3) ** 0.5 * noise(20_000, "start")
    for _ in range(5):
        z = kick(z, 0.3, 0.1)
    # Its error is of the second order in h/variance, here 0.01.
    assert_normal(z[:4_000], 0, variance(0.3))


@MIXTURES
def test_langevin_steps_heal_a_wrong_law(mixture):
    field, variance = spread_out(mixture, 0.4)
    kick = langevin(field, mixture, 0.4, torch_stream(6, "kicks"))
    z, wrong = 1.5 * variance(0.3) ** 0.5 * noise(4_000, "start"), []
    for _ in range(8):
        wrong.append(abs(z.abs().square().mean().item() / (2 * variance(0.3)) - 1))
        z = kick(z, 0.3, 0.1)
    assert wrong[0] > 1
    # What is left is the error of so long a step.
    assert wrong[-1] < 0.2


def test_langevin_steps_are_smaller_where_the_grid_is_fine():
    asked = []

    class Still:
        def __call__(self, z, t):
            asked.append(t)
            return LINE.at(t)[3] * z

    z = noise(2_000, "start")
    for after, share in ((0.1, 1.0), (0.35, 0.25)):
        moved = langevin(Still(), LINE, 0.1, torch_stream(7))(z, 0.4, after) - z
        # With dz/ds = z at t the noise eps is z (a + ...): all of the rest is fresh, of variance 2 h.
        h = 0.1 * 0.4**2 * share
        _, eps = LINE.ends(z, z, 0.4)
        fresh = moved + h / 0.4 * eps
        assert fresh.abs().square().mean().item() / 2 == pytest.approx(2 * h, rel=0.05)
    assert asked == [0.4, 0.4]
