"""Events out of a trained network: blocks with random streams of their own, so that any block can be made anywhere.

Times are normalised, t = 0 data and t = 1 prior; states are in network units, q or p/unit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models import priors
from onshell.models.chart_diffusions import Ornstein, diffusion_of
from onshell.models.charts import CHARTS, chart_of
from onshell.models.charts.mixtures import mixture_of
from onshell.models.diffusion import Diffusion
from onshell.models.objectives import score
from onshell.sampling.integrators import integrate
from onshell.sampling.stochastic import Ancestral, langevin, reverse
from onshell.training.device import autocast

BLOCK = 2048
"""Events per block. The bytes of a sample depend on it, and on nothing else about how it was cut up."""

Spec = Mapping[str, Any]
Network = Callable[[Tensor, Tensor], Tensor]
States = Iterator[tuple[str, list[float], Tensor]]
"""Where a solution is, in words; which of the wanted times are met there; the state."""


@dataclass(frozen=True)
class Draw:
    """How blocks are drawn: their random streams by `seed`, where, how precisely, and at which times they are seen.

    `fitted` is what the prior was fitted to; `snapshots` are normalised times: a flow is there at each of them, a chain
    of steps at the one nearest.
    """

    seed: int
    device: torch.device | str = "cpu"
    precision: str = "fp32"
    snapshots: Iterable[float] = (0.0,)
    fitted: Mapping[str, Any] | None = None


def blocks(n: int, block: int = BLOCK) -> list[tuple[int, int]]:
    """Return (k, size) of the blocks that make `n` events."""
    if n < 1:
        raise OnshellError(f"events: {n} events cannot be sampled; ask for 1 or more")
    return [(k, min(block, n - k * block)) for k in range(-(-n // block))]


def sample(network: Network, spec: Spec, n: int, draw: Draw, block: int = BLOCK) -> Iterator[Tensor]:
    """Yield `n` events in network units [<= block, N, 3] float64, block by block.

    Those of a model in q-space are mapped to phase space by `rambo.to_p`.
    """
    for k, size in blocks(n, block):
        yield sample_block(network, spec, k, size, draw)[0.0]


def sample_block(network: Network, spec: Spec, k: int, size: int, draw: Draw) -> dict[float, Tensor]:
    """Return block `k` of the sample named by seed and run: states [size, N, 3] float64 by time, 1 first.

    A diffusion runs the reverse process (11), a flow its differential equation, from a draw of the prior at t = 1 to
    t = 0.

    Raises
    ------
    OnshellError
        For snapshots that are no times, settings of sampling that make no sense, and states that are not finite.
    """
    device, wanted = torch.device(draw.device), sorted(check_snapshots(draw.snapshots), reverse=True)
    name = (draw.seed, "sample", spec["run"], k)
    follows_flow = spec["loss"]["type"] in ("flow", "velocity")
    begin, solve, chart = (priors.start, flow, chart_of(spec)) if follows_flow else (priors.draw, diffuse, CHARTS["q"])
    x = begin(spec, draw.fitted, size, stream(*name, "prior")).to(device)
    generator = torch_stream(*name, "noise", device=str(device))
    kept: dict[float, Tensor] = {}
    with torch.inference_mode(), autocast(device, draw.precision):
        for place, passed, state in solve(network, spec, x, wanted, generator):
            _check_finite(state, place, f"{spec['run']}, block {k}")
            kept |= {time: chart.to_q(state).cpu() for time in passed}
    return kept


def diffuse(network: Network, spec: Spec, x: Tensor, wanted: list[float], generator: torch.Generator) -> States:
    """Yield the states of the reverse process of a diffusion from `x` at t = 1."""
    process = diffusion_of(spec)
    assert not isinstance(process, Ornstein), "its equation is solved by `flow`"
    at = {time: process.place(time) for time in wanted}
    for t, state in reverse(score(network, spec), x, process, generator, spec["sampling"]["noise"]):
        yield f"step {t}", [time for time in wanted if at[time] == t], state


def flow(network: Network, spec: Spec, y: Tensor, wanted: list[float], generator: torch.Generator) -> States:
    """Yield the states of the differential equation of a flow, in the chart of its paths, from `y` at t = 1.

    Only ancestral and Langevin steps draw anything from the `generator`; they need the chart of spinors.
    """
    chart, mixture, options = chart_of(spec), mixture_of(spec), spec["sampling"]
    solver, strength, eta = options["solver"], options.get("langevin"), options.get("eta", 1.0)
    if (solver == "ancestral" or strength) and spec["loss"].get("chart") != "spinor":
        key = "solver: ancestral" if solver == "ancestral" else "langevin"
        raise OnshellError(f"sampling.{key} needs the chart spinor; use another solver, and langevin: 0")
    if solver == "ancestral" and not 0 <= eta <= 1:
        raise OnshellError(f"sampling.eta: {eta} is not a share; use 0 ... 1")

    def field(y: Tensor, t: float) -> Tensor:
        fraction = torch.full((len(y),), t, device=y.device)
        seen = chart.to_q(y).to(torch.float32, memory_format=torch.contiguous_format)
        return chart.tangent(y, network(seen, fraction).to(torch.float64))

    def velocity(y: Tensor, t: float) -> Tensor:
        return field(y, t) if mixture.rate == 1 else mixture.rate * field(y, t)

    # An ancestral step is its own last: it ends at the mean of the data.
    step = Ancestral(field, mixture, eta, generator) if solver == "ancestral" else None
    corrector = langevin(field, mixture, strength, generator) if strength else None
    for t, state in integrate(velocity, y, options, chart.project, noisy=(step, corrector), stops=wanted):
        yield f"t = {t:.4g}", [time for time in wanted if time == t], state


def forward_trajectory(
    x: Tensor, process: Diffusion | Ornstein, times: Iterable[float], *, seed: int, name: str
) -> Iterator[tuple[float, Tensor]]:
    """Yield (time, state [n, N, 3]) of a forward process of events `x` at the normalised `times`, in rising order."""
    done = process.place(0.0)
    for time in sorted(check_snapshots(times)):
        t = process.place(time)
        if t > done:
            # Streams are named by words and whole numbers.
            span = (place if isinstance(place, int) else repr(place) for place in (done, t))
            generator = torch_stream(seed, "forward", name, *span)
            x = process.forward(x, t, generator, start=done)  # type: ignore[arg-type]
        done = t
        _check_finite(x, f"time {time:g}", f"forward process {name}")
        yield time, x


def check_snapshots(snapshots: Iterable[float]) -> set[float]:
    """Return the times of `snapshots` as a set of floats, if there are any and they lie in 0 ... 1."""
    times = {float(time) for time in snapshots}
    if not times:
        raise OnshellError("snapshots: none given; name the times to write, such as 1,0.5,0")
    wrong = min((time for time in times if not 0 <= time <= 1), default=None)
    if wrong is not None:
        raise OnshellError(f"snapshots: {wrong:g} is not a normalised time; use 0 ... 1, 0 = data, 1 = prior")
    return times


def _check_finite(x: Tensor, place: str, what: str) -> None:
    """Raise if any event is no longer finite."""
    # One sum tells whether anything is wrong at all.
    if torch.isfinite(x.sum()):
        return
    bad = int((~torch.isfinite(x).flatten(1).all(1)).sum())
    if bad:
        raise OnshellError(
            f"{what}: {bad} of {len(x)} events are not finite at {place}: the process diverged; train longer or "
            "with a lower learning rate, sample with precision fp32, or use smaller steps"
        )
