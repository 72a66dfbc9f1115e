"""Steps with fresh noise: the laws that they keep."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.specs import gaussian_path
from helpers.statistics import assert_law, assert_mean
from onshell.core.rng import stream, torch_stream
from onshell.models.charts import CHARTS
from onshell.models.charts.mixtures import ARC, LINE
from onshell.models.diffusion import NOISES, Langevin, VariancePreserving
from onshell.models.schedules import Schedule
from onshell.sampling.integrators import Scheme, fixed, grid
from onshell.sampling.stochastic import Ancestral, langevin, reverse

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
    states = dict(fixed(Scheme(step), noise(4_000, "start"), [1.0, 0.8, 0.35, 0.3, 0.0], stops=[0.5]))
    for t in (0.8, 0.5, 0.35, 0.3):
        a, b, *_ = mixture.at(t)
        assert_normal(states[t], a * data, b**2)
    torch.testing.assert_close(states[0.0], data.expand(4_000, 3, 2))


@MIXTURES
def test_more_noise_makes_later_states_know_less_of_the_start(mixture):
    field, _ = spread_out(mixture, 0.5)
    start, kept = noise(4_000, "start"), []
    for eta in (0.0, 0.5, 1.0):
        *_, (_, z) = fixed(Scheme(Ancestral(field, mixture, eta, torch_stream(3, "steps"))), start, grid(30))
        kept.append((start.conj() * z).real.mean().item() / z.abs().square().mean().sqrt().item())
    assert kept[0] > 1.2 * kept[1] > 1.4 * kept[2]


@MIXTURES
def test_without_fresh_noise_ancestral_steps_solve_the_differential_equation(mixture):
    field, variance = spread_out(mixture, 0.5)
    start, errors = noise(100, "start"), []
    for steps in (40, 80):
        *_, (_, z) = fixed(Scheme(Ancestral(field, mixture, 0.0, torch_stream(4))), start, grid(steps, 1e-3, 2.0))
        errors.append(((z / start).real - variance(0) ** 0.5).abs().max().item())
    assert errors[1] < 0.6 * errors[0] < 0.02


@MIXTURES
def test_a_langevin_step_keeps_the_law(mixture):
    field, variance = spread_out(mixture, 0.4)
    corrector = langevin(field, mixture, 0.05, torch_stream(5, "kicks"))
    z = variance(0.3) ** 0.5 * noise(20_000, "start")
    for _ in range(5):
        z = corrector(z, 0.3, 0.1)
    # Its error is of the second order in h/variance, here 0.01.
    assert_normal(z[:4_000], 0, variance(0.3))


@MIXTURES
def test_langevin_steps_heal_a_wrong_law(mixture):
    field, variance = spread_out(mixture, 0.4)
    corrector = langevin(field, mixture, 0.4, torch_stream(6, "kicks"))
    z, wrong = 1.5 * variance(0.3) ** 0.5 * noise(4_000, "start"), []
    for _ in range(8):
        wrong.append(abs(z.abs().square().mean().item() / (2 * variance(0.3)) - 1))
        z = corrector(z, 0.3, 0.1)
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


MEAN, SPREAD = 1.5, 0.5
GAMMAS = np.linspace(2e-4, 0.02, 300)
CASES = [(space, noise) for space in "qp" for noise in ("full", "last-step-noiseless", "posterior")]


def process_and_path(space):
    """A process of Gaussian steps, and the mean and variance of its states from N(MEAN, SPREAD^2) data."""
    if space == "p":
        return VariancePreserving(Schedule(300, (2e-4, 0.02))), gaussian_path("p", GAMMAS, MEAN, SPREAD)
    steps = Schedule(600, gaussian_steps=600, gaussian_gamma=0.0025)
    return Langevin(steps), gaussian_path("q", [0.0025] * 600, MEAN, SPREAD)


@pytest.mark.parametrize(("space", "noise"), CASES)
def test_the_exact_score_reverses_the_process(space, noise):
    """With the known score of a Gaussian process the reverse process returns to the data's law."""
    n, (process, (means, variances)) = 20_000, process_and_path(space)

    def score(x, t):
        return -(x - means[t]) / variances[t]

    start = torch.from_numpy(stream(9, "start").normal(means[-1], variances[-1] ** 0.5, (n, 1, 3)))
    states = dict(reverse(score, start, process, torch_stream(9, space, noise), noise))
    assert list(states) == list(range(process.steps, -1, -1))
    assert torch.equal(states[process.steps], start)

    # Every step is linear, so the law of the end is known: near the data's, and exactly what the states must follow.
    mean, variance = means[-1], variances[-1]
    for t in range(process.steps, 0, -1):
        gamma = process.schedule.gamma[t - 1].item()
        slope, shift = 1 - 2 * gamma / variances[t], 2 * gamma * means[t] / variances[t]
        if space == "p":
            slope, shift = slope / (1 - 2 * gamma) ** 0.5, shift / (1 - 2 * gamma) ** 0.5
        else:
            slope += gamma
        share = {
            "posterior": (process.sigma[t - 1] / process.sigma[t]).item() ** 2,
            "last-step-noiseless": float(t > 1),
        }
        mean, variance = slope * mean + shift, slope**2 * variance + 2 * gamma * share.get(noise, 1.0)
    assert abs(mean - MEAN) < 0.01
    assert abs(variance**0.5 - SPREAD) < 0.02
    assert_law(states[0].flatten(), stats.norm(mean, variance**0.5).cdf)


def test_a_noiseless_last_step_ends_on_points_exactly():
    # Data at one point: the score is known, and a last step without noise lands on the point.
    process, (means, variances) = VariancePreserving(Schedule(300, (2e-4, 0.02))), gaussian_path("p", GAMMAS, MEAN, 0.0)
    start = torch.from_numpy(stream(10, "start").standard_normal((100, 2, 3)))
    ends = {}
    for noise in NOISES:
        *_, (t, ends[noise]) = reverse(
            lambda x, t: -(x - means[t]) / variances[t], start, process, torch_stream(10, noise), noise
        )
        assert t == 0
    for noise in ("last-step-noiseless", "posterior"):
        torch.testing.assert_close(ends[noise], torch.full((100, 2, 3), MEAN, dtype=torch.float64))
    # The noise of a full last step stays: of 600 components, its standard deviation is known to 2.9%.
    assert ends["full"].std().item() == pytest.approx((2 * GAMMAS[0]) ** 0.5, rel=4 * 0.029)


def test_a_score_of_any_float_type_is_taken():
    process, start = Langevin(Schedule(5)), torch.ones(4, 3, 3, dtype=torch.float64)
    for dtype in (torch.bfloat16, torch.float32, torch.float64):
        *_, (_, q) = reverse(lambda x, t, dtype=dtype: -x.to(dtype), start, process, torch_stream(11, "noise"))
        assert q.dtype == torch.float64
