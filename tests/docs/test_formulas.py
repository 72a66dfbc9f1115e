"""The formulas on the pages of physics that are not the paper's, as they stand there, against the code."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.statistics import assert_law
from onshell.core.rng import stream, torch_stream
from onshell.models.chart_diffusions import Ornstein
from onshell.models.charts import CHARTS
from onshell.models.charts.mixtures import ARC, LINE
from onshell.models.flows import draw_times
from onshell.models.networks.features import field, geometry
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.integrators import grid
from onshell.sampling.stochastic import Ancestral, langevin

SPINOR, POLAR = CHARTS["spinor"], CHARTS["log-polar"]
PAULI = torch.tensor([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=torch.complex128)


def two_events(n=50):
    """Two samples of events [n, 3, 3], the angle between their particles [n, 3, 1], and times [n, 1, 1]."""
    rng = stream(1, "formulas")
    start, end = (rambo.sample_prior(n, 3, rng) for _ in range(2))
    cosine = (start * end).sum(-1) / (norm(start) * norm(end))
    return start, end, cosine.acos()[..., None], torch.from_numpy(rng.random(n))[:, None, None]


def between(z, w):
    """Re z^dagger sigma w [n, N, 3]."""
    return torch.einsum("nia,kab,nib->nik", z.conj(), PAULI, w).real


def test_paths_in_log_polar_coordinates():
    start, end, angle, t = two_events()
    state, u = POLAR.path(POLAR.to_chart(start), POLAR.to_chart(end), t[:, 0, 0])
    n, m = (q / norm(q)[..., None] for q in (start, end))
    low, high = (norm(q).log()[..., None] for q in (start, end))
    here = (((1 - t) * angle).sin() * n + (t * angle).sin() * m) / angle.sin()
    along = (-((1 - t) * angle).cos() * n + (t * angle).cos() * m) / angle.sin()
    torch.testing.assert_close(state, torch.cat([(1 - t) * low + t * high, here], -1), rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(u, (high - low) * here + angle * along, rtol=1e-9, atol=1e-9)


def test_the_prior_in_log_polar_coordinates():
    found = POLAR.prior(4000, 3, stream(2, "formulas"))[..., 0].flatten()
    grid_, step = np.linspace(-20, 5, 100_001, retstep=True)
    cdf = np.cumsum(np.exp(2 * grid_ - np.exp(grid_))) * step
    assert cdf[-1] == pytest.approx(1, abs=1e-6)
    assert_law(found, lambda x: np.interp(x, grid_, cdf))


def test_lines_of_spinors_in_q_space():
    start, end, angle, t = two_events()
    z, w = (SPINOR.to_chart(q, stream(3, "formulas", k)) for k, q in enumerate((start, end)))
    state, u = SPINOR.path(z, w, t[:, 0, 0])
    expected = (1 - t) ** 2 * start + t**2 * end + t * (1 - t) * between(z, w)
    torch.testing.assert_close(SPINOR.to_q(state), expected, rtol=1e-12, atol=1e-12)
    length = state.abs().square().sum(-1, keepdim=True).sqrt()
    torch.testing.assert_close(u, between(state, w - z) / length, rtol=1e-12, atol=1e-12)
    step = torch.einsum("nik,kab,nib->nia", u.to(PAULI.dtype), PAULI, state) / length
    torch.testing.assert_close(SPINOR.tangent(state, u), step, rtol=1e-12, atol=1e-12)
    shortest = 2 * norm(start) + 2 * norm(end) - 4 * (norm(start) * norm(end)).sqrt() * torch.cos(angle.squeeze(-1) / 2)
    torch.testing.assert_close(SPINOR.distance2(z, w), shortest, rtol=1e-10, atol=1e-12)
    way = w - SPINOR.aligned(z, w)
    torch.testing.assert_close(way.abs().square().sum(-1), shortest, rtol=1e-10, atol=1e-12)


def test_the_diffusion_in_q_space_drifts_and_spreads_as_written():
    # E q = a^2 q at any time: a drift of -2q in s, with a = e^-s. The covariance begins as 4 |q| s.
    n, q = 200_000, torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64)
    time, generator = 0.05, torch_stream(4, "formulas")
    s = -math.log(math.cos(math.pi * time / 2))
    moved = Ornstein().forward(q.expand(n, 1, 3), time, generator)[:, 0]
    covariance = torch.cov(moved.T)
    error = 5 * (4 * norm(q) * s / n).sqrt()
    assert (moved.mean(0) - math.exp(-2 * s) * q).abs().max() < error
    assert (covariance - 4 * norm(q) * s * torch.eye(3)).abs().max() < 0.03 * 4 * norm(q) * s


def test_times_are_drawn_from_the_density_that_is_written():
    share, smallest = 0.8, 1e-3
    t = draw_times(20_000, {"uniform": share, "smallest": smallest}, stream(5, "formulas"))

    def cdf(x):
        return share * x + (1 - share) * np.log(np.maximum(x, smallest) / smallest) / math.log(1 / smallest)

    assert_law(t, cdf)
    assert_law(draw_times(5000, None, stream(6, "formulas")), stats.uniform.cdf)


def test_the_times_of_a_grid():
    smallest, rho, last = 3e-4, 5, 7
    expected = [(1 + k / last * (smallest ** (1 / rho) - 1)) ** rho for k in range(last + 1)]
    assert grid(last + 1, smallest, rho) == pytest.approx([*expected, 0.0], rel=1e-12)


def test_the_times_of_a_grid_with_a_tail():
    smallest, rho, below, tail, last = 1e-4, 1.5, 0.1, 4, 9
    begin, end = rho * (below ** (-1 / rho) - 1), tail * ((smallest / below) ** (1 / tail) - 1)
    s = [begin + k / last * (end - begin) for k in range(last + 1)]
    expected = [below * (1 + x / power) ** power for x in s for power in [rho if x > 0 else tail]]
    found = grid(last + 1, smallest, rho, {"below": below, "rho": tail})
    assert found == pytest.approx([*expected, 0.0], rel=1e-12)


@pytest.mark.parametrize("mixture", [LINE, ARC])
def test_steps_with_noise(mixture):
    # A field that is right for one spinor: every step then is what the formula says of known z_0 and eps.
    rng = stream(7, "formulas")
    data, noise = SPINOR.prior(1000, 3, rng) / 10, SPINOR.prior(1000, 3, rng)
    t, after = 0.6, 0.25
    a, b, da, db = mixture.at(t)
    a2, b2, *_ = mixture.at(after)
    assert a * db - b * da == pytest.approx(1, abs=1e-14)

    def velocity(z, time):
        return da * data + db * noise

    z = a * data + b * noise
    for eta in (0.0, 0.5, 1.0):
        c = eta * b2 * math.sqrt(1 - (a * b2 / (a2 * b)) ** 2)
        fresh = SPINOR.noise(1000, 3, torch_stream(8, "formulas"))
        step = Ancestral(velocity, mixture, eta, torch_stream(8, "formulas"))
        expected = a2 * data + math.sqrt(b2**2 - c**2) * noise + c * fresh
        torch.testing.assert_close(step(z, t, after - t), expected, rtol=1e-10, atol=1e-12)
    for following in (0.55, 0.1):
        h = 0.3 * b**2 * min(1, 2 * (t - following) / t)
        expected = z - h / b * noise + math.sqrt(2 * h) * SPINOR.noise(1000, 3, torch_stream(9, "formulas"))
        corrector = langevin(velocity, mixture, 0.3, torch_stream(9, "formulas"))
        torch.testing.assert_close(corrector(z, t, following), expected, rtol=1e-10, atol=1e-12)


def test_the_vectors_of_an_equivariant_field_and_that_they_have_no_limit():
    q, _, _, _ = two_events()
    n = q / norm(q)[..., None]
    cosine = (n[:, :, None] * n[:, None]).sum(-1)[..., None]
    towards = n[:, None] - cosine * n[:, :, None]
    own = torch.eye(3, dtype=torch.bool)[None, ..., None]
    towards = torch.where(own, 0, towards / torch.where(own, 1, norm(towards)[..., None]))
    c = torch.from_numpy(stream(10, "formulas").standard_normal((len(q), 3, 3)))
    expected = torch.diagonal(c, dim1=1, dim2=2)[..., None] * n + (c[..., None] * towards).sum(2)
    torch.testing.assert_close(field(c, geometry(q)), expected, rtol=1e-6, atol=1e-6)
    # Two particles, nearly parallel, seen from either side.
    sides = [torch.tensor([[[0, 0, 1.0], [side * 1e-5, 0, 1]]], dtype=torch.float64) for side in (1, -1)]
    first, second = (geometry(q).across[0, 0, 1] for q in sides)
    torch.testing.assert_close(first, torch.tensor([1.0, 0, 0]).double(), rtol=0, atol=1e-4)
    torch.testing.assert_close(second, -first, rtol=0, atol=1e-4)
