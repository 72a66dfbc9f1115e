"""The work behind `onshell sample` and `onshell forward`."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from onshell.config import digest
from onshell.errors import OnshellError
from onshell.events.table import read_events, write_events
from onshell.models.processes import process_of
from onshell.physics import rambo
from onshell.provenance import identity
from onshell.sampling.agreement import check_agreement
from onshell.sampling.parts import Parts
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
    snapshots: Iterable[float] | None = None,
    expect: Mapping[str, Any] | None = None,
    sampling: Mapping[str, Any] | None = None,
    progress: Progress = print,
) -> Path:
    """Return `out`, an event table of `n` events drawn from the model file `model_path`.

    Those of a model in q-space are mapped to phase space; those of one in p-space are off the shell, which the metadata
    say by `conserves`. With `snapshots`, normalised times of the way from prior to data, the table holds the states in
    the model's own space at these times instead, the latest first, with the time in the column `time`.

    `expect` holds keys of a run's spec that the model's must agree with, `sampling` settings of sampling that go before
    the model's own. Finished blocks lie in a hidden folder beside `out` until the table is whole: a killed sampling
    goes on with the first block that is missing.
    """
    model_path, out, where = Path(model_path), Path(out), choose_device(device)
    sizes = blocks(n, BLOCK)
    times = sorted(check_snapshots([0.0] if snapshots is None else snapshots), reverse=True)
    content = read_model(model_path)
    check_agreement(model_path, content["spec"], expect or {})
    network = network_of(content, model_path, where)
    spec = {**content["spec"], "sampling": {**content["spec"]["sampling"], **(sampling or {})}}
    precision = choose_precision(precision or spec["sampling"]["precision"], where)
    seed = spec["seed"] if seed is None else seed
    settings = {
        "model": hashlib.sha256(model_path.read_bytes()).hexdigest()[:12],
        "seed": seed,
        "precision": precision,
        "block": BLOCK,
        "times": times,
        "sampling": {key: value for key, value in spec["sampling"].items() if key != "precision"},
    }
    parts = Parts(out, {**settings, "n": n, "device": where.type}, sizes, times, spec["n_particles"])
    hold_memory()

    begun, made = time.perf_counter(), 0
    for done, (k, size) in enumerate(sizes, 1):
        if parts.has(k):
            continue
        options = {"seed": seed, "device": where, "precision": precision, "fitted": content.get("fitted")}
        parts.write(k, sample_block(network, spec, k, size, snapshots=times, **options))
        made += size
        rate = made / (time.perf_counter() - begun)
        left = sum(size for _, size in sizes[done:]) / rate
        progress(f"block {done}/{len(sizes)}  {rate:,.0f} events/s  {left:.0f} s left")

    source = content["source"] or {}
    metadata = {
        "process": spec["process"],
        "dataset": spec["dataset"],
        "n_particles": spec["n_particles"],
        "e_cm": 1.0,
        "cutoff": source.get("cutoff"),
        "augmentation": source.get("augmentation"),
        "run": spec["run"],
        "config_hash": digest(spec),
        "spec": spec,
        **settings,
        **_units(spec),
        **identity(),
    }
    if snapshots is not None:
        write_events(out, parts.by_time(spec["unit"]), metadata, space=spec["space"])
    elif spec["space"] == "q":
        write_events(out, (rambo.to_p(q) for q in parts.events(spec["unit"])), metadata)
    else:
        write_events(out, parts.events(spec["unit"]), metadata)
    parts.remove()
    progress(f"{out}: {n:,} events of {spec['run']}")
    return out


def forward_file(
    data_path: Path,
    out: Path,
    *,
    spec: Mapping[str, Any],
    times: Iterable[float],
    events: int,
    seed: int,
    name: str,
    progress: Progress = print,
) -> Path:
    """Return `out`, a table of the forward process (10) or (29) of the first `events` events of a training set.

    `spec` is the run of a diffusion, whose space the table is in. The column `time` holds the normalised time of each
    state, `event` the event in the training set.
    """
    if events < 1:
        raise OnshellError(f"events: {events} events cannot be simulated; ask for 1 or more")
    if spec["family"] != "diffusion":
        raise OnshellError(f"forward.{name}: {spec['run']} is a flow, which has no forward process; name a diffusion")
    process, times, unit = process_of(spec), sorted(check_snapshots(times)), spec["unit"]
    table = read_events(data_path, space=spec["space"], n_particles=spec["n_particles"], rows=slice(0, events))
    if len(table) == 0:
        raise OnshellError(f"{data_path}: no events to simulate; write a training set with `onshell embed`")
    if len(table) < events:
        progress(f"forward {name}: {data_path} holds {len(table):,} events, fewer than the {events:,} asked for")
    event = np.asarray(table.columns["event"])

    def states() -> Iterator[tuple[Tensor, dict[str, Any]]]:
        begun = time.perf_counter()
        for at, x in forward_trajectory(table.momenta / unit, process, times, seed=seed, name=name):
            progress(f"forward {name}: time {at:g} of {times[-1]:g}  {time.perf_counter() - begun:.1f} s")
            yield unit * x, {"event": event, "time": np.full(len(x), at)}

    inherited = {key: value for key, value in table.metadata.items() if key != "split"}
    own = {"forward": name, "schedule": dict(spec["schedule"]), "times": times, "seed": seed, **_units(spec)}
    metadata = {**inherited, **own, "config_hash": digest(own), **identity()}
    write_events(out, states(), metadata, space=spec["space"])
    return out


def _units(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata say about states in p-space: the model's unit, and that they are off the shell."""
    return {"unit": spec["unit"], "conserves": False} if spec["space"] == "p" else {}
