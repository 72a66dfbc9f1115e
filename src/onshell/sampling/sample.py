"""Events out of a trained network: blocks with random streams of their own, so that any block can be made anywhere.

Times are normalised, t = 0 data and t = 1 prior; states are in network units, q or p/unit.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models import priors
from onshell.models.chart_diffusions import Ornstein, diffusion_of
from onshell.models.charts import CHARTS, chart_of
from onshell.models.diffusion import Diffusion
from onshell.models.objectives import score
from onshell.sampling.flow import Way, flow
from onshell.sampling.sde import reverse
from onshell.training.device import autocast

BLOCK = 2048
"""Events per block. The bytes of a sample depend on it, and on nothing else about how it was cut up."""

Spec = Mapping[str, Any]


def blocks(n: int, block: int = BLOCK) -> list[tuple[int, int]]:
    """Return (k, size) of the blocks that make `n` events."""
    if n < 1:
        raise OnshellError(f"events: {n} events cannot be sampled; ask for 1 or more")
    return [(k, min(block, n - k * block)) for k in range(-(-n // block))]


def sample_block(
    network: nn.Module,
    spec: Spec,
    k: int,
    size: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    snapshots: Iterable[float] = (0.0,),
    fitted: Mapping[str, Any] | None = None,
) -> dict[float, Tensor]:
    """Return block `k` of the sample named by `seed` and the run: states [size, N, 3] float64 by time, 1 first.

    A diffusion runs the reverse process (11), a flow its differential equation, from a draw of the prior at t = 1 to
    t = 0; `fitted` is what the prior was fitted to. `snapshots` are the times to return: a flow is there at each of
    them, a chain of steps at the one nearest.
    """
    device, wanted = torch.device(device), sorted(check_snapshots(snapshots), reverse=True)
    name = (seed, "sample", spec["run"], k)
    begin, way, seen = priors.draw, _diffuse, CHARTS["q"]
    if spec["loss"]["type"] in ("flow", "velocity"):
        begin, way, seen = priors.start, flow, chart_of(spec)
    x = begin(spec, fitted, size, stream(*name, "prior")).to(device)
    generator, kept = torch_stream(*name, "noise", device=str(device)), {}
    with torch.inference_mode(), autocast(device, precision):
        for place, passed, state in way(network, spec, x, wanted, generator):
            _guard(state, place, f"{spec['run']}, block {k}")
            kept |= {time: seen.to_q(state).cpu() for time in passed}
    return kept


def sample(
    network: nn.Module, spec: Spec, n: int, *, seed: int, block: int = BLOCK, **options: Any
) -> Iterator[Tensor]:
    """Yield `n` events in network units [<= block, N, 3] float64, block by block; `options` as in `sample_block`.

    Those of a model in q-space are mapped to phase space by `rambo.to_p`.
    """
    for k, size in blocks(n, block):
        yield sample_block(network, spec, k, size, seed=seed, **options)[0.0]


def check_snapshots(snapshots: Iterable[float]) -> set[float]:
    """Return the times of `snapshots` as a set of floats, if there are any and they lie in 0 ... 1."""
    times = {float(time) for time in snapshots}
    if not times:
        raise OnshellError("snapshots: none given; name the times to write, such as 1,0.5,0")
    wrong = min((time for time in times if not 0 <= time <= 1), default=None)
    if wrong is not None:
        raise OnshellError(f"snapshots: {wrong:g} is not a normalised time; use 0 ... 1, 0 = data, 1 = prior")
    return times


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
            x = process.forward(x, t, torch_stream(seed, "forward", name, *span), start=done)
        done = t
        _guard(x, f"time {time:g}", f"forward process {name}")
        yield time, x


def _diffuse(network: nn.Module, spec: Spec, x: Tensor, wanted: list[float], generator: torch.Generator) -> Way:
    """Yield (place, wanted times met there, state) along the reverse process of a diffusion."""
    process = diffusion_of(spec)
    at = {time: process.place(time) for time in wanted}
    for t, state in reverse(score(network, spec), x, process, generator, spec["sampling"]["noise"]):
        yield f"step {t}", [time for time in wanted if at[time] == t], state


def _guard(x: Tensor, place: str, what: str) -> None:
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
