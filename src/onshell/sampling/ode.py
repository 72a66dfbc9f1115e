"""Solvers of dx/dt = v(x, t) from t = 1, the prior, to t = 0, the data: free functions of a velocity field.

States are float64 whatever the velocity computes in.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from onshell.errors import OnshellError

Velocity = Callable[[Tensor, float], Tensor]

SHORTEST = 1e-7
"""A step that must be shorter than this for its error to be tolerated means that the field is not smooth."""


def euler(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """Return the state at t + h from `x` at t: error O(h), one evaluation."""
    return x + h * velocity(x, t)


def midpoint(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """Return the state at t + h from `x` at t by the velocity half way: error O(h^2), two evaluations."""
    return x + h * velocity(x + 0.5 * h * velocity(x, t), t + 0.5 * h)


def rk4(velocity: Velocity, x: Tensor, t: float, h: float) -> Tensor:
    """Return the state at t + h from `x` at t by the classical Runge-Kutta step: error O(h^4), four evaluations."""
    k1 = velocity(x, t)
    k2 = velocity(x + 0.5 * h * k1, t + 0.5 * h)
    k3 = velocity(x + 0.5 * h * k2, t + 0.5 * h)
    k4 = velocity(x + h * k3, t + h)
    return x + h / 6 * (k1 + 2 * (k2 + k3) + k4)


STEPS: dict[str, Callable[[Velocity, Tensor, float, float], Tensor]] = {
    "euler": euler,
    "midpoint": midpoint,
    "rk4": rk4,
}


def fixed(velocity: Velocity, x: Tensor, solver: str, steps: int) -> Iterator[tuple[float, Tensor]]:
    """Yield (t, state) at t = 1 and after each of `steps` equal steps down to t = 0."""
    if solver not in STEPS:
        raise OnshellError(f"sampling.solver: {solver!r} is not known; use {', '.join(STEPS)} or adaptive")
    if steps < 1:
        raise OnshellError(f"sampling.steps: {steps} is not a number of steps; use 1 or more")
    yield 1.0, x
    times = [k / steps for k in range(steps, -1, -1)]
    for t, after in pairwise(times):
        x = STEPS[solver](velocity, x, t, after - t)
        yield after, x


# Dormand and Prince (1980): where and from what each stage is evaluated. The last row is the step of order 5 itself,
# ERROR its difference from the step of order 4.
NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def adaptive(
    velocity: Velocity, x: Tensor, tolerance: float, stops: Iterable[float] = ()
) -> Iterator[tuple[float, Tensor]]:
    """Yield (t, state) at t = 1 and after each step of Dormand-Prince 5(4), sized by its error, down to t = 0.

    A step is taken if in no event [N, 3] the root mean square of error / (1 + |x|) over components is above
    `tolerance`. Steps end at the times `stops` exactly.
    """
    if not tolerance > 0:
        raise OnshellError(f"sampling.tolerance: {tolerance} is not above zero")
    t, h, slope = 1.0, 0.05, velocity(x, 1.0)
    yield t, x
    for stop in sorted({float(s) for s in stops if 0 <= s < 1} | {0.0}, reverse=True):
        while t > stop:
            # A last sliver is shared between two steps rather than left over.
            ahead = t - stop
            step = ahead if h >= ahead else min(h, 0.5 * ahead)
            moved, last, wrong = _dormand_prince(velocity, x, slope, t, -step, tolerance)
            # NaN compares as false: a state that is not finite counts as an error too large.
            good = wrong <= 1
            if good:
                x, slope, t = moved, last, stop if step == ahead else t - step
                yield t, x
            elif step < SHORTEST:
                raise OnshellError(
                    f"sampling.solver: the adaptive step fell below {SHORTEST:g} at t = {t:.4g}: the velocity is not "
                    "smooth or not finite; raise sampling.tolerance, sample with precision fp32, or use solver midpoint"
                )
            factor = min(5.0, max(0.2, 0.9 * max(wrong, 1e-10) ** -0.2)) if wrong < float("inf") else 0.2
            # A good step that a stop cut short says nothing against the longer one planned.
            h = max(h, step * factor) if good and factor >= 1 else step * factor


def _dormand_prince(
    velocity: Velocity, x: Tensor, slope: Tensor, t: float, h: float, tolerance: float
) -> tuple[Tensor, Tensor, float]:
    """Return the state at t + h, the velocity there, and the error of the worst event over what is tolerated."""
    slopes = [slope]
    for node, row in zip(NODES, STAGES, strict=True):
        moved = x + h * _combined(row, slopes)
        slopes.append(velocity(moved, t + node * h))
    error = h * _combined(ERROR, slopes)
    size = 1 + torch.maximum(x.abs(), moved.abs())
    worst = (error / size).square().flatten(1).mean(1).sqrt().max().item()
    return moved, slopes[-1], worst / tolerance


def _combined(weights: Iterable[float], slopes: list[Tensor]) -> Tensor:
    """Return the weighted sum of the slopes."""
    total = 0
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            total = total + weight * slope
    return total
