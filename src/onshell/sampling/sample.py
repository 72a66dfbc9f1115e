"""Events out of a trained network: blocks with random streams of their own, so that any block can be made anywhere."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onshell.errors import OnshellError
from onshell.models import diffusion
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.streams import stream, torch_stream
from onshell.training.device import autocast

BLOCK = 2048
"""Events per block. The bytes of a sample depend on it, and on nothing else about how it was cut up."""


def blocks(n: int, block: int = BLOCK) -> list[tuple[int, int]]:
    """Return (k, size) of the blocks that make `n` events."""
    if n < 1:
        raise OnshellError(f"events: {n} events cannot be sampled; ask for 1 or more")
    return [(k, min(block, n - k * block)) for k in range(-(-n // block))]


def sample_block(
    network: nn.Module,
    spec: Mapping[str, Any],
    k: int,
    size: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    snapshots: Iterable[int] = (0,),
) -> dict[int, Tensor]:
    """Return block `k` of the sample named by `seed` and the run: states q [size, N, 3] float64 by time t.

    The reverse process (11) runs from a draw of p_ref at t = T to t = 0; `snapshots` are the times to return.
    """
    device, schedule = torch.device(device), Schedule.from_spec(spec["schedule"])
    keep = check_snapshots(snapshots, schedule.steps)
    name = (seed, "sample", spec["run"], k)
    prior = rambo.sample_prior(size, spec["n_particles"], stream(*name, "prior")).to(device)
    generator, kept = torch_stream(*name, "noise", device=str(device)), {}
    with torch.inference_mode(), autocast(device, precision):
        for t, q in diffusion.reverse(network, prior, schedule, generator):
            _guard(q, t, f"{spec['run']}, block {k}")
            if t in keep:
                kept[t] = q.cpu()
    return kept


def sample(
    network: nn.Module,
    spec: Mapping[str, Any],
    n: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    precision: str = "fp32",
    block: int = BLOCK,
) -> Iterator[Tensor]:
    """Yield `n` events in q-space [<= block, N, 3] float64, block by block; `rambo.to_p` maps them to phase space."""
    for k, size in blocks(n, block):
        yield sample_block(network, spec, k, size, seed=seed, device=device, precision=precision)[0]


def check_snapshots(snapshots: Iterable[int], steps: int) -> set[int]:
    """Return the times of `snapshots` as a set, if they lie in 0 ... T."""
    times = set(snapshots)
    wrong = min((t for t in times if not 0 <= t <= steps), default=None)
    if wrong is not None:
        raise OnshellError(f"snapshots: {wrong} is not a time of this process; use 0 ... {steps}, 0 = data")
    return times


def forward_trajectory(
    q: Tensor, schedule: Schedule, steps: Iterable[int], *, seed: int, name: str
) -> Iterator[tuple[int, Tensor]]:
    """Yield (t, state [n, N, 3]) of the forward process (10) of events `q` at the times `steps`, in rising order."""
    done = 0
    for t in sorted(check_snapshots(steps, schedule.steps)):
        q = diffusion.forward(q, t, schedule, torch_stream(seed, "forward", name, done, t), start=done)
        done = t
        _guard(q, t, f"forward process {name}")
        yield t, q


def _guard(q: Tensor, t: int, what: str) -> None:
    """Raise if any event is no longer finite."""
    # One sum tells whether anything is wrong at all.
    if torch.isfinite(q.sum()):
        return
    bad = int((~torch.isfinite(q).flatten(1).all(1)).sum())
    if bad:
        raise OnshellError(
            f"{what}: {bad} of {len(q)} events are not finite at step {t}: the process diverged; train longer or "
            "with a lower learning rate, sample with precision fp32, or use smaller schedule.gamma"
        )
