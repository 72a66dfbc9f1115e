"""Mixtures of data and noise."""

import math

import numpy as np
import pytest
import torch

from helpers.charts import slope
from onshell.core.rng import stream
from onshell.models.charts.mixtures import ARC, LINE

MIXTURES = pytest.mark.parametrize("mixture", [LINE, ARC], ids=["line", "arc"])
TIMES = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)


@MIXTURES
def test_a_mixture_leads_from_data_to_noise(mixture):
    np.testing.assert_allclose(mixture.at(0.0)[:2], (1, 0), atol=1e-15)
    np.testing.assert_allclose(mixture.at(1.0)[:2], (0, 1), atol=1e-15)


@MIXTURES
def test_the_derivatives_are_those_of_the_coefficients(mixture):
    a, b, da, db = mixture.coefficients(TIMES)
    for value, derivative in ((0, da), (1, db)):
        moved = slope(lambda h, value=value: mixture.coefficients(TIMES + h)[value], 1e-3)
        torch.testing.assert_close(mixture.rate * derivative, moved, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(a * db - b * da, torch.ones_like(a))


def test_the_arc_keeps_the_variance():
    a, b, *_ = ARC.coefficients(TIMES)
    torch.testing.assert_close(a**2 + b**2, torch.ones_like(a))


@MIXTURES
def test_state_and_velocity_give_the_ends_back(mixture):
    data, noise = torch.from_numpy(stream(1, "ends").standard_normal((2, 5)))
    for t in (0.0, 0.3, 1.0):
        a, b, da, db = mixture.at(t)
        found = mixture.ends(a * data + b * noise, da * data + db * noise, t)
        for end, expected in zip(found, (data, noise), strict=True):
            torch.testing.assert_close(end, expected)


@MIXTURES
def test_the_forward_process_in_two_steps_is_that_in_one(mixture):
    (c, d), (e, f), (whole, spread) = mixture.onward(0.1, 0.4), mixture.onward(0.4, 1.0), mixture.onward(0.1, 1.0)
    assert c * e == pytest.approx(whole, abs=1e-15)
    assert math.hypot(e * d, f) == pytest.approx(spread)
    assert mixture.onward(0.3, 0.3) == pytest.approx((1, 0), abs=1e-7)


@MIXTURES
def test_the_posterior_is_that_of_two_normal_steps(mixture):
    """z_s given z_t and z_0: the product of the laws of z_s given z_0 and of z_t given z_s."""
    c, d = mixture.onward(0.3, 0.8)
    b = mixture.at(0.3)[1]
    assert mixture.spread(0.8, 0.3) == pytest.approx((1 / b**2 + c**2 / d**2) ** -0.5)
    assert mixture.spread(0.8, 0.0) == 0
