"""The reverse process with known scores."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.specs import gaussian_path
from helpers.statistics import assert_law
from onshell.core.rng import stream, torch_stream
from onshell.models.diffusion import NOISES, Langevin, VariancePreserving
from onshell.models.schedules import Schedule
from onshell.sampling.sde import reverse

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
        slope, kick = 1 - 2 * gamma / variances[t], 2 * gamma * means[t] / variances[t]
        if space == "p":
            slope, kick = slope / (1 - 2 * gamma) ** 0.5, kick / (1 - 2 * gamma) ** 0.5
        else:
            slope += gamma
        share = {
            "posterior": (process.sigma[t - 1] / process.sigma[t]).item() ** 2,
            "last-step-noiseless": float(t > 1),
        }
        mean, variance = slope * mean + kick, slope**2 * variance + 2 * gamma * share.get(noise, 1.0)
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
