"""tau bin by bin: ratios, their errors and the worst of known samples, with and without weights."""

import numpy as np
import pytest

from onshell.core.rng import stream
from onshell.evaluation.tails import QUANTILES, quantiles, tails


def bins(values_per_bin):
    """A sample with so many entries in the middle of each quarter of a decade from 10^-2 on."""
    return np.concatenate([np.full(n, -2.0 + 0.25 * k + 0.1) for k, n in enumerate(values_per_bin)])


def test_ratios_and_errors_of_known_counts():
    truth, sample = bins([100, 300, 0, 600]), bins([120, 300, 30, 550])
    found = tails(sample, truth)
    assert [one["low"] for one in found["bins"]] == [-2.0, -1.75, -1.25]
    assert [one["truth"] for one in found["bins"]] == [0.1, 0.3, 0.6]
    assert [one["ratio"] for one in found["bins"]] == pytest.approx([1.2, 1.0, 550 / 600])
    # 120 against 100: relative errors add in squares.
    assert found["bins"][0]["error"] == pytest.approx(1.2 * (1 / 120 + 1 / 100) ** 0.5)
    assert (found["worst"], found["worst_bin"]) == (pytest.approx(0.2), [-2.0, -1.75])
    assert found["worst_error"] == found["bins"][0]["error"]
    # Its excess is within two errors; that of no bin goes beyond.
    assert found["beyond"] == 0.0
    assert found["decades"] == 0.75
    assert found["outside"] == pytest.approx(0.03)


def test_bins_that_hold_little_do_not_count_as_the_worst():
    truth, sample = bins([1, 1999]), bins([9, 1991])
    found = tails(sample, truth)
    assert found["bins"][0]["ratio"] == pytest.approx(9.0)
    assert found["worst_bin"] == [-1.75, -1.5]
    assert found["decades"] == 0.25


def test_an_empty_bin_of_the_sample_has_the_error_of_one_entry():
    found = tails(bins([0, 50]), bins([25, 25]))
    first = found["bins"][0]
    assert (first["ratio"], first["error"]) == (0.0, pytest.approx(1 / 50 / 0.5))
    assert found["worst"] == 1.0
    assert found["beyond"] > 0.4


def test_truth_stays_within_its_own_errors():
    a, b = (np.log10(stream(1, "test", "tails", name).random(40_000)) for name in "ab")
    found = tails(a, b)
    held = [one for one in found["bins"] if one["truth"] > 1e-3]
    pulls = [(one["ratio"] - 1.0) / one["error"] for one in held]
    assert len(pulls) >= 10
    # A mean square of 10 pulls or more is below 2.7 in all but one of 1000 cases.
    assert np.mean(np.square(pulls)) < 2.7


def test_whole_weights_are_repeated_events():
    truth, sample = bins([40, 60, 20]), bins([10, 20, 30])
    weights = np.repeat([1.0, 3.0, 2.0], [10, 20, 30])
    weighted, repeated = tails(sample, truth, (weights, None)), tails(np.repeat(sample, weights.astype(int)), truth)
    for ours, theirs in zip(weighted["bins"], repeated["bins"], strict=True):
        assert ours["ratio"] == pytest.approx(theirs["ratio"])
        assert ours["error"] > theirs["error"] * 0.99
    assert weighted["quantiles"] == pytest.approx(repeated["quantiles"])


def test_quantiles_are_those_of_the_law():
    values = stream(1, "test", "quantiles").random(200_000)
    assert quantiles(values) == pytest.approx(list(QUANTILES), abs=0.005)
    shifted = tails(np.log10(values) - 0.5, np.log10(values))["quantiles"]
    assert list(shifted) == ["0.01", "0.1", "0.5", "0.9", "0.99"]
    assert list(shifted.values()) == pytest.approx([-0.5] * 5)
    # With weights 2 v the law of v is v^2.
    assert quantiles(values, 2.0 * values) == pytest.approx(np.sqrt(QUANTILES), abs=0.005)
