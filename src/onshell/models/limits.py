"""What the numbers of a schedule must fulfil together: one rule for configurations and for models, without torch."""

import math
from collections.abc import Iterator, Mapping
from typing import Any


def schedule_faults(schedule: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a `schedule` whose numbers have the right types, one line each that begins with the key."""
    steps, gaussian_steps = schedule["steps"], schedule.get("gaussian_steps", 0)
    if not 0 <= gaussian_steps <= steps:
        yield f"gaussian_steps: {gaussian_steps} is not between 0 and steps, {steps}"
    geometric = schedule.get("geometric")
    if not geometric:
        return
    if geometric["steps"] < 1:
        yield f"geometric.steps: {geometric['steps']} is not a number of steps; use 1 or more"
    elif bad := [key for key in ("first", "ratio") if not geometric[key] > 0]:
        yield f"geometric.{bad[0]}: {geometric[bad[0]]} is not above zero"
    elif math.log(geometric["first"]) + (geometric["steps"] - 1) * math.log(geometric["ratio"]) >= math.log(0.5):
        yield "geometric: its last step is 0.5 or more; use fewer steps or a smaller ratio"
