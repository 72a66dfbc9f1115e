"""The learning rate over its largest value, as a function of the steps made and their total number."""

import math
from collections.abc import Callable


def cosine(step: int, steps: int) -> float:
    """Return half a cosine, from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def constant(step: int, steps: int) -> float:
    """Return 1."""
    return 1.0


def onecycle(step: int, steps: int, rise: float = 0.3, first: float = 25.0, last: float = 1e4) -> float:
    """Return one cycle (Smith, arXiv:1708.07120): up from 1/first in a share `rise` of the steps, down to 1/first/last.

    Both ways along half a cosine, as torch's OneCycleLR has it; the betas of Adam are left alone.
    """
    top = rise * steps - 1
    if step <= top:
        start, end, done = 1 / first, 1.0, step / top
    else:
        start, end, done = 1.0, 1 / first / last, (step - top) / (steps - 1 - top)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * done))


LR_SCHEDULES: dict[str, Callable[[int, int], float]] = {"cosine": cosine, "constant": constant, "onecycle": onecycle}
