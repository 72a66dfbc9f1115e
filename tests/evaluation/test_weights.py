"""Weighted events: every comparison agrees with the same events repeated, and negative ones take away."""

import numpy as np
import pytest
import torch

from helpers.products import floor_values, measured
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.distances import compare, frechet
from onshell.evaluation.floors import Pool
from onshell.evaluation.observables import compared
from onshell.evaluation.twosample import auc, linear_auc, weighted_auc
from onshell.evaluation.weights import effective, per_value, weights_of
from onshell.events.table import Events
from onshell.physics import generators


def draws(name, *shape):
    return stream(11, "test", "weights", name).standard_normal(shape)


A, B = draws("a", 300), 0.3 + draws("b", 200)
TIMES = stream(11, "test", "weights", "times").integers(0, 4, 300)


def test_whole_weights_are_repetitions():
    repeated = np.repeat(A, TIMES)
    plain = compare(repeated, B)
    assert compare(A, B, TIMES.astype(float)) == pytest.approx(plain, rel=1e-12)
    assert compare(B, A, None, 7.0 * TIMES) == pytest.approx(plain, rel=1e-12)
    negative, positive = draws("n", 300), 0.5 + draws("p", 200)
    many = auc(np.repeat(negative, TIMES), positive)
    assert weighted_auc(negative, positive, 2.0 * TIMES, np.ones(200)) == pytest.approx(many, rel=1e-12)


def test_negative_weights_take_events_away():
    extra = 5.0 + draws("extra", 50)
    values, weights = np.concatenate([A, extra, extra]), np.repeat([1.0, 1.0, -1.0], [300, 50, 50])
    assert compare(values, B, weights) == pytest.approx(compare(A, B), rel=1e-10)
    x, y = draws("x", 400, 3), draws("y", 400, 3)
    more = 4.0 + draws("more", 60, 3)
    both, signs = np.concatenate([x, more, more]), np.repeat([1.0, 1.0, -1.0], [400, 60, 60])
    assert frechet(both, y, signs) == pytest.approx(frechet(x, y), rel=0.02)
    assert weighted_auc(both[:, 0], y[:, 0], signs, np.ones(400)) == pytest.approx(auc(x[:, 0], y[:, 0]), rel=1e-12)


def test_a_classifier_of_weighted_samples_of_one_law_finds_nothing():
    # Uniform x with weight 2x against its law drawn directly: the weights undo the difference.
    rng = stream(11, "test", "weights", "law")
    x, y = rng.random((4000, 1)), np.sqrt(rng.random((4000, 1)))
    halves = ((x[::2], y[::2]), (x[1::2], y[1::2]))
    ones = np.ones(2000)
    weights = ((2 * x[::2, 0], ones), (2 * x[1::2, 0], ones))
    # sd of an AUC of 2000 events a side is 0.009; of the weighted ones a little more.
    assert abs(linear_auc(*halves, weights) - 0.5) < 0.05
    assert linear_auc(*halves) > 0.6


def test_measuring_a_reweighted_sample_finds_its_law():
    p = generators.events("uniform", 6000, seed=5, name=("weights",), n_particles=3)
    muon = generators.events("muon", 6000, seed=5, name=("weights", "muon"))
    e_3 = p[:, 2].norm(dim=-1).numpy()
    weights = 96 * e_3 * (1 - 2 * e_3) / 8.0
    options = {"process": "muon", "seed": 1, "name": ("t",)}
    plain, right = measured(p, muon, **options), measured(p, muon, **options, weights=(weights, None))
    for key in ("E_3.ks", "E_1.ks", "u_1.w1", "ln_f.w1", "invariant.frechet"):
        assert right[key][0] < 0.25 * plain[key][0], key
    assert abs(right["invariant.auc"][0] - 0.5) < 0.03 < abs(plain["invariant.auc"][0] - 0.5)


def test_weights_of_a_table():
    p = torch.zeros(3, 3, 3, dtype=torch.float64)
    assert weights_of(Events(p)) is None
    assert weights_of(Events(p, {"weight": np.full(3, 0.725)})) is None
    assert weights_of(Events(p, {"weight": np.array([1.0, -0.5, 2.0])})).tolist() == [1.0, -0.5, 2.0]
    with pytest.raises(OnshellError, match=r"x\.parquet: the weights of 3 events sum to -1, which is no distribution"):
        weights_of(Events(p, {"weight": np.array([1.0, -2.0, 0.0])}), "x.parquet")
    assert effective(np.array([1.0, 1.0, -1.0]), 3) == pytest.approx(1 / 3)
    assert effective(None, 7) == 7
    assert per_value(np.array([1.0, 2.0]), np.zeros(6), 2).tolist() == [1, 1, 1, 2, 2, 2]


def test_pairs_of_a_pool_are_disjoint_where_there_are_events_enough():
    p = generators.events("uniform", 100, seed=5, name=("pool",), n_particles=3)
    pool = Pool(p)
    (a, _), (b, _) = pool.pair((60, 40), 1, ("x",))
    assert len(torch.unique(torch.cat([a, b]), dim=0)) == 100
    assert "without replacement" in pool.method((60, 40))
    (a, _), (b, _) = pool.pair((500, 40), 1, ("x",))
    assert (len(a), len(b)) == (500, 40)
    assert len(torch.unique(a, dim=0)) <= 100
    assert "with replacement" in pool.method((500, 40))


def test_a_weighted_pool_stands_for_its_weighted_law():
    p = generators.events("uniform", 3000, seed=5, name=("pool", "weighted"), n_particles=3)
    e = p[:, 0].norm(dim=-1).numpy()
    positive = e**2
    (a, none), (b, weights) = Pool(p, positive).pair((3000, 3000), 1, ("x",))
    mean = (positive * e).sum() / positive.sum()
    assert none is None
    # sd of the mean energy of 3000 events: 0.1/sqrt(3000) = 0.002, a little more where weighted.
    assert abs(a[:, 0].norm(dim=-1).mean() - mean) < 0.01
    assert abs((weights * b[:, 0].norm(dim=-1).numpy()).sum() / weights.sum() - mean) < 0.015
    signed = np.where(np.arange(3000) % 10 == 0, -1.0, 1.0)
    (_, signs), _ = Pool(p, signed).pair((3000, 100), 1, ("x",))
    # A tenth of 3000 is negative, give or take five standard deviations, 82.
    assert abs((signs < 0).sum() - 300) < 82
    assert "keeps their signs" in Pool(p, signed).method((3000, 100))


def test_the_floor_of_a_pool_is_that_of_fresh_events():
    p = generators.events("uniform", 4000, seed=5, name=("pool", "floor"), n_particles=3)
    options = {"seed": 1, "replicates": 8}
    about = {"generator": "uniform", "parameters": {"n_particles": 3}, "process": "uniform"}
    fresh = floor_values(about, "u", (1000, 500), **options)
    for n in (4000, 1200):
        pooled = floor_values({"process": "uniform"}, "u", (1000, 500), pool=Pool(p[:n]), **options)
        # Eight replicates know the mean of a distance to 15%: 50% are more than two such differences.
        for key in ("E.ks", "log10_tau.ks", "cos_theta_1.ks"):
            assert pooled[key][0] == pytest.approx(fresh[key][0], rel=0.5), key
        assert abs(pooled["invariant.auc"][0] - 0.5) < 0.03


def test_imported_events_are_compared_place_by_place_where_the_order_has_a_meaning():
    p = generators.events("uniform", 10, seed=5, name=("observed",), n_particles=4)
    assert "log10_s" not in compared(p, "mine")
    pooled, placed = compared(p, "mine", ordered=False), compared(p, "mine", ordered=True)
    assert len(pooled["log10_s"]) == 60
    assert {"E_4", "cos_theta_3", "phi_2", "log10_s_34"} <= placed.keys()
    s_34 = 2 * (p[:, 2].norm(dim=-1) * p[:, 3].norm(dim=-1) - (p[:, 2] * p[:, 3]).sum(-1))
    assert 10 ** placed["log10_s_34"] == pytest.approx(s_34.numpy(), rel=1e-9)
