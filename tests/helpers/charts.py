"""Checks that every chart of q-space must pass: check(chart)."""

import math

import torch
from scipy import stats

from helpers.maps import assert_rotation_equivariant
from helpers.statistics import assert_law, assert_uniform
from onshell.core.rng import stream
from onshell.models.charts import Spinor
from onshell.physics import rambo
from onshell.physics.kinematics import norm, random_rotations, rotate

SCALE = {
    "Flat": lambda q: torch.ones_like(q[..., :1]),
    "LogPolar": lambda q: norm(q).unsqueeze(-1),
    "Spinor": lambda q: (2 * norm(q)).sqrt().unsqueeze(-1),
}
"""By the name of a chart's class: dq/dt over the velocity u that a network predicts."""


def decades(n_particles=3):
    """Events [400, N, 3] whose momenta span twelve decades."""
    rng = stream(1, "decades")
    return rambo.sample_prior(400, n_particles, rng) * 10 ** torch.from_numpy(rng.uniform(-9, 3, (400, n_particles, 1)))


def pair(chart, n=300, n_particles=3):
    """States of two independent samples of events, and times [n]."""
    rng = stream(2, "pair")
    start, end = (chart.to_chart(rambo.sample_prior(n, n_particles, rng), rng) for _ in range(2))
    return 0.3 * start if isinstance(chart, Spinor) else start, end, torch.from_numpy(rng.uniform(0.05, 0.95, n))


def slope(value, h):
    """The derivative of `value(x)` at 0 by four points: error O(h^4)."""
    return (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)


def lifting_is_undone(chart):
    q = decades()
    for rng in (None, stream(3, "phases")):
        error = norm(chart.to_q(chart.to_chart(q, rng)) - q) / norm(q)
        assert error.max() < 1e-14


def the_prior_is_that_of_rambo(chart):
    q = chart.to_q(chart.prior(20_000, 3, stream(4, "prior")))
    assert q.shape == (20_000, 3, 3)
    assert q.dtype == torch.float64
    for i in range(3):
        assert_law(norm(q[:, i]), stats.gamma(2).cdf)
        assert_uniform(q[:, i, 2] / norm(q[:, i]), -1, 1)
        assert_uniform(torch.atan2(q[:, i, 1], q[:, i, 0]), -math.pi, math.pi)
    assert abs(stats.spearmanr(norm(q[:, 0]), norm(q[:, 1])).statistic) < 5 / 20_000**0.5


def paths_lead_from_one_end_to_the_other(chart):
    start, end, _ = pair(chart)
    for time, there in ((0.0, start), (1.0, end)):
        state, _ = chart.path(start, end, torch.full((len(start),), time, dtype=torch.float64))
        torch.testing.assert_close(chart.to_q(state), chart.to_q(there), rtol=1e-12, atol=1e-13)


def the_velocity_is_that_of_the_path(chart):
    start, end, t = pair(chart)
    state, u = chart.path(start, end, t)
    moved = slope(lambda h: chart.to_q(chart.path(start, end, t + h)[0]), 1e-3)
    scale = SCALE[type(chart).__name__](chart.to_q(state))
    torch.testing.assert_close(scale * u, moved, rtol=1e-7, atol=1e-7)


def the_speed_is_that_of_its_tangents(chart):
    q = decades()
    length, scale = norm(q), SCALE[type(chart).__name__](q)
    s, change = chart.speed(length)
    torch.testing.assert_close(s, scale.squeeze(-1))
    measured = slope(lambda h: chart.speed(length * (1 + h))[0], 1e-3) / length
    torch.testing.assert_close(change, measured, rtol=1e-9, atol=1e-9)


def step(chart, y, u, h):
    """Move by h u, straight in the coordinates, as the samplers do."""
    return chart.project(y + h * chart.tangent(y, u))


def steps_follow_their_velocity(chart):
    q = decades()
    u = torch.from_numpy(stream(5, "u").standard_normal(q.shape))
    y, scale = chart.to_chart(q), SCALE[type(chart).__name__](q)
    # In units of how far u moves an event: the whole range of |q| at once.
    unit = norm(q).unsqueeze(-1) / scale
    moved = slope(lambda h: chart.to_q(step(chart, y, unit * u, h)), 1e-3) / norm(q).unsqueeze(-1)
    torch.testing.assert_close(moved, u, rtol=0, atol=1e-8)
    torch.testing.assert_close(chart.to_q(step(chart, y, u, 0.0)), q, rtol=1e-12, atol=0)


def no_step_leaves_the_chart(chart):
    q = decades()
    u = torch.from_numpy(stream(6, "u").standard_normal(q.shape))
    for h in (-3.0, -0.1, 1e-12, 2.0):
        for velocity in (u, 1e-30 * u, torch.zeros_like(u)):
            moved = chart.to_q(step(chart, chart.to_chart(q), velocity, h))
            assert torch.isfinite(moved).all()
            assert (norm(moved) > 0).all()


def steps_turn_with_the_event(chart):
    q = rambo.sample_prior(200, 3, stream(7, "q"))
    u = torch.from_numpy(stream(7, "u").standard_normal(q.shape))
    turn = random_rotations(200, stream(7, "turn"))
    turned = chart.to_q(step(chart, chart.to_chart(rotate(q, turn)), rotate(u, turn), 0.7))
    torch.testing.assert_close(turned, rotate(chart.to_q(step(chart, chart.to_chart(q), u, 0.7)), turn))


def shortest_paths_turn_with_their_ends(chart):
    start, end, t = (
        rambo.sample_prior(200, 3, stream(8, "a")),
        rambo.sample_prior(200, 3, stream(8, "b")),
        torch.from_numpy(stream(8, "t").random(200)),
    )

    def seen(both):
        y0, y1 = (chart.to_chart(q) for q in both.split(3, dim=1))
        y0 = chart.aligned(y0, y1) if isinstance(chart, Spinor) else y0
        state, u = chart.path(y0, y1, t)
        return torch.cat([chart.to_q(state), u], 1)

    assert_rotation_equivariant(seen, torch.cat([start, end], 1), stream(8, "turn"), tolerance=1e-9)


def apart_is_the_length_of_the_shortest_path(chart):
    start, end, _ = pair(chart, n=20)
    if isinstance(chart, Spinor):
        start = chart.aligned(start, end)
    # |u|^2 is constant on a geodesic but for u = dq/dt / sqrt(2|q|), whose square is that of a straight line in z.
    for time in (0.2, 0.7):
        _, u = chart.path(start, end, torch.full((20,), time, dtype=torch.float64))
        torch.testing.assert_close(u.square().sum(-1), chart.distance2(start, end), rtol=1e-9, atol=1e-12)
    cost = chart.cost(start, end)
    for i in range(3):
        for j in range(3):
            torch.testing.assert_close(cost[:, i, j], chart.distance2(start[:, i], end[:, j]), rtol=1e-9, atol=1e-12)


EVERY_CHART = (
    lifting_is_undone,
    the_prior_is_that_of_rambo,
    paths_lead_from_one_end_to_the_other,
    the_velocity_is_that_of_the_path,
    the_speed_is_that_of_its_tangents,
    steps_follow_their_velocity,
    no_step_leaves_the_chart,
    steps_turn_with_the_event,
    shortest_paths_turn_with_their_ends,
    apart_is_the_length_of_the_shortest_path,
)
"""What any chart must do: check(chart)."""
