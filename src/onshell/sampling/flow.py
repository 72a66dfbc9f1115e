"""Events from a flow, or from a diffusion that is one: its differential equation, solved in the chart of its paths."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onshell.core.errors import OnshellError
from onshell.models.charts import chart_of
from onshell.models.charts.mixtures import mixture_of
from onshell.sampling.project import way
from onshell.sampling.stochastic import Ancestral, langevin

Spec = Mapping[str, Any]
Way = Iterator[tuple[str, list[float], Tensor]]


def flow(network: nn.Module, spec: Spec, y: Tensor, wanted: list[float], generator: torch.Generator) -> Way:
    """Yield (place, wanted times met there, state) from the states `y` of the prior at t = 1 to t = 0.

    Only ancestral and Langevin steps draw anything from the `generator`.

    Raises
    ------
    OnshellError
        When these are asked for in another chart than that of spinors.
    """
    chart, mixture, options = chart_of(spec), mixture_of(spec), spec["sampling"]
    solver, strength = options["solver"], options.get("langevin")
    if (solver == "ancestral" or strength) and spec["loss"].get("chart") != "spinor":
        key = "solver: ancestral" if solver == "ancestral" else "langevin"
        raise OnshellError(f"sampling.{key} needs the chart spinor; use another solver, and langevin: 0")

    def field(y: Tensor, t: float) -> Tensor:
        fraction = torch.full((len(y),), t, device=y.device)
        seen = chart.to_q(y).to(torch.float32, memory_format=torch.contiguous_format)
        return chart.tangent(y, network(seen, fraction).to(torch.float64))

    def velocity(y: Tensor, t: float) -> Tensor:
        return field(y, t) if mixture.rate == 1 else mixture.rate * field(y, t)

    # An ancestral step is its own last: it ends at the mean of the data.
    step = Ancestral(field, mixture, _eta(options), generator) if solver == "ancestral" else None
    kick = langevin(field, mixture, strength, generator) if strength else None
    for t, state in way(velocity, y, options, settle=chart.project, step=step, kick=kick, stops=wanted):
        yield f"t = {t:.4g}", [time for time in wanted if time == t], state


def counted(network: Callable[..., Tensor]) -> tuple[Callable[..., Tensor], Callable[[], int]]:
    """Return `network` and a function that says how often it was called so far."""
    calls = 0

    def call(*inputs: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        return network(*inputs)

    return call, lambda: calls


def _eta(options: Spec) -> float:
    """Return the share of fresh noise in an ancestral step."""
    eta = options.get("eta", 1.0)
    if not 0 <= eta <= 1:
        raise OnshellError(f"sampling.eta: {eta} is not a share; use 0 ... 1")
    return eta
