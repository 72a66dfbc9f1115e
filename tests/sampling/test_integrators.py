"""Solvers of differential equations: their orders, grids and errors, and the way there and back."""

import math

import numpy as np
import pytest
import torch

from helpers.charts import SCALE
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.models.charts import CHARTS
from onshell.physics import rambo
from onshell.sampling.integrators import (
    Scheme,
    adaptive,
    fixed,
    grid,
    integrate,
    integrate_back,
    stepper,
)

MEAN, SPREAD = 1.5, 0.3


def velocity(x, t):
    """The velocity of flow matching between N(MEAN, SPREAD^2) at t = 0 and N(0, 1) at t = 1: E[q_1 - q_0 | q_t]."""
    variance = (1 - t) ** 2 * SPREAD**2 + t**2
    return -MEAN + (t - (1 - t) * SPREAD**2) / variance * (x - (1 - t) * MEAN)


def exact(start, t):
    """Where a point that starts at t = 1 is at t: a Gaussian flow keeps the number of standard deviations."""
    return (1 - t) * MEAN + ((1 - t) ** 2 * SPREAD**2 + t**2) ** 0.5 * start


@pytest.fixture
def start():
    return torch.from_numpy(stream(1, "start").standard_normal((200, 3, 3)))


def growing(x, t):
    """A velocity whose paths are `grown`."""
    return (1 + t) * x


def grown(start, t):
    """Where `growing` takes a point that starts at t = 1."""
    return start * np.exp(t + t**2 / 2 - 1.5)


# Of a Gaussian flow, whose variance is quadratic in t, the midpoint rule's leading error vanishes.
@pytest.mark.parametrize(
    ("solver", "field", "solution", "order"),
    [
        ("euler", velocity, exact, 1),
        ("midpoint", velocity, exact, 3),
        ("rk4", velocity, exact, 4),
        ("euler", growing, grown, 1),
        ("midpoint", growing, grown, 2),
        ("rk4", growing, grown, 4),
    ],
)
def test_solvers_have_their_order(solver, field, solution, order, start):
    errors = []
    for steps in (80, 160, 320):
        *_, (t, x) = fixed(Scheme(stepper(solver, field)), start, grid(steps))
        assert t == 0
        errors.append((x - solution(start, 0)).square().mean().sqrt().item())
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=0.15)


def turning(chart):
    """dq/dt = (2t + 3t^2) q + w x q in a chart: the velocity u, which a solver must carry along by the chart's maps."""
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def velocity(y, t):
        q = chart.to_q(y)
        moved = (2 * t + 3 * t**2) * q + torch.linalg.cross(w.expand_as(q), q)
        return chart.tangent(y, moved / SCALE[type(chart).__name__](q))

    return velocity, w


def turned(q, w):
    """Where `turning` takes events that start at t = 1."""
    generator = torch.tensor([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]], dtype=torch.float64)
    return np.exp(-2) * q @ torch.linalg.matrix_exp(-generator).mT


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("rho", [None, 1.5])
@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("midpoint", 2), ("multistep", 3.5), ("rk4", 4)])
def test_solvers_keep_their_order_in_every_chart(solver, order, rho, name):
    chart, q = CHARTS[name], rambo.sample_prior(50, 3, stream(3, "q"))
    (velocity, w), errors = turning(chart), []
    for steps in (40, 80, 160):
        # A last step of Euler would have an error of its own: the smallest time is next to nothing.
        times = grid(steps) if rho is None else grid(steps, 1e-12, rho)
        step = stepper(solver, velocity, chart.project)
        *_, (t, y) = fixed(Scheme(step, project=chart.project), chart.to_chart(q), times)
        assert t == 0
        errors.append(((chart.to_q(y) - turned(q, w)).norm() / turned(q, w).norm()).item())
    # Multistep: 4, and 3 from its first steps, whichever is the larger.
    tolerance = 0.85 if solver == "multistep" else 0.35
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=tolerance)
    *_, (_, y) = adaptive(velocity, chart.to_chart(q), 1e-8, project=chart.project)
    torch.testing.assert_close(chart.to_q(y), turned(q, w), rtol=1e-5, atol=1e-5)


def test_a_grid_shrinks_towards_its_smallest_time():
    times = np.array(grid(20, smallest=3e-3, rho=1.2))
    assert len(times) == 21
    assert (times[0], times[-2], times[-1]) == (1, 3e-3, 0)
    np.testing.assert_allclose(np.diff(times[:-1] ** (1 / 1.2), 2), 0, atol=1e-14)
    assert (np.diff(times) < 0).all()
    # A tail shrinks by itself, as fast at its beginning as what is above it.
    times = np.array(grid(2001, smallest=1e-4, rho=1.5, tail={"below": 0.1, "rho": 4}))[:-1]
    assert (times[0], times[-1]) == (1, 1e-4)
    above, below = times[times > 0.1], times[times < 0.1]
    for part, rho in ((above, 1.5), (below, 4)):
        np.testing.assert_allclose(np.diff(part ** (1 / rho), 2), 0, atol=1e-14)
    np.testing.assert_allclose(np.diff(above)[-1], np.diff(below)[0], rtol=1e-2)
    # The same power on both sides is no tail.
    np.testing.assert_allclose(grid(20, 1e-3, 2.0, {"below": 0.3, "rho": 2.0}), grid(20, 1e-3, 2.0), rtol=1e-12)
    # Large powers are geometric but for the ends; power 1 makes equal steps.
    np.testing.assert_allclose(grid(5, smallest=0.2, rho=1), [1, 0.8, 0.6, 0.4, 0.2, 0], atol=1e-15)


def test_a_corrector_follows_every_step_but_the_last_two(start):
    corrected = []

    def corrector(x, t, after):
        corrected.append((t, after))
        return x + 1

    times = grid(5, smallest=0.01, rho=2)
    *_, (_, x) = fixed(Scheme(lambda x, t, h: x, corrector=corrector), start, times)
    assert corrected == [(times[k], times[k + 1]) for k in (1, 2, 3)]
    torch.testing.assert_close(x, start + 3)


def test_a_fixed_grid_is_uniform_and_every_state_is_near_the_flow(start):
    states = dict(fixed(Scheme(stepper("rk4", velocity)), start, grid(50)))
    np.testing.assert_allclose(list(states), 1 - np.arange(51) / 50, atol=1e-15)
    assert torch.equal(states[1.0], start)
    for t, x in states.items():
        torch.testing.assert_close(x, exact(start, t), rtol=0, atol=2e-4)


def test_the_adaptive_solver_keeps_to_its_tolerance(start):
    evaluations, errors = [], []
    for tolerance in (1e-3, 1e-5, 1e-7):
        count = 0

        def counted(x, t):
            nonlocal count
            count += 1
            return velocity(x, t)

        *_, (t, x) = adaptive(counted, start, tolerance)
        assert t == 0
        scale = 1 + exact(start, 0).abs()
        errors.append(((x - exact(start, 0)) / scale).square().flatten(1).mean(1).sqrt().max().item() / tolerance)
        evaluations.append(count)
    # Errors of steps add up, so the whole may be off by a few times what one step may.
    assert max(errors) < 10
    assert evaluations[0] < evaluations[1] < evaluations[2] < 1000


def test_the_adaptive_solver_lands_on_its_stops(start):
    stops = [0.9, 0.123456789, 0.12345, 1.0]
    states = dict(adaptive(velocity, start, 1e-6, stops))
    assert {*stops, 0.0} <= states.keys()
    assert list(states) == sorted(states, reverse=True)
    for t in stops:
        torch.testing.assert_close(states[t], exact(start, t), rtol=0, atol=1e-4)


def test_stops_cost_little(start):
    def steps(stops):
        return sum(1 for _ in adaptive(velocity, start, 1e-6, stops))

    assert steps([0.8, 0.5]) <= steps([]) + 4


def test_the_worst_event_sets_the_step(start):
    # An event of a fast field is solved as well among a thousand slow ones as alone.
    def mixed(x, t):
        return torch.cat([30 * torch.cos(30 * t * torch.ones_like(x[:1])), 0.01 * x[1:]])

    *_, (_, x) = adaptive(mixed, start, 1e-6)
    torch.testing.assert_close(
        x[0] - start[0], torch.full((3, 3), -np.sin(30.0), dtype=torch.float64), atol=1e-4, rtol=0
    )


def test_a_field_without_a_smooth_solution_is_an_error_not_an_endless_loop(start):
    noise = stream(2, "noise")

    def rough(x, t):
        return 1e4 * torch.from_numpy(noise.standard_normal(x.shape))

    with pytest.raises(OnshellError, match=r"sampling\.solver: the adaptive step fell below 1e-07 at t = 1"):
        list(adaptive(rough, start, 1e-6))
    with pytest.raises(OnshellError, match="not finite"):
        list(adaptive(lambda x, t: x * torch.nan, start, 1e-3))


@pytest.mark.parametrize(
    ("solve", "message"),
    [
        (
            lambda x: [stepper("heun", velocity)],
            "sampling.solver: 'heun' is not known; use euler, midpoint, rk4",
        ),
        (lambda x: grid(0), "sampling.steps: 0 is not a number of steps"),
        (lambda x: grid(1, smallest=0.1), "sampling.steps: 1 has no room for a grid's last step; use 2 or more"),
        (lambda x: grid(9, smallest=1.5), "sampling.grid: smallest = 1.5 must lie in 0"),
        (lambda x: grid(9, smallest=0.5, rho=0), "sampling.grid: smallest = 0.5 must lie in .* rho = 0 above 0"),
        (lambda x: grid(9, 0.2, 2, {"below": 0.1, "rho": 4}), r"grid\.tail: below = 0\.1 must lie in 0\.2, the sm"),
        (lambda x: adaptive(velocity, x, 0.0), "sampling.tolerance: 0.0 is not above zero"),
    ],
)
def test_faulty_settings_are_named(solve, message, start):
    with pytest.raises(OnshellError, match=message):
        list(solve(start))


GRID = {"rho": 1.2, "smallest": 3e-3}
X = torch.tensor([[[0.3, -1.0, 2.0]]], dtype=torch.float64)
SETTINGS = {
    "equal": {"solver": "rk4", "steps": 20},
    "grid": {"solver": "rk4", "steps": 20, "grid": GRID},
    "multistep": {"solver": "multistep", "steps": 100, "grid": GRID},
    "adaptive": {"solver": "adaptive", "tolerance": 1e-9},
}


def solved(solver, options, x, **over):
    """The solution of dx/dt = x, x(0) = x(1)/e, and the times at which the field was asked for."""
    seen = []

    def field(x, t):
        seen.append(t)
        return x

    return list(solver(field, x, options, **over)), seen


@pytest.mark.parametrize("options", SETTINGS.values(), ids=SETTINGS)
def test_there_and_back_is_where_it_began(options):
    there, _ = solved(integrate, options, X)
    assert (there[0][0], there[-1][0]) == (1.0, 0.0)
    torch.testing.assert_close(there[-1][1], X / math.e, rtol=1e-4, atol=0)
    back, _ = solved(integrate_back, options, there[-1][1])
    torch.testing.assert_close(back[-1][1], X, rtol=1e-4, atol=0)


@pytest.mark.parametrize("solver", [integrate, integrate_back])
def test_a_grid_of_shrinking_steps_never_asks_for_the_field_at_zero(solver):
    assert min(solved(solver, SETTINGS["equal"], X)[1]) == 0
    _, seen = solved(solver, SETTINGS["grid"], X)
    assert min(seen) == GRID["smallest"]
    assert len(seen) == 4 * 19 + 1


def test_a_noisy_step_makes_every_step_to_the_last():
    made = []

    def step(x, t, h):
        made.append((t, t + h))
        return x

    states, seen = solved(integrate, SETTINGS["grid"], X, noisy=(step, None))
    assert not seen
    assert [t for t, _ in states] == [1.0, *(pytest.approx(after) for _, after in made)]
    assert made[-1] == (GRID["smallest"], 0.0)
