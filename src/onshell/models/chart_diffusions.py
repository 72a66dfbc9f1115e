"""Diffusions in the charts, and which one is that of a run."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models.charts import chart_of
from onshell.models.charts.mixtures import ARC
from onshell.models.charts.polar import decompose, rotate_towards
from onshell.models.charts.spinor import Spinor
from onshell.models.diffusion import Diffusion, Langevin, VariancePreserving, per_event
from onshell.models.schedules import Schedule
from onshell.physics import spinors
from onshell.physics.kinematics import norm


class LogPolarChain(Langevin):
    """The diffusion (10) in the chart `log-polar`: of ln|q| with its drift 2 - |q|, of directions along great circles.

    p_ref is stationary to the order of gamma, as it is in (10). Noise and score are vectors at each particle's
    direction, in the units of the chart: (dq)/|q|. A network predicts the noise less that of p_ref: what it leaves out
    of the score, (2 - |q|) along the particle, would otherwise drive large |q| to infinity wherever it is not learned.
    """

    def __init__(self, schedule: Schedule):
        if schedule.softening or schedule.is_gaussian.any():
            raise OnshellError(
                "schedule: the chart log-polar has no softening and no gaussian_steps; set both to 0 for this run"
            )
        super().__init__(schedule)

    def step(self, x: Tensor, k: int | Tensor, noise: Tensor) -> Tensor:
        """Return the state at k + 1 from `x` [n, N, 3] at k with unit normal `noise`."""
        gamma, (size, n) = self._gamma(k, x), _polar(x)
        return _moved(size, n, gamma * (2 - size), (2 * gamma) ** 0.5 * noise)

    def target(self, x: Tensor, k: int | Tensor, noise: Tensor, after: Tensor) -> Tensor:
        """Return the noise of the step from `x` at k as it is seen where it leads, less its mean under p_ref."""
        return self.carried(x, k, noise) + (2 * self._gamma(k, x)) ** 0.5 * self.known_score(after)

    def known_score(self, x: Tensor) -> Tensor:
        """Return the score of p_ref in the chart at `x` [n, N, 3]: 2 - |q| along each particle."""
        size, n = _polar(x)
        return (2 - size) * n

    def carried(self, x: Tensor, k: int | Tensor, noise: Tensor) -> Tensor:
        """Return `noise` carried along the great circle of its step, so that it lies at the direction reached."""
        scale, (_, n) = (2 * self._gamma(k, x)) ** 0.5, _polar(x)
        up, side, length = decompose(n, noise)
        angle = scale * length
        return up * rotate_towards(n, scale * side, angle) + angle.cos() * side - length * angle.sin() * n

    def reverse_step(self, x: Tensor, t: int, score: Tensor, noise: Tensor, kind: str = "full") -> Tensor:
        """Return the state at t - 1 from `x` [n, N, 3] at t, its score in the chart and unit normal `noise`."""
        gamma, (size, n) = self.schedule.phases[t - 1][0], _polar(x)
        return _moved(size, n, gamma * (size - 2), 2 * gamma * score + self.reverse_size(t, kind) * noise)

    def _gamma(self, k: int | Tensor, x: Tensor) -> Tensor | float:
        return per_event(self.schedule.gamma, k, x) if isinstance(k, Tensor) else self.schedule.phases[k][0]


class Ornstein:
    """The Ornstein-Uhlenbeck process of spinors, known in closed form: it begins at data and ends at p_ref exactly."""

    chart = Spinor()

    def place(self, time: float) -> float:
        """Return a normalised `time`, 0 = data, 1 = the end: any is a time of this diffusion."""
        return float(time)

    def forward(self, x: Tensor, time: float, generator: torch.Generator, start: float = 0.0) -> Tensor:
        """Return the state [n, N, 3] at `time` of each event `x` at time `start`.

        The phases of spinors tell nothing of the future of their momenta, so none are kept.
        """
        kept, fresh = ARC.onward(start, time)
        noise = self.chart.noise(len(x), x.shape[1], generator)
        return spinors.to_vectors(kept * self.chart.to_chart(x) + fresh * noise)


def diffusion_of(spec: Mapping[str, Any]) -> Diffusion | Ornstein:
    """Return the diffusion of the run `spec`."""
    return Ornstein() if spec["loss"]["type"] == "velocity" else chain_of(spec)


def chain_of(spec: Mapping[str, Any]) -> Diffusion:
    """Return the diffusion of the run `spec`, one of discrete steps."""
    kinds: dict[str, type[Diffusion]]
    kind, kinds = spec["loss"]["type"], {"q": VariancePreserving if spec["space"] == "p" else Langevin}
    if kind == "noise" and spec["space"] == "q":
        kinds["log-polar"] = LogPolarChain
    chart_of(spec)
    name = spec["loss"].get("chart", "q")
    if name not in kinds:
        raise OnshellError(f"loss.chart: {name!r} has no diffusion of loss type {kind}; use {' or '.join(kinds)}")
    return kinds[name](Schedule.from_spec(spec["schedule"]))


def _polar(q: Tensor) -> tuple[Tensor, Tensor]:
    """Return |q| [n, N, 1], never zero, and directions [n, N, 3]."""
    size = norm(q).clamp_min(torch.finfo(q.dtype).tiny).unsqueeze(-1)
    return size, q / size


def _moved(size: Tensor, n: Tensor, drift: Tensor, v: Tensor) -> Tensor:
    """Return the momenta reached from `size` times `n`: ln|q| moves by `drift` and by what is radial in `v`.

    The rest of `v` leads along great circles.
    """
    up, side, angle = decompose(n, v)
    return size * (drift + up).exp() * rotate_towards(n, side, angle)
