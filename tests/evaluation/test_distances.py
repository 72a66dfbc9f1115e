"""Distances against SciPy, against closed forms, and in the cases where formulas lose their footing."""

import numpy as np
import pytest
from scipy import stats

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.distances import frechet, ks, wasserstein
from onshell.evaluation.features import invariants
from onshell.physics.generators import events

SEED = 20260402


@pytest.mark.parametrize("sizes", [(1000, 1000), (1000, 377), (1, 5)])
def test_same_as_scipy(sizes):
    draws = stream(SEED, "test", "scipy", *sizes)
    a, b = draws.normal(size=sizes[0]), draws.normal(0.3, 1.2, size=sizes[1])
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-12)
    assert ks(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-15)


def test_ties_and_shifts():
    a = np.array([0.0, 0.0, 1.0, 1.0])
    assert wasserstein(a, a + 0.25) == pytest.approx(0.25)
    assert ks(a, a) == 0.0
    assert wasserstein(a, a) == 0.0
    assert ks(a, np.ones(3)) == pytest.approx(0.5)


def test_frechet_of_points_with_known_moments():
    a = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    assert frechet(a, a) == pytest.approx(0.0, abs=1e-14)
    assert frechet(a, a + np.array([3.0, 4.0])) == pytest.approx(25.0)
    spread = 2.0 / 3.0  # both variances of `a` with n - 1
    assert frechet(a, 3.0 * a) == pytest.approx(2 * spread * (3.0 - 1.0) ** 2)


def test_frechet_of_singular_covariances():
    """The s_IJ sum to 1: their covariance has a null direction, which must add neither noise nor NaN."""
    s = invariants(events("muon", 4000, seed=SEED, name=("test", "frechet")))
    assert np.allclose(s.sum(1), 1.0)
    assert frechet(s, s) == pytest.approx(0.0, abs=1e-9)
    assert frechet(s, s[:, [1, 0, 2]]) > 1e-3


def test_samples_without_meaning_are_refused():
    with pytest.raises(OnshellError, match="no events"):
        wasserstein([], [1.0])
    with pytest.raises(OnshellError, match="NaN"):
        ks([1.0, np.nan], [1.0])
    with pytest.raises(OnshellError, match="fewer than two"):
        frechet(np.zeros((1, 2)), np.zeros((5, 2)))
