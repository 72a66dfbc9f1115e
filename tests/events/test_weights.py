"""Weights of events, before anything is weighed."""

import numpy as np
import pytest

from onshell.core.errors import OnshellError
from onshell.events.weights import checked_weights


def test_weights_of_either_sign_are_taken_as_they_are():
    found = checked_weights(np.array([2, -1, 0]), 3, "x")
    assert found.dtype == np.float64
    assert found.tolist() == [2.0, -1.0, 0.0]


def test_no_weights_and_equal_ones_weigh_nothing():
    assert checked_weights(None, 3, "x") is None
    assert checked_weights(np.full(3, 0.7), 3, "x") is None
    assert checked_weights(np.empty(0), 0, "x") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"^a\.parquet: \(2,\) weights for 3 events; give one for each$"),
        ([[1.0], [1.0], [1.0]], r"\(3, 1\) weights for 3 events"),
        ([1.0, np.nan, 1.0], "the weights of 3 events are not all finite; remove these events"),
        ([1.0, np.inf, 1.0], "not all finite"),
        ([1.0, -2.0, 1.0], "the weights of 3 events sum to 0, which is no distribution"),
    ],
)
def test_weights_of_no_law_are_named(values, message):
    with pytest.raises(OnshellError, match=message):
        checked_weights(np.array(values), 3, "a.parquet")
