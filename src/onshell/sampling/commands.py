"""The work behind `onshell sample` and `onshell forward`."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.config import digest
from onshell.errors import OnshellError
from onshell.events.table import read_events, write_events
from onshell.files import save_whole
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.provenance import identity
from onshell.sampling.sample import BLOCK, blocks, check_snapshots, forward_trajectory, sample_block
from onshell.training.checkpoint import network_of, read_model
from onshell.training.device import choose_device, choose_precision, hold_memory

Progress = Callable[[str], None]


def sample_file(
    model_path: Path,
    out: Path,
    n: int,
    *,
    seed: int | None = None,
    device: str = "auto",
    precision: str | None = None,
    snapshots: Iterable[int] | None = None,
    progress: Progress = print,
) -> Path:
    """Return `out`, an event table of `n` events drawn from the model file `model_path`.

    With `snapshots`, times t of the reverse process, the table holds the q-space states at these times instead, the
    latest first, with t in the column `step`. Finished blocks lie in a hidden folder beside `out` until the table is
    whole: a killed sampling goes on with the first block that is missing.
    """
    model_path, out, where = Path(model_path), Path(out), choose_device(device)
    sizes = blocks(n, BLOCK)
    content = read_model(model_path)
    network, spec = network_of(content, model_path, where), content["spec"]
    precision = choose_precision(precision or spec["sampling"]["precision"], where)
    seed = spec["seed"] if seed is None else seed
    times = sorted(check_snapshots([0] if snapshots is None else snapshots, spec["schedule"]["steps"]), reverse=True)
    if not times:
        raise OnshellError("snapshots: none given; name the steps to write, such as 500,250,0")
    model_hash = hashlib.sha256(model_path.read_bytes()).hexdigest()[:12]
    settings = {"model": model_hash, "seed": seed, "precision": precision, "block": BLOCK, "steps": times}
    parts = _parts_folder(out, {**settings, "n": n, "device": where.type})
    hold_memory()

    begun, made = time.perf_counter(), 0
    for done, (k, size) in enumerate(sizes, 1):
        path = parts / f"{k:06}.pt"
        if _whole_part(path, size, spec["n_particles"], times):
            continue
        block = sample_block(network, spec, k, size, seed=seed, device=where, precision=precision, snapshots=times)
        save_whole(block, path)
        made += size
        rate = made / (time.perf_counter() - begun)
        left = sum(size for _, size in sizes[done:]) / rate
        progress(f"block {done}/{len(sizes)}  {rate:,.0f} events/s  {left:.0f} s left")

    metadata = {
        "process": spec["process"],
        "dataset": spec["dataset"],
        "n_particles": spec["n_particles"],
        "e_cm": 1.0,
        "cutoff": (content["source"] or {}).get("cutoff"),
        "augmentation": (content["source"] or {}).get("augmentation"),
        "run": spec["run"],
        "config_hash": digest(spec),
        "spec": spec,
        **settings,
        **identity(),
    }
    if snapshots is None:
        write_events(out, (rambo.to_p(states[0]) for states in _read_parts(parts, sizes)), metadata)
    else:
        write_events(out, _by_time(parts, sizes, times), metadata, space="q")
    shutil.rmtree(parts)
    progress(f"{out}: {n:,} events of {spec['run']}")
    return out


def forward_file(
    data_path: Path,
    out: Path,
    *,
    schedule: Mapping[str, Any],
    steps: Iterable[int],
    events: int,
    seed: int,
    name: str,
    progress: Progress = print,
) -> Path:
    """Return `out`, a q-space table of the forward process (10) of the first `events` events of a training set.

    The column `step` holds the time t of each state, `event` the event in the training set.
    """
    if events < 1:
        raise OnshellError(f"events: {events} events cannot be simulated; ask for 1 or more")
    plan, times = Schedule.from_spec(schedule), sorted(set(steps))
    check_snapshots(times, plan.steps)
    table = read_events(data_path, space="q", rows=slice(0, events))
    if len(table) == 0:
        raise OnshellError(f"{data_path}: no events to simulate; write a training set with `onshell embed`")
    if len(table) < events:
        progress(f"forward {name}: {data_path} holds {len(table):,} events, fewer than the {events:,} asked for")
    event = np.asarray(table.columns["event"])

    def states() -> Iterator[tuple[Tensor, dict[str, Any]]]:
        begun = time.perf_counter()
        for t, q in forward_trajectory(table.momenta, plan, times, seed=seed, name=name):
            progress(f"forward {name}: step {t}/{times[-1]}  {time.perf_counter() - begun:.1f} s")
            yield q, {"event": event, "step": np.full(len(q), t)}

    inherited = {key: value for key, value in table.metadata.items() if key != "split"}
    own = {"forward": name, "schedule": dict(schedule), "steps": times, "seed": seed}
    metadata = {**inherited, **own, "config_hash": digest(own), **identity()}
    write_events(out, states(), metadata, space="q")
    return out


def _parts_folder(out: Path, settings: Mapping[str, Any]) -> Path:
    """Return the folder of the finished blocks of a sampling; those of other settings for the same table go."""
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    parts = out.with_name(f".{out.name}.parts-{key}")
    for other in out.parent.glob(f".{out.name}.parts-*"):
        if other != parts:
            shutil.rmtree(other, ignore_errors=True)
    return parts


def _whole_part(path: Path, size: int, n_particles: int, times: list[int]) -> bool:
    """Return whether `path` holds a finished block."""
    if not path.exists():
        return False
    try:
        states = torch.load(path, weights_only=True)
        return all(states[t].shape == (size, n_particles, 3) for t in times)
    except Exception:  # whatever a damaged file raises, the block is made again
        return False


def _read_parts(parts: Path, sizes: list[tuple[int, int]]) -> Iterator[dict[int, Tensor]]:
    """Yield the states of all blocks in order."""
    for k, _ in sizes:
        yield torch.load(parts / f"{k:06}.pt", weights_only=True)


def _by_time(
    parts: Path, sizes: list[tuple[int, int]], times: list[int]
) -> Iterator[tuple[Tensor, dict[str, np.ndarray]]]:
    """Yield q-space states with the columns `event` and `step`, time after time."""
    for t in times:
        first = 0
        for states in _read_parts(parts, sizes):
            q = states[t]
            yield q, {"event": np.arange(first, first + len(q)), "step": np.full(len(q), t)}
            first += len(q)
