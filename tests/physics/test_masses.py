"""Massive phase space against closed forms: conservation, inverse, derivatives, density, volume."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate

from helpers.statistics import assert_law, assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.physics import kinematics, masses, rambo

SETS = {
    "two": [0.3, 0.5],
    "at threshold": [0.3, 0.7 - 1e-9],
    "all": [0.2, 0.1, 0.05, 0.3],
    "one": [0.5, 0.0, 0.0],
    "one at threshold": [1.0 - 1e-9, 0.0, 0.0],
    "rounding": [1e-17, 0.0, 0.5, 1e-9, 0.1],
    "none": [0.0, 0.0, 0.0],
    "many": [0.004] * 200,
}


def massless(n, n_particles, name="k"):
    return rambo.to_p(rambo.sample_prior(n, n_particles, stream(17, "masses", n_particles, name)))


def vector(values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("name", SETS)
def test_massive_events_conserve_and_come_back(name):
    m = vector(SETS[name])
    k = massless(400_000 // len(m) ** 2 + 500, len(m))
    p = masses.to_massive(k, m)
    excess, total = kinematics.violation(p)
    e, square = kinematics.energies(p), p[..., :3].square().sum(-1)
    assert excess.abs().max() < 1e-15
    assert total.abs().max() < 1e-15
    assert (e**2 - square - m**2).abs().max() < 1e-15
    assert (p[..., 3] == m).all()
    torch.testing.assert_close(masses.to_massless(p), k, rtol=0, atol=1e-15)


def test_massless_events_are_their_own():
    k = massless(1000, 5)
    torch.testing.assert_close(masses.to_massive(k, torch.zeros(5, dtype=k.dtype))[..., :3], k, rtol=0, atol=1e-15)
    assert masses.to_massless(k) is k
    assert masses.masses(k) is None


def test_masses_may_differ_from_event_to_event():
    k, m = massless(100, 3), vector([[0.1, 0.2, 0.3]]) * torch.linspace(0.0, 1.6, 100, dtype=torch.float64)[:, None]
    p = masses.to_massive(k, m)
    for row in (0, 50, 99):
        torch.testing.assert_close(p[row], masses.to_massive(k[row], m[row]), rtol=0, atol=1e-15)


def test_derivatives_are_those_of_the_map():
    # By differences, in the momenta and in the masses, to second order.
    k, m = massless(2, 3).requires_grad_(), vector([0.1, 0.3, 0.2]).requires_grad_()
    assert torch.autograd.gradcheck(masses.to_massive, (k, m))
    assert torch.autograd.gradgradcheck(masses.to_massive, (k, m))


def breakup(s, a, b):
    """The momentum of two particles of squared masses a and b in their rest frame, times 2 sqrt(s)."""
    return math.sqrt(max((s - a - b) ** 2 - 4 * a * b, 0.0))


def volume(m, s=1.0):
    """The volume of phase space by a chain of two-body decays, measure d^3p/(2E), integrated numerically."""
    if len(m) == 2:
        return math.pi / 2 * breakup(s, m[0] ** 2, m[1] ** 2) / s
    low, high = sum(m[:-1]) ** 2, (math.sqrt(s) - m[-1]) ** 2
    found, _ = integrate.quad(
        lambda t: volume(m[:-1], t) * math.pi / 2 * breakup(s, t, m[-1] ** 2) / s, low, high, epsrel=1e-7
    )
    return found


@pytest.mark.parametrize("m", [[0.3, 0.5], [0.34, 0.34, 0.0], [0.5, 0.0, 0.0], [0.2, 0.1, 0.05, 0.3]])
def test_the_mean_weight_is_the_ratio_of_volumes(m):
    p, weight = masses.sample_uniform(40_000, vector(m), stream(3, "volume", len(m)))
    expected = volume(m) / math.exp(rambo.log_volume(len(m)))
    assert volume([0.0] * len(m)) == pytest.approx(math.exp(rambo.log_volume(len(m))), rel=1e-5)
    if len(m) == 2:
        torch.testing.assert_close(weight, torch.full_like(weight, expected))
    else:
        assert_mean(weight.numpy(), expected)
    torch.testing.assert_close(masses.log_volume_ratio(p).exp(), weight)


def test_uniform_events_have_the_law_of_the_pair_mass():
    m, n = [0.3, 0.2, 0.1], 20_000
    p = masses.uniform(n, vector(m), stream(3, "uniform"))
    assert p.shape == (n, 3, 4)
    s = kinematics.pair_masses(p)[:, 0].numpy()
    low, high = (m[0] + m[1]) ** 2, (1 - m[2]) ** 2
    grid = np.linspace(low, high, 4001)
    density = [breakup(t, m[0] ** 2, m[1] ** 2) / t * breakup(1.0, t, m[2] ** 2) for t in grid]
    upto = integrate.cumulative_simpson(density, x=grid, initial=0.0)
    assert_law(s, lambda x: np.interp(x, grid, upto / upto[-1]))


def test_products_boosts_and_projection_know_masses():
    p = masses.to_massive(massless(500, 4), vector([0.2, 0.1, 0.0, 0.3]))
    e = kinematics.energies(p)
    plain = e[:, :, None] * e[:, None] - p[..., :3] @ p[..., :3].mT
    torch.testing.assert_close(kinematics.dot(p), plain, rtol=0, atol=1e-14)
    i, j = torch.triu_indices(4, 4, 1)
    four = torch.cat([e[..., None], p[..., :3]], -1)
    square = (four[:, i] + four[:, j]).square()
    torch.testing.assert_close(kinematics.pair_masses(p), square[..., 0] - square[..., 1:].sum(-1), rtol=0, atol=1e-14)
    moved = kinematics.boost(500.0 * p, vector([0.3, -2.0, 5.0]).expand(500, 3))
    torch.testing.assert_close(
        kinematics.energies(moved) ** 2 - moved[..., :3].square().sum(-1), (500 * p[..., 3]) ** 2
    )
    torch.testing.assert_close(masses.project(moved), p, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("m", "message"),
    [
        ([0.5, -0.1, 0.0], "negative"),
        ([math.nan, 0.1, 0.0], "not finite"),
        ([0.5, 0.5, 0.1], "add up to 1.1 E_cm"),
        ([173.0, 173.0, 0.0], "below E_cm"),
    ],
)
def test_masses_that_are_none(m, message):
    with pytest.raises(OnshellError, match=message):
        masses.to_massive(massless(10, 3), vector(m))


def test_rejection_that_would_not_end():
    with pytest.raises(OnshellError, match="take weighted events"):
        masses.uniform(100, vector([0.12] * 8), stream(1, "slow"))
