"""The linear two-sample test on Gaussians, where its AUC is known."""

import numpy as np
import pytest
from scipy.stats import norm

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.twosample import auc, halves, linear_auc

SEED = 20260402
N = 20_000
# The AUC of two samples of N/2 has a spread of at most 1 / sqrt(6 N / 2): 6 of them fail once in 5e8.
SIGMAS = 6.0 / np.sqrt(3.0 * N)


def test_auc_counts_pairs():
    assert auc(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 1.0
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 0.0
    assert auc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5
    assert auc(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.5])) == 0.5


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_shifted_gaussians(shift):
    draws = stream(SEED, "test", "auc", str(shift))
    a, b = draws.normal(size=(N, 3)), draws.normal(size=(N, 3))
    b[:, 0] += shift
    assert linear_auc(*halves(a, b, draws)) == pytest.approx(norm.cdf(shift / np.sqrt(2)), abs=SIGMAS)


def test_units_null_directions_and_unequal_sizes_do_not_matter():
    draws = stream(SEED, "test", "auc", "units")
    a, b = draws.normal(size=(N, 2)), draws.normal(0.5, 1.0, size=(N // 4, 2))
    found = []
    for scale in (1.0, 1e-6):
        features = [np.c_[x * scale, x.sum(1), np.ones(len(x))] for x in (a, b)]
        found.append(linear_auc(*halves(*features, stream(1))))
    assert found[0] == pytest.approx(found[1], abs=1e-3)
    assert found[0] == pytest.approx(norm.cdf(0.5), abs=2 * SIGMAS)


def test_halves_part_either_sample_without_loss():
    a, b = np.arange(7.0)[:, None], np.arange(100.0, 110.0)[:, None]
    train, test = halves(a, b, stream(1))
    assert [len(part) for part in (*train, *test)] == [3, 5, 4, 5]
    for whole, *parts in zip((a, b), train, test, strict=True):
        assert np.array_equal(np.sort(np.concatenate(parts), axis=0), whole)
    again = halves(a, b, stream(2))
    assert not np.array_equal(again[1][1], test[1])


def test_too_few_events():
    with pytest.raises(OnshellError, match="fewer than four"):
        halves(np.zeros((3, 1)), np.zeros((9, 1)), stream(1))
