"""Noise schedules of the discrete forward process."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from onshell.errors import OnshellError


class Schedule:
    """The step sizes gamma_0 ... gamma_{T-1} of a forward process of T steps.

    The first `gaussian_steps` steps are a Gaussian phase of constant `gaussian_gamma`, with the score -q instead of
    (9); over the steps after them gamma rises linearly between the two values of `gamma`.
    """

    def __init__(
        self, steps: int, gamma: Sequence[float] = (0.002, 0.01), gaussian_steps: int = 0, gaussian_gamma: float = 0.002
    ):
        if steps < 1:
            raise OnshellError(f"schedule.steps: {steps} is not a number of steps; use 1 or more")
        if not 0 <= gaussian_steps <= steps:
            raise OnshellError(f"schedule.gaussian_steps: {gaussian_steps} is not between 0 and steps = {steps}")
        if len(gamma) != 2:
            raise OnshellError(f"schedule.gamma: {gamma!r} is not [first, last], two step sizes")
        for key, value in (("gamma", gamma[0]), ("gamma", gamma[1]), ("gaussian_gamma", gaussian_gamma)):
            if not 0 < value < 0.5:
                raise OnshellError(f"schedule.{key}: {value} is not a step size; use a value between 0 and 0.5")
        self.steps, self.gaussian_steps = steps, gaussian_steps
        rise = torch.linspace(*gamma, steps - gaussian_steps, dtype=torch.float64)
        self.gamma = torch.cat([torch.full((gaussian_steps,), gaussian_gamma, dtype=torch.float64), rise])
        self.is_gaussian = torch.arange(steps) < gaussian_steps
        # Plain numbers for the loops over steps: reading them out of tensors would cost more than the arithmetic.
        self.phases: list[tuple[float, bool]] = list(zip(self.gamma.tolist(), self.is_gaussian.tolist(), strict=True))

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "Schedule":
        """Return the schedule that a run's `schedule` section describes."""
        return cls(**spec)
