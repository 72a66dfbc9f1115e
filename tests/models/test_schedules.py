"""Noise schedules."""

import pytest
import torch

from onshell.errors import OnshellError
from onshell.models.schedules import Schedule


def test_gamma_rises_linearly():
    schedule = Schedule(500, (0.002, 0.01))
    assert schedule.gamma.dtype == torch.float64
    torch.testing.assert_close(schedule.gamma, 0.002 + 0.008 * torch.arange(500, dtype=torch.float64) / 499)
    assert not schedule.is_gaussian.any()


def test_the_gaussian_phase_comes_first_and_the_rise_follows_it():
    schedule = Schedule(1000, (0.002, 0.01), gaussian_steps=100, gaussian_gamma=0.003)
    assert schedule.is_gaussian.tolist() == [True] * 100 + [False] * 900
    assert (schedule.gamma[:100] == 0.003).all()
    assert schedule.gamma[100] == 0.002
    assert schedule.gamma[-1] == 0.01
    assert len(schedule.gamma) == 1000


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ({"steps": 0}, "schedule.steps"),
        ({"steps": 10, "gaussian_steps": 11}, "schedule.gaussian_steps"),
        ({"steps": 10, "gamma": [0.1]}, "schedule.gamma"),
        ({"steps": 10, "gamma": [0.1, -0.2]}, "schedule.gamma: -0.2"),
        ({"steps": 10, "gaussian_gamma": 0.7}, "schedule.gaussian_gamma"),
    ],
)
def test_faulty_schedules_are_named(spec, key):
    with pytest.raises(OnshellError, match=key):
        Schedule.from_spec(spec)
