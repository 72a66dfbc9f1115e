"""The way between prior and data, there and back."""

import math

import pytest
import torch

from onshell.sampling.project import way

GRID = {"rho": 1.2, "smallest": 3e-3}
X = torch.tensor([[[0.3, -1.0, 2.0]]], dtype=torch.float64)
WAYS = {
    "equal": {"solver": "rk4", "steps": 20},
    "grid": {"solver": "rk4", "steps": 20, "grid": GRID},
    "multistep": {"solver": "multistep", "steps": 100, "grid": GRID},
    "adaptive": {"solver": "adaptive", "tolerance": 1e-9},
}


def gone(options, x, **over):
    """The states on the way in dx/dt = x, x(0) = x(1)/e, and the times at which the field was asked for."""
    seen = []

    def field(x, t):
        seen.append(t)
        return x

    return list(way(field, x, options, settle=lambda x: x, **over)), seen


@pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)
def test_there_and_back_is_where_it_began(options):
    there, _ = gone(options, X)
    assert (there[0][0], there[-1][0]) == (1.0, 0.0)
    torch.testing.assert_close(there[-1][1], X / math.e, rtol=1e-4, atol=0)
    back, _ = gone(options, there[-1][1], to_data=False)
    torch.testing.assert_close(back[-1][1], X, rtol=1e-4, atol=0)


@pytest.mark.parametrize("to_data", [True, False])
def test_a_grid_of_shrinking_steps_never_asks_for_the_field_at_zero(to_data):
    assert min(gone(WAYS["equal"], X, to_data=to_data)[1]) == 0
    _, seen = gone(WAYS["grid"], X, to_data=to_data)
    assert min(seen) == GRID["smallest"]
    assert len(seen) == 4 * 19 + 1


def test_a_step_of_one_s_own_makes_every_step_to_the_last():
    made = []

    def step(x, t, h):
        made.append((t, t + h))
        return x

    states, seen = gone(WAYS["grid"], X, step=step)
    assert not seen
    assert [t for t, _ in states] == [1.0, *(pytest.approx(after) for _, after in made)]
    assert made[-1] == (GRID["smallest"], 0.0)
