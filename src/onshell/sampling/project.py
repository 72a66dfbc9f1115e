"""The way between prior and data that the settings of a sampling name: their solver, on their grid, in any field."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor

from onshell.sampling import ode
from onshell.sampling.multistep import ORDER


def way(
    velocity: ode.Velocity,
    x: Tensor,
    options: Mapping[str, Any],
    *,
    settle: ode.Settle,
    to_data: bool = True,
    step: ode.Step | None = None,
    kick: ode.Kick | None = None,
    stops: Iterable[float] = (),
) -> Iterator[tuple[float, Tensor]]:
    """Return an iterator over (t, state) from `x` at t = 1 to t = 0, by the settings `options` of a sampling.

    Not `to_data`, it goes from `x` at t = 0 to t = 1 on the same grid; the t that the adaptive solver gives is then one
    minus the time. A grid of steps that shrink ends with a step of Euler, since the network has not learned t = 0
    itself; so it begins on the way back. A `step` goes before that of the solver, and makes the last one, too; with
    `kick` and `stops` it is as in `ode.fixed`. The adaptive solver has neither step nor kick.
    """
    solver, spacing = options["solver"], options.get("grid")
    if solver == "adaptive":
        field = velocity if to_data else lambda state, t: -velocity(state, 1 - t)
        return ode.adaptive(field, x, options["tolerance"], stops, settle=settle)
    final = ode.stepper("euler", velocity, settle) if spacing and step is None else None
    step = ode.stepper(solver, velocity, settle, options.get("order", ORDER)) if step is None else step
    times = ode.grid(options["steps"], **spacing or {})
    if not to_data:
        times, final = times[::-1], None
        if spacing:
            x, times = settle(x + times[1] * velocity(x, times[1])), times[1:]
    return ode.fixed(step, x, times, settle=settle, final=final, kick=kick, stops=stops)
