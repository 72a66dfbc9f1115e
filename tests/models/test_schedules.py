"""Noise schedules."""

import contextlib

import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.models.limits import schedule_faults
from onshell.models.schedules import Schedule

RECORD = {
    "steps": 1000,
    "gamma": [0.002, 0.02],
    "geometric": {"steps": 137, "first": 5e-8, "ratio": 1.08},
    "softening": 0.2,
}


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


def test_geometric_steps_come_before_all_others_and_on_top_of_them():
    schedule = Schedule.from_spec(RECORD)
    assert schedule.steps == len(schedule.gamma) == len(schedule.phases) == 1137
    ratio = schedule.gamma[1:137] / schedule.gamma[:136]
    torch.testing.assert_close(ratio, torch.full((136,), 1.08, dtype=torch.float64))
    assert schedule.gamma[0] == 5e-8
    assert schedule.gamma[137] == 0.002
    assert not schedule.is_gaussian.any()
    both = Schedule(30, gaussian_steps=10, geometric={"steps": 5, "first": 1e-6, "ratio": 2.0})
    assert both.is_gaussian.tolist() == [False] * 5 + [True] * 10 + [False] * 20
    assert both.gamma[4] == 16e-6


def test_sigma_is_the_size_of_the_noise():
    schedule = Schedule(3, (0.01, 0.03))
    q = torch.tensor([0, 0.02, 0.06, 0.12], dtype=torch.float64).sqrt()
    p = (1 - torch.tensor([1, 0.98, 0.98 * 0.96, 0.98 * 0.96 * 0.94], dtype=torch.float64)).sqrt()
    torch.testing.assert_close(schedule.sigma("q"), q)
    torch.testing.assert_close(schedule.sigma("p"), p)
    torch.testing.assert_close((2 * schedule.log_decay()).exp(), 1 - p**2)


def test_sigma_keeps_its_digits_where_steps_are_tiny():
    schedule = Schedule.from_spec(RECORD | {"softening": 0.0})
    for space in "qp":
        torch.testing.assert_close(schedule.sigma(space)[1].item(), 1e-7**0.5, rtol=1e-7, atol=0)
        assert (schedule.sigma(space).diff() > 0).all()


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        ({"steps": 0}, "schedule.steps"),
        ({"steps": 10, "gaussian_steps": 11}, "schedule.gaussian_steps"),
        ({"steps": 10, "gamma": [0.1]}, "schedule.gamma"),
        ({"steps": 10, "gamma": [0.1, -0.2]}, "schedule.gamma: -0.2"),
        ({"steps": 10, "gamma": [0.7, 0.2]}, "schedule.gamma: 0.7"),
        ({"steps": 10, "gaussian_gamma": 0.7}, "schedule.gaussian_gamma"),
        ({"steps": 10, "softening": -0.1}, "schedule.softening"),
        ({"steps": 10, "geometric": {"steps": 0, "first": 1e-6, "ratio": 1.1}}, "schedule.geometric.steps"),
        ({"steps": 10, "geometric": {"steps": 5, "first": 0.0, "ratio": 1.1}}, "schedule.geometric.first"),
        (
            {"steps": 10, "geometric": {"steps": 50, "first": 0.01, "ratio": 1.1}},
            "schedule.geometric: its last step is 0.5 or more",
        ),
    ],
)
def test_faulty_schedules_are_named(spec, key):
    with pytest.raises(OnshellError, match=key):
        Schedule.from_spec(spec)


@pytest.mark.parametrize("gaussian_steps", [0, 499, 500, 501, -1])
def test_a_configuration_allows_the_gaussian_phases_that_a_schedule_does(gaussian_steps):
    entry = {"steps": 500, "gamma": [0.002, 0.01], "gaussian_steps": gaussian_steps}
    fine = 0 <= gaussian_steps <= 500
    assert bool(list(schedule_faults(entry))) != fine
    with contextlib.nullcontext() if fine else pytest.raises(OnshellError, match=r"^schedule\.gaussian_steps: "):
        assert Schedule.from_spec(entry).is_gaussian.sum() == gaussian_steps


def test_steps_that_grow_beyond_all_bounds_are_refused_before_they_are_computed():
    entry = {"steps": 10, "gamma": [0.002, 0.01], "geometric": {"steps": 10**6, "first": 1e-6, "ratio": 1e300}}
    assert list(schedule_faults(entry)) == [
        "geometric: its last step is 0.5 or more; use fewer steps or a smaller ratio"
    ]
