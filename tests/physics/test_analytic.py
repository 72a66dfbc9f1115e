"""Closed curves: unit area, derivative of their own distribution function, known limits."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from onshell.physics import analytic

E = np.linspace(0.0, 0.5, 41)
TAU = np.linspace(0.0, 1.0 / 6.0, 41)
LINEAR = [
    (analytic.electron_pdf, analytic.electron_cdf, 0.5),
    (analytic.antineutrino_pdf, analytic.antineutrino_cdf, 0.5),
    (lambda e: analytic.uniform_energy_pdf(e, 3), lambda e: analytic.uniform_energy_cdf(e, 3), 0.5),
    (lambda e: analytic.uniform_energy_pdf(e, 10), lambda e: analytic.uniform_energy_cdf(e, 10), 0.5),
    (analytic.uniform_tau_pdf, analytic.uniform_tau_cdf, 1.0 / 6.0),
    (analytic.prior_radius_pdf, analytic.prior_radius_cdf, 60.0),
    (lambda t: analytic.thrust_tau_pdf(t, 5e-3), lambda t: analytic.thrust_tau_cdf(t, 5e-3), 1.0 / 6.0),
    (lambda t: analytic.thrust_tau_pdf(t, 5e-5), lambda t: analytic.thrust_tau_cdf(t, 5e-5), 1.0 / 6.0),
]
FORMS = ["paper", "pairs", "improved"]


@pytest.mark.parametrize("index", range(len(LINEAR)))
def test_cdf_is_the_integral_of_pdf(index):
    pdf, cdf, top = LINEAR[index]
    edges = np.linspace(0.0, top, 12)
    pieces = [quad(pdf, low, high, limit=200)[0] for low, high in pairwise(edges)]
    assert np.allclose(np.cumsum(pieces), cdf(edges[1:]) - cdf(0.0), atol=2e-8)
    assert sum(pieces) == pytest.approx(1.0, abs=2e-8)
    assert pdf(-0.1) == 0.0


def test_muon_dalitz_density_has_unit_area_and_the_marginals_of_16():
    area, _ = dblquad(lambda y, x: float(analytic.muon_dalitz_pdf(x, y)), 0.0, 0.5, lambda x: 0.5 - x, 0.5)
    assert area == pytest.approx(1.0, abs=1e-9)
    for e in (0.1, 0.3, 0.45):
        along, _ = quad(lambda y, e=e: float(analytic.muon_dalitz_pdf(e, y)), 0.5 - e, 0.5)
        assert along == pytest.approx(float(analytic.electron_pdf(e)), rel=1e-9)


def test_log_dalitz_cdf_agrees_with_the_energy_of_particle_three():
    for e in (0.01, 0.1, 0.2, 0.2499):
        log_f = np.log(96.0 * e * (1.0 - 2.0 * e))
        below = analytic.antineutrino_cdf(e) + 1.0 - analytic.antineutrino_cdf(0.5 - e)
        assert analytic.log_dalitz_cdf(log_f) == pytest.approx(below, abs=1e-7)
    assert analytic.log_dalitz_cdf(np.log(12.0)) == 1.0


def test_thrust_curve_vanishes_at_the_symmetric_point_and_is_doubly_logarithmic_at_zero():
    assert analytic.thrust_tau(analytic.TAU_MAX) == pytest.approx(0.0, abs=1e-12)
    tau = 1e-9
    leading = (4.0 * np.log(1.0 / (2.0 * tau)) - 3.0) / (2.0 * tau)
    assert analytic.thrust_tau(tau) == pytest.approx(leading, rel=1e-6)


def test_plane_density_has_unit_area():
    assert quad(analytic.qqg_plane_pdf, -1, 1)[0] == pytest.approx(1.0)


@pytest.mark.parametrize("form", FORMS)
def test_large_n_densities_are_derivatives(form):
    log_tau = np.linspace(-16.0, -6.0, 11)
    for pdf, cdf in (
        (analytic.thermal_tau_pdf, analytic.thermal_tau_cdf),
        (analytic.pair_tau_pdf, analytic.pair_tau_cdf),
    ):
        got = [quad(lambda s, pdf=pdf: pdf(np.exp(s), 10, form) * np.exp(s), -60, top, limit=400)[0] for top in log_tau]
        assert np.allclose(got, cdf(np.exp(log_tau), 10, form), rtol=1e-6, atol=1e-9)
        assert cdf(0.0, 10, form) == 0.0
        assert pdf(-1.0, 10, form) == 0.0


def test_small_tau_slopes():
    """One pair of uniform phase space has dP/dt = 2 (N-1)(N-2) at t = 0; the paper's is 2 N^2."""
    n = 10
    assert analytic.pair_tau_pdf(0.0, n, "improved") == pytest.approx(2 * (n - 1) * (n - 2))
    assert analytic.pair_tau_pdf(0.0, n) == pytest.approx(2 * n * n)
    assert analytic.thermal_tau_pdf(0.0, n) == pytest.approx(n * n / 2 * 2 * n * n)


def test_large_n_energy_has_mean_one_over_n_and_is_the_limit_of_the_exact_one():
    assert quad(lambda e: e * analytic.thermal_energy_pdf(e, 10), 0, 5)[0] == pytest.approx(0.1)
    e = np.linspace(0.0, 0.02, 21)
    exact, limit = analytic.uniform_energy_pdf(e, 2000), analytic.thermal_energy_pdf(e, 2000)
    assert np.allclose(exact, limit, rtol=3e-3, atol=3e-3 * exact.max())


def test_antenna_tau_is_the_power_of_a_logarithm():
    assert analytic.antenna_tau(np.exp(-9.0), 10) == pytest.approx(9.0**15 * np.exp(9.0))
    assert analytic.antenna_tau(0.0, 10) == 0.0
