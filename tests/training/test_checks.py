"""What is refused before a training begins."""

import pytest
import torch

from helpers.disk import names
from helpers.networks import small_spec
from helpers.trainings import events, silent
from onshell.core.errors import OnshellError
from onshell.training.checks import BLOCK, check
from onshell.training.loop import train


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.empty(0, 3, 3, dtype=torch.float64), "the training set has no events"),
        (torch.ones(5, 4, 3, dtype=torch.float64), r"events of shape \(4, 3\), the network takes \(3, 3\)"),
        (torch.full((5, 3, 3), torch.nan, dtype=torch.float64), r"5 events .*not finite \(first: \[0, 1, 2, 3, 4\]\)"),
    ],
)
def test_faulty_data_are_named(data, message, tmp_path):
    with pytest.raises(OnshellError, match=message):
        train(small_spec(), data, tmp_path, progress=silent)
    assert names(tmp_path) == []


def test_events_that_are_not_finite_are_counted_through_the_whole_set():
    data = torch.zeros(BLOCK + 3, 3, 3, dtype=torch.float64)
    data[[2, BLOCK + 1], 1, 1] = torch.inf
    with pytest.raises(OnshellError, match=rf"2 events .*not finite \(first: \[2, {BLOCK + 1}\]\)"):
        check(small_spec(), data)


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr_schedule", "cosin"), ("keep", "best"), ("epochs", 0), ("lr", -1.0), ("ema", 1.0), ("ema", -0.1)],
)
def test_faulty_settings_are_named(key, value, tmp_path):
    with pytest.raises(OnshellError, match=rf"training\.{key}"):
        train(small_spec(training={key: value}), events(), tmp_path, progress=silent)
