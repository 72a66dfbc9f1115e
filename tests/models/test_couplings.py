"""Couplings leave the law of either end as it is, and make paths shorter."""

import itertools

import pytest
import torch
from scipy import stats

from helpers.statistics import assert_law, assert_same_law
from onshell.core.rng import stream
from onshell.models.charts import CHARTS
from onshell.models.couplings import aligned, coupled, matched
from onshell.physics import generators, rambo
from onshell.physics.kinematics import norm, pair_products, random_rotations, rotate

N = 4_000
EVERY = [
    {"fibre": "shared"},
    {"particles": "matched"},
    {"fibre": "shared", "particles": "matched", "rotation": "aligned"},
]
CHART = pytest.mark.parametrize("name", CHARTS)


def data(n=N, name="data"):
    """Exchangeable, isotropic events of q q-bar g in q-space, b = 0."""
    p = generators.events("qqg", n, seed=1, name=(name,), n_particles=3, sqrt_s=1000.0, cutoff=1e-2)
    turned = rotate(p, random_rotations(n, stream(1, name, "turn")))
    return rambo.to_q(turned, torch.zeros(3, dtype=torch.float64), 0.15)


def ends(options, chart, q, n=N):
    rng = stream(2, "prior", str(sorted(options.items())))
    start, end = coupled(options, chart, q, chart.prior(n, 3, rng), rng)
    return start, end


def length(chart, start, end):
    return chart.distance2(start, end).sum(1).mean().item()


@CHART
def test_nothing_agrees_unless_it_is_asked_for(name):
    q, chart = data(10), CHARTS[name]
    for options in ({}, {"fibre": "independent", "particles": "independent"}):
        end = chart.prior(10, 3, stream(3, "prior"))
        start, same = coupled(options, chart, q, end, stream(3, "free"))
        assert torch.equal(start, chart.to_chart(q))
        assert torch.equal(same, end)


@CHART
@pytest.mark.parametrize("options", EVERY, ids=lambda options: "-".join(options))
def test_either_end_keeps_its_law(options, name):
    chart, q = CHARTS[name], data()
    start, end = ends(options, chart, q)
    # The prior: sizes, directions and pair masses of single, named particles.
    there = chart.to_q(end)
    for i in range(3):
        assert_law(norm(there[:, i]), stats.gamma(2).cdf)
        for k in range(3):
            assert_law(there[:, i, k] / norm(there[:, i]), stats.uniform(-1, 2).cdf)
    fresh = rambo.sample_prior(N, 3, stream(4, "fresh"))
    for i in range(3):
        assert_same_law(pair_products(there)[:, i], pair_products(fresh)[:, i])
    if chart is CHARTS["spinor"]:
        assert_law(end[:, 0, 0].real, stats.norm.cdf)
        assert_law(end[:, 0, 1].imag, stats.norm.cdf)
    # The data: their phase-space points are the very same.
    here = chart.to_q(start)
    torch.testing.assert_close(rambo.to_p(here), rambo.to_p(q), rtol=1e-9, atol=1e-11)
    if "fibre" in options:
        for one, other in zip(rambo.frame(here), rambo.frame(there), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


@CHART
def test_every_agreement_makes_paths_shorter(name):
    chart, q = CHARTS[name], data()
    alone = length(chart, *ends({}, chart, q))
    matching = length(chart, *ends({"particles": "matched"}, chart, q))
    both = length(chart, *ends({"particles": "matched", "rotation": "aligned"}, chart, q))
    assert both < 0.97 * matching < 0.95 * alone
    assert length(chart, *ends({"rotation": "aligned"}, chart, q)) < 0.97 * alone


@CHART
def test_the_matching_is_the_best_of_all_orders(name):
    chart, q = CHARTS[name], data(50)
    start, end = chart.to_chart(q), chart.prior(50, 3, stream(5, "prior"))
    costs = [chart.distance2(start, end[:, list(order)]).sum(1) for order in itertools.permutations(range(3))]
    torch.testing.assert_close(chart.distance2(start, matched(chart, start, end)).sum(1), torch.stack(costs).amin(0))


def test_the_alignment_finds_a_rotation_and_no_reflection():
    q = rambo.sample_prior(100, 4, stream(6, "q"))
    turned = rotate(q, random_rotations(100, stream(6, "turn")))
    torch.testing.assert_close(aligned(q, turned), q)
    found = aligned(q, -turned)
    torch.testing.assert_close(pair_products(found), pair_products(q))
    triple = torch.linalg.det(found[:, :3]) * torch.linalg.det(q[:, :3])
    assert (triple < 0).all()


def test_aligned_phases_are_those_of_the_geodesic():
    chart, q = CHARTS["spinor"], data(100)
    start, end = ends({"phases": "aligned", "particles": "matched"}, chart, q, 100)
    assert (start.conj() * end).sum(-1).imag.abs().max() < 1e-12
    torch.testing.assert_close(chart.to_q(start), q)
