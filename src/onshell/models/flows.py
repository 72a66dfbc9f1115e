"""What flows are trained to do, (12) and (13) in any chart, and diffusions whose noise is reached in closed form."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models import priors
from onshell.models.charts import chart_of
from onshell.models.charts.mixtures import ARC
from onshell.models.charts.spinor import Spinor
from onshell.models.couplings import coupled
from onshell.models.objectives import Objective, float32, mean_square

Spec = Mapping[str, Any]


def flow_matching(spec: Spec, fitted: Mapping[str, Any] | None = None) -> Objective:
    """Return the objective (13): the network returns the velocity at q_t on a path from the data to the prior.

    Rows are q_t, t, the velocity in the units of the chart (in the chart `q` it is q_1 - q_0 of (12)); its square is
    averaged over components. q_1 is drawn from the run's prior, t by `draw_times`; see `coupled` for loss.coupling.
    """
    chart, options = chart_of(spec), spec["loss"]
    times, coupling = options.get("times"), options.get("coupling") or {}

    def draw(data: Tensor, rng: np.random.Generator, generator: torch.Generator) -> tuple[Tensor, ...]:
        end = priors.start(spec, fitted, len(data), rng).to(data.device)
        t = draw_times(len(data), times, rng)
        start, end = coupled(coupling, chart, data, end, rng)
        state, velocity = chart.path(start, end, t)
        return float32(data.device, chart.to_q(state), t, velocity)

    return Objective(draw, mean_square)


def velocity_matching(spec: Spec, fitted: Mapping[str, Any] | None = None) -> Objective:
    """Return the objective of a diffusion in the chart `spinor`, z_t = cos(theta) z_0 + sin(theta) eps, theta = pi t/2.

    The network returns the velocity -sin(theta) z_0 + cos(theta) eps, in the units of the chart, at q(z_t); at t = 1 it
    is p_ref exactly. Rows are q_t, t, the velocity.
    """
    chart, times = chart_of(spec), spec["loss"].get("times")
    if not isinstance(chart, Spinor):
        raise OnshellError(f"loss.chart: a loss of type velocity needs the chart 'spinor'; {spec['run']} names another")

    def draw(data: Tensor, rng: np.random.Generator, generator: torch.Generator) -> tuple[Tensor, ...]:
        noise = chart.prior(len(data), data.shape[1], rng).to(data.device)
        t = draw_times(len(data), times, rng)
        state, velocity = chart.mixed(ARC, chart.to_chart(data), noise, t)
        return float32(data.device, chart.to_q(state), t, velocity)

    return Objective(draw, mean_square)


def draw_times(n: int, options: Mapping[str, float] | None, rng: np.random.Generator) -> Tensor:
    """Return `n` times t [n] in float64: uniform in (0, 1), or as `options` say.

    A share `uniform` of them is uniform, the rest log-uniform between `smallest` and 1, where small times are learned.
    """
    t = rng.random(n)
    if options:
        share, smallest = options["uniform"], options["smallest"]
        if not 0 <= share <= 1:
            raise OnshellError(f"loss.times.uniform: {share} is not a share; use 0 ... 1")
        if not 0 < smallest < 1:
            raise OnshellError(f"loss.times.smallest: {smallest} is not a time between 0 and 1")
        t = np.where(rng.random(n) < share, t, smallest**t)
    return torch.from_numpy(t)
