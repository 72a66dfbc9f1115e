"""Solutions of dx/dt = v(x, t) from t = 1, the prior, to t = 0, the data: free functions of a velocity field.

States are float64 whatever the velocity computes in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError

Velocity = Callable[[Tensor, float], Tensor]
Project = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, float, float], Tensor]
Corrector = Callable[[Tensor, float, float], Tensor]

SHORTEST = 1e-7
"""A step that must be shorter than this for its error to be tolerated means that the field is not smooth."""
ORDER = 4
"""Velocities that a multistep method looks back at, unless the settings say otherwise."""
OFFSET = 0.5
"""A multistep method interpolates velocities as polynomials in ln(t + OFFSET)."""
GAUSS_NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(12)


def identity(x: Tensor) -> Tensor:
    """Return `x`: every point of a linear space is on it."""
    return x


@dataclass(frozen=True)
class Scheme:
    """How a solution moves on a grid.

    `step(x, t, h)` makes every step, but `final` the last one, if given. `corrector(x, t, next)` moves a state after
    each step but the last two. `project` brings states back onto a chart that is no linear space.
    """

    step: Step
    final: Step | None = None
    corrector: Corrector | None = None
    project: Project = identity


def integrate(
    velocity: Velocity,
    x: Tensor,
    options: Mapping[str, Any],
    project: Project = identity,
    *,
    noisy: tuple[Step | None, Corrector | None] = (None, None),
    stops: Iterable[float] = (),
) -> Iterator[tuple[float, Tensor]]:
    """Return an iterator over (t, state) from `x` at t = 1 to t = 0, by the solver and grid of the `options`.

    A step given in `noisy` takes the place of the solver's, and makes the last one, too; for its corrector see
    `Scheme`; the adaptive solver has neither. Otherwise a grid of shrinking steps ends with a step of Euler, since the
    network has not learned t = 0 itself. For `stops` see `fixed`.
    """
    if options["solver"] == "adaptive":
        return adaptive(velocity, x, options["tolerance"], stops, project)
    step, corrector = noisy
    spacing, final = options.get("grid"), None
    if step is None:
        step = stepper(options["solver"], velocity, project, options.get("order", ORDER))
        final = stepper("euler", velocity, project) if spacing else None
    return fixed(Scheme(step, final, corrector, project), x, grid(options["steps"], **spacing or {}), stops)


def integrate_back(
    velocity: Velocity, x: Tensor, options: Mapping[str, Any], project: Project = identity
) -> Iterator[tuple[float, Tensor]]:
    """Return an iterator over (t, state) from `x` at t = 0 to t = 1, on the grid of `integrate` turned round.

    The t of the adaptive solver is one minus the time.
    """
    if options["solver"] == "adaptive":
        return adaptive(lambda state, t: -velocity(state, 1 - t), x, options["tolerance"], (), project)
    spacing = options.get("grid")
    times = grid(options["steps"], **spacing or {})[::-1]
    if spacing:
        x, times = project(x + times[1] * velocity(x, times[1])), times[1:]
    step = stepper(options["solver"], velocity, project, options.get("order", ORDER))
    return fixed(Scheme(step, project=project), x, times)


def fixed(
    scheme: Scheme, x: Tensor, times: Sequence[float], stops: Iterable[float] = ()
) -> Iterator[tuple[float, Tensor]]:
    """Yield (t, state) at each of the `times`, from the first to the last, by a `scheme`.

    States at `stops` between times are reached by dense steps (`step.dense`, if it has one), on which those at the
    times do not depend.
    """
    waiting = sorted(set(stops), reverse=True)
    project, step, last = scheme.project, scheme.step, len(times) - 1
    yield times[0], x
    for k, (t, after) in enumerate(pairwise(times), 1):
        step = scheme.final if scheme.final and k == last else step
        for stop in (stop for stop in waiting if after < stop < t):
            yield stop, project(getattr(step, "dense", step)(x, t, stop - t))
        x = project(step(x, t, after - t))
        if scheme.corrector and k < last - 1:
            x = project(scheme.corrector(x, after, times[k + 1]))
        yield after, x


def grid(
    steps: int, smallest: float | None = None, rho: float = 1.0, tail: Mapping[str, float] | None = None
) -> list[float]:
    """Return the steps + 1 times from t = 1 to t = 0 of a solution: equal steps, or steps that shrink towards t = 0.

    With `smallest` they are t_k = (1 + (k/K)(smallest^(1/rho) - 1))^rho, k = 0 ... K = steps - 1, and then 0. With a
    `tail`, steps shrink with its own `rho` below the time `below`: t = below (1 + s/rho)^rho with equal steps of s, and
    the tail's rho where s < 0, so that steps just above and below are alike.
    """
    if steps < 1:
        raise OnshellError(f"sampling.steps: {steps} is not a number of steps; use 1 or more")
    if smallest is None:
        return [k / steps for k in range(steps, -1, -1)]
    if steps < 2:
        raise OnshellError(f"sampling.steps: {steps} has no room for a grid's last step; use 2 or more")
    if not (0 < smallest < 1 and rho > 0):
        raise OnshellError(f"sampling.grid: smallest = {smallest:g} must lie in 0 ... 1, rho = {rho:g} above 0")
    below, last_rho = (tail["below"], tail["rho"]) if tail else (1.0, rho)
    if not (smallest < below <= 1 and last_rho > 0):
        raise OnshellError(
            f"sampling.grid.tail: below = {below:g} must lie in {smallest:g}, the smallest time, ... 1, "
            f"rho = {last_rho:g} above 0"
        )
    begin = rho * (below ** (-1 / rho) - 1)
    end = last_rho * ((smallest / below) ** (1 / last_rho) - 1)
    places = (begin + k / (steps - 1) * (end - begin) for k in range(1, steps - 1))
    inner = (below * (1 + s / power) ** power for s in places for power in [rho if s > 0 else last_rho])
    return [1.0, *inner, smallest, 0.0]


def stepper(solver: str, velocity: Velocity, project: Project = identity, order: int = ORDER) -> Step:
    """Return the step of a `solver` in the field `velocity`; `project` brings its stages onto a chart.

    The `order` is that of multistep.
    """
    if solver not in (*STEPS, "multistep"):
        raise OnshellError(f"sampling.solver: {solver!r} is not known; use {', '.join(SOLVERS)}")
    field = velocity if project is identity else lambda x, t: velocity(project(x), t)
    return Multistep(field, order) if solver == "multistep" else partial(STEPS[solver], field)


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
SOLVERS = (*STEPS, "multistep", "ancestral", "adaptive")


class Multistep:
    """Steps of Adams and Bashforth on any grid, one evaluation each.

    Their error is O(h^order), that from the first of them O(h^3). The velocity is interpolated through its last `order`
    values, in ln(t + OFFSET): near t = 0 fields change faster. Until as many are known, every step starts at t = 1
    again, with all velocities that there are. A higher order needs more steps to be stable: 5 is right for 20 of them,
    3 or 4 for 10.
    """

    def __init__(self, velocity: Velocity, order: int = ORDER) -> None:
        self.velocity, self.order = velocity, order
        self.past: list[tuple[float, Tensor]] = []
        self.origin: tuple[Tensor, float]

    def __call__(self, x: Tensor, t: float, h: float) -> Tensor:
        """Return the state at t + h from `x` at t; more steps from the same t cost nothing."""
        if not self.past or self.past[0][0] != t:
            self.past = [(t, self.velocity(x, t)), *self.past][: self.order]
            if not 1 < len(self.past) < self.order:
                self.origin = x, t
        x, begin = self.origin
        nodes, slopes = zip(*self.past, strict=True)
        weights = bashforth(nodes, begin, t + h)
        return x + _combined(weights, slopes)


def bashforth(nodes: Sequence[float], begin: float, end: float) -> list[float]:
    """Return the weights w of velocities at `nodes`: sum w_i v_i = the integral of their interpolation, begin to end.

    With s = ln(t + OFFSET) it is that of a polynomial in s times dt/ds = e^s, done to rounding by Gauss and Legendre.
    """
    first, last, *at = np.log(np.add((begin, end, *nodes), OFFSET))
    s = first + 0.5 * (last - first) * (GAUSS_NODES + 1)
    measure = 0.5 * (last - first) * GAUSS_WEIGHTS * np.exp(s)
    weights = []
    for i, node in enumerate(at):
        basis = np.ones_like(s)
        for j, other in enumerate(at):
            if j != i:
                basis *= (s - other) / (node - other)
        weights.append(float(measure @ basis))
    return weights


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
    velocity: Velocity, x: Tensor, tolerance: float, stops: Iterable[float] = (), project: Project = identity
) -> Iterator[tuple[float, Tensor]]:
    """Yield (t, state) at t = 1 and after each step of Dormand-Prince 5(4), sized by its error, down to t = 0.

    A step is taken if in no event [N, 3] the root mean square of error / (1 + |x|) over components is above
    `tolerance`. Steps end at the times `stops` exactly.
    """
    if not tolerance > 0:
        raise OnshellError(f"sampling.tolerance: {tolerance} is not above zero")
    field = velocity if project is identity else lambda x, t: velocity(project(x), t)
    t, h, slope = 1.0, 0.05, field(x, 1.0)
    yield t, x
    for stop in sorted({float(s) for s in stops if 0 <= s < 1} | {0.0}, reverse=True):
        while t > stop:
            # A last sliver is shared between two steps rather than left over.
            ahead = t - stop
            step = ahead if h >= ahead else min(h, 0.5 * ahead)
            moved, last, wrong = _dormand_prince(field, x, slope, t, -step, tolerance)
            # NaN compares as false: a state that is not finite counts as an error too large.
            good = wrong <= 1
            if good:
                x, slope, t = project(moved), last, stop if step == ahead else t - step
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
    worst = (error.abs() / size).square().flatten(1).mean(1).sqrt().max().item()
    return moved, slopes[-1], worst / tolerance


def _combined(weights: Iterable[float], slopes: Sequence[Tensor]) -> Tensor:
    """Return the weighted sum of the slopes."""
    return sum((weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight), torch.zeros(()))
