"""Logarithmic axes: laws per decade that integrate to what they say, bins over whole decades."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from onshell.evaluation.observables import LOG_TAU_MAX, observable
from onshell.figures.laws import RADIAL, decades, thrust_law, uniform_law
from onshell.physics import analytic


@pytest.mark.parametrize("start", [5e-3, 5e-4])
def test_thrust_law_has_unit_area_above_its_start_and_goes_on_below(start):
    law = thrust_law(start, 1e-9)
    area, _ = quad(law.pdf, math.log10(start), LOG_TAU_MAX)
    assert area == pytest.approx(1.0, rel=1e-6)
    low, high = law.cdf(np.log10([1e-6, 1e-2]))
    below, _ = quad(law.pdf, -6.0, -2.0)
    assert high - low == pytest.approx(below, rel=1e-6)
    tau = 0.02
    expected = analytic.thrust_tau_pdf(tau, start) * tau * math.log(10)
    assert law.pdf(np.log10(tau)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("law", "low", "high"), [(uniform_law(5e-3), math.log10(5e-3), LOG_TAU_MAX), (RADIAL, -6, 2)])
def test_other_laws_have_unit_area(law, low, high):
    area, _ = quad(law.pdf, low, high)
    assert area == pytest.approx(1.0, abs=1e-6)
    assert law.cdf(high) - law.cdf(low) == pytest.approx(1.0, abs=1e-6)


def test_tau_of_a_symmetric_and_of_a_collinear_event():
    angle = 2 * math.pi / 3 * torch.arange(3, dtype=torch.float64)
    star = torch.stack([angle.cos(), angle.sin(), 0 * angle], -1) / 3
    line = torch.tensor([[0.5, 0, 0], [-0.25, 0, 0], [-0.25, 0, 0]], dtype=torch.float64)
    found = observable("log10_tau")(torch.stack([star, line]))
    assert found[0] == pytest.approx(math.log10(1 / 6))
    assert found[1] == pytest.approx(-40.0)
    assert observable("log10_E")(star[None]) == pytest.approx([math.log10(1 / 3)] * 3)


def test_bins_span_whole_decades():
    sample = np.linspace(-3.5, -1.2, 1001)
    assert decades([sample], 10) == pytest.approx(np.linspace(-4, -1, 31))
    assert decades([sample], 10, least=9)[[0, -1]] == pytest.approx([-10, -1])
    assert decades([sample], 10, high=LOG_TAU_MAX)[[0, -1]] == pytest.approx([-4, LOG_TAU_MAX])
    assert decades([np.full(5, -2.0)], 4) == pytest.approx(np.linspace(-3, -2, 5))


def test_zeros_move_no_edge():
    sample = np.concatenate([np.linspace(-3.5, -1.2, 1001), np.full(100, -40.0)])
    assert decades([sample], 10)[0] == -4
    assert len(decades([np.full(5, -40.0)], 10)) == 11
