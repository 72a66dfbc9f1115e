"""Noise schedules of the discrete forward processes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models.limits import schedule_faults


class Schedule:
    """The step sizes gamma_0 ... gamma_{T-1} of a forward process, and which of its steps are Gaussian.

    First come the steps of `geometric`, gamma_k = first * ratio^k, for data on scales far below the later steps; then
    `gaussian_steps` steps of constant `gaussian_gamma` with the score -q instead of the reference score; over the rest
    of `steps` gamma rises linearly between the two values of `gamma`. The geometric steps count on top of `steps`:
    the attribute `steps` is the number T of all steps. `softening` is the length s below which the reference score in
    q-space no longer grows: -q/|q| - q/(|q|^2 + s^2); at s = 0 it is (9).
    """

    def __init__(
        self,
        steps: int,
        gamma: Sequence[float] = (0.002, 0.01),
        gaussian_steps: int = 0,
        gaussian_gamma: float = 0.002,
        geometric: Mapping[str, float] | None = None,
        softening: float = 0.0,
    ):
        if steps < 1:
            raise OnshellError(f"schedule.steps: {steps} is not a number of steps; use 1 or more")
        for fault in schedule_faults({"steps": steps, "gaussian_steps": gaussian_steps, "geometric": geometric}):
            raise OnshellError(f"schedule.{fault}")
        if len(gamma) != 2:
            raise OnshellError(f"schedule.gamma: {gamma!r} is not [first, last], two step sizes")
        if not softening >= 0:
            raise OnshellError(f"schedule.softening: {softening} is not a length; use 0 or more")
        prefix = _geometric(geometric) if geometric else torch.empty(0, dtype=torch.float64)
        sizes = [("gamma", gamma[0]), ("gamma", gamma[1]), ("gaussian_gamma", gaussian_gamma)]
        for key, value in [*sizes, *(("geometric", size) for size in prefix.tolist())]:
            if not 0 < value < 0.5:
                raise OnshellError(f"schedule.{key}: {value:g} is not a step size; use a value between 0 and 0.5")
        flat = torch.full((gaussian_steps,), gaussian_gamma, dtype=torch.float64)
        rise = torch.linspace(gamma[0], gamma[1], steps - gaussian_steps, dtype=torch.float64)
        self.gamma = torch.cat([prefix, flat, rise])
        self.steps, self.softening = len(self.gamma), softening
        k = torch.arange(self.steps) - len(prefix)
        self.is_gaussian = (k >= 0) & (k < gaussian_steps)
        # Plain numbers for the loops over steps: reading them out of tensors would cost more than the arithmetic.
        self.phases: list[tuple[float, bool]] = list(zip(self.gamma.tolist(), self.is_gaussian.tolist(), strict=True))

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "Schedule":
        """Return the schedule that a run's `schedule` section describes."""
        return cls(**spec)

    def sigma(self, space: str) -> Tensor:
        """Return sigma_t [T+1], the size of the noise in the state at time t: 0 at t = 0.

        In q-space sigma_t^2 = 2 sum_{k<t} gamma_k, as if there were no drift; in p-space, (29), it is exact:
        sigma_t^2 = 1 - prod_{k<t} (1 - 2 gamma_k).
        """
        if space == "p":
            return (-(2 * self.log_decay()).expm1()).sqrt()
        return torch.cat([torch.zeros(1, dtype=torch.float64), 2 * self.gamma.cumsum(0)]).sqrt()

    def log_decay(self) -> Tensor:
        """Return ln of the factor [T+1] by which the data have shrunk at time t in p-space, half of ln abar_t."""
        terms = 0.5 * (-2 * self.gamma).log1p()
        return torch.cat([torch.zeros(1, dtype=torch.float64), terms.cumsum(0)])


def _geometric(entry: Mapping[str, Any]) -> Tensor:
    """Return the step sizes first * ratio^k [steps]."""
    return entry["first"] * entry["ratio"] ** torch.arange(entry["steps"], dtype=torch.float64)
