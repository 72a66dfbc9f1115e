"""The work behind `onshell sample` and `onshell forward`."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.config import digest
from onshell.core.custom import check_named
from onshell.core.errors import OnshellError
from onshell.core.progress import Count, Progress, log
from onshell.core.provenance import identity
from onshell.events.parquet import Table
from onshell.events.table import read_events, write_events
from onshell.models.chart_diffusions import diffusion_of
from onshell.physics import rambo
from onshell.sampling import densities
from onshell.sampling.agreement import check_agreement
from onshell.sampling.parts import GoneError, Parts
from onshell.sampling.sample import BLOCK, blocks, check_snapshots, forward_trajectory
from onshell.sampling.sampler import draw, read_named
from onshell.sampling.shards import Shard, devices, write_receipt
from onshell.sampling.workers import draw_by_workers, task_of
from onshell.training.device import choose_precision

KINDS = ("cpu", "cuda")
"""Kinds of devices."""


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
    shard: Shard | None = None,
    receipt: Path | None = None,
    processes: int = 1,
    likelihood: Mapping[str, Any] | None = None,
    network: str | None = None,
    progress: Progress = log,
    warn: Progress | None = None,
) -> Path:
    """Return `out`, an event table of `n` events drawn from the model file `model_path`.

    Those of a model in q-space are mapped to phase space; those of one in p-space are off the shell, which the metadata
    say by `conserves`. With `snapshots`, normalised times of the way from prior to data, the table holds the states in
    the model's own space at these times instead, the latest first, with the time in the column `time`.

    With a `likelihood`, options of `densities.wish`, the events have their log-density in the column `log_prob`, and
    the metadata say with respect to what; the network then computes in float64. `warn`, else `progress`, is told when
    they are singular, see `densities.doubts`.

    `expect` holds keys of a run's spec that the model's must agree with, `sampling` settings of sampling that go before
    the model's own. A network of one's own is imported only if `expect` or `network`, "module:Class", names it.
    Finished blocks lie in a hidden folder beside `out` until the table is whole: a killed sampling goes on with the
    first block that is missing.

    With `shard`, only its blocks are drawn, `receipt` is written and returned (without one, the folder), and there is
    no table yet: a call without `shard` writes it, and draws what is missing. `processes` draw side by side, see
    `devices`. On the same kind of device the bytes of the table depend neither on shards nor on processes.
    """
    model_path, out, places = Path(model_path), Path(out), devices(device, processes, progress)
    sizes = blocks(n, BLOCK)
    times = sorted(check_snapshots([0.0] if snapshots is None else snapshots), reverse=True)
    content, model = read_named(model_path)
    check_agreement(model_path, content["spec"], expect or {})
    network = network or (expect or {}).get("network", {}).get("type")
    check_named(content["spec"]["network"]["type"], network, model_path, "--network")
    spec = {**content["spec"], "sampling": {**content["spec"]["sampling"], **(sampling or {})}}
    asked = precision or spec["sampling"]["precision"]
    if likelihood is not None:
        if snapshots is not None:
            raise OnshellError(f"{out}: snapshots have no likelihood; ask for one or the other")
        if precision is not None:
            raise OnshellError(f"precision: likelihoods are computed in float64; leave {precision} away")
        likelihood, asked = densities.wish(spec, content["source"], **likelihood), "fp64"
        for doubt in densities.doubts(spec, content["source"]):
            (warn or progress)(f"{model_path}: {doubt}")
    settings = {
        "model": model,
        "seed": spec["seed"] if seed is None else seed,
        "precision": asked,
        "block": BLOCK,
        "times": times,
        "sampling": {key: value for key, value in spec["sampling"].items() if key != "precision"},
        **({"likelihood": likelihood} if likelihood else {}),
    }
    # What auto means may differ from host to host: blocks that are there already are gone on with.
    kinds = sorted(KINDS, key=lambda kind: kind != places[0].type) if device == "auto" else [places[0].type]
    folders = [Parts(out, {**settings, "n": n, "device": kind}, sizes, times, spec["n_particles"]) for kind in kinds]
    parts = next((parts for parts in folders if parts.folder.exists()), folders[0])
    found = asked if likelihood else choose_precision(asked, places[0])
    means = parts.open({"device": places[0].type, "precision": found})
    settings["precision"] = means["precision"]
    source = content["source"] or {}
    metadata = {
        "process": spec["process"],
        "dataset": spec["dataset"],
        "n_particles": spec["n_particles"],
        "e_cm": 1.0,
        "cutoff": source.get("cutoff"),
        "augmentation": source.get("augmentation"),
        # Imported particles: the PDG numbers in each place, by which an export knows whose events may lend.
        **({"places": source["lhe"]["places"]} if "lhe" in source else {}),
        "run": spec["run"],
        "config_hash": digest(spec),
        "spec": spec,
        **settings,
        **_units(spec),
        **identity(),
    }

    mine = sizes if shard is None else shard.deal(sizes)
    options = {"spec": spec, "seed": settings["seed"], "precision": means["precision"], "likelihood": likelihood}
    options["network"] = network
    try:
        _draw_missing(content, model_path, parts, mine, places, options, progress)
        if shard is None:
            known = {**metadata, "n_evaluations": parts.evaluations()}
            _assemble(out, parts, spec, known, snapshots is not None)
    except GoneError:
        if not _is_written(out, metadata, n * len(times)):
            raise
        progress(f"{out}: another process has written it")
    except OnshellError as error:
        # What is wrong with a model shows when it draws, in words that do not name its file.
        if any(str(path) in str(error) for path in (model_path, out)):
            raise
        raise OnshellError(f"{model_path}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fault = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise OnshellError(f"{model_path}: its settings do not fit together ({fault:.200}); train it again") from error
    if shard is not None:
        progress(f"shard {shard} of {out.name}: {len(mine)} of {len(sizes)} blocks of {spec['run']}")
        return parts.folder if receipt is None else write_receipt(receipt, shard, mine, parts.settings, means)
    parts.remove()
    progress(f"{out}: {n:,} events of {spec['run']}")
    return out


def _draw_missing(
    content: Mapping[str, Any],
    path: Path,
    parts: Parts,
    mine: Sequence[tuple[int, int]],
    places: Sequence[torch.device],
    options: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Draw those blocks of `mine` that are not in `parts`, by a process on each of `places`."""
    missing = [(k, size) for k, size in mine if not parts.has(k, progress)]
    done, made, left, begun = len(mine) - len(missing), 0, sum(size for _, size in missing), time.perf_counter()
    if done and missing:
        progress(f"{len(missing)} of {len(mine)} blocks are missing: drawing them on {places[0].type}")
    if len(places) == 1:
        finished = draw(content, path, parts, missing, **options, device=places[0])
    else:
        dealt = [(missing[rank :: len(places)], str(place)) for rank, place in enumerate(places)]
        tasks = [task_of(path, parts, hand, **options, device=place) for hand, place in dealt if hand]
        finished = draw_by_workers(tasks)
    # The last to happen, when all workers have ended.
    with contextlib.ExitStack() as end:
        end.callback(parts.sweep)
        end.enter_context(contextlib.closing(finished))
        for _, size in finished:
            done, made, left = done + 1, made + size, left - size
            rate = made / (time.perf_counter() - begun)
            progress(Count(done, len(mine), "block", numbers={"events/s": rate}, left=left / rate))


def _assemble(out: Path, parts: Parts, spec: Mapping[str, Any], metadata: Mapping[str, Any], by_time: bool) -> None:
    """Write the table `out` of all blocks: their events, or their states by time."""
    if by_time:
        write_events(out, parts.by_time(spec["unit"]), metadata, space=spec["space"])
    elif spec["space"] == "q":
        write_events(out, _mapped(parts, spec), metadata)
    else:
        write_events(out, parts.rows(spec["unit"]), metadata)


def _mapped(parts: Parts, spec: Mapping[str, Any]) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Yield the events p below the points of q-space of all blocks, with their columns."""
    for q, columns in parts.rows(spec["unit"]):
        try:
            p = rambo.to_p(q)
        except OnshellError as error:
            raise OnshellError(f"{spec['run']}: {error}, train longer, or use smaller steps") from error
        yield p, columns


def _is_written(out: Path, metadata: Mapping[str, Any], rows: int) -> bool:
    """Return whether the table `out` is there with these metadata, of whatever commit, and as many rows."""
    try:
        with Table(out) as table:
            wanted = json.loads(json.dumps({**metadata, **identity()}))
            found = {**table.metadata, **identity()}
            return table.span(None)[1] == rows and all(found.get(key) == value for key, value in wanted.items())
    except OnshellError:
        return False


def forward_file(
    data_path: Path,
    out: Path,
    *,
    spec: Mapping[str, Any],
    times: Iterable[float],
    events: int,
    seed: int,
    name: str,
    progress: Progress = log,
) -> Path:
    """Return `out`, a table of the forward process (10) or (29) of the first `events` events of a training set.

    `spec` is the run of a diffusion, whose space the table is in. The column `time` holds the normalised time of each
    state, `event` the event in the training set.
    """
    if events < 1:
        raise OnshellError(f"events: {events} events cannot be simulated; ask for 1 or more")
    if spec["family"] != "diffusion":
        raise OnshellError(f"forward.{name}: {spec['run']} is a flow, which has no forward process; name a diffusion")
    process, times, unit = diffusion_of(spec), sorted(check_snapshots(times)), spec["unit"]
    table = read_events(data_path, space=spec["space"], n_particles=spec["n_particles"], rows=slice(0, events))
    if len(table) == 0:
        raise OnshellError(f"{data_path}: no events to simulate; write a training set with `onshell embed`")
    if len(table) < events:
        progress(f"forward {name}: {data_path} holds {len(table):,} events, fewer than the {events:,} asked for")
    event = np.asarray(table.columns["event"])

    def states() -> Iterator[tuple[Tensor, dict[str, Any]]]:
        begun = time.perf_counter()
        trajectory = forward_trajectory(table.momenta / unit, process, times, seed=seed, name=name)
        for done, (at, x) in enumerate(trajectory, start=1):
            elapsed = time.perf_counter() - begun
            progress(Count(done, len(times), "snapshot", f"forward {name}", {"time": at}, elapsed))
            yield unit * x, {"event": event, "time": np.full(len(x), at)}

    inherited = {key: value for key, value in table.metadata.items() if key != "split"}
    chart = {"chart": spec["loss"]["chart"]} if "chart" in spec["loss"] else {}
    own = {"forward": name, "schedule": spec["schedule"], "times": times, "seed": seed, **chart, **_units(spec)}
    metadata = {**inherited, **own, "config_hash": digest(own), **identity()}
    write_events(out, states(), metadata, space=spec["space"])
    return out


def _units(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata say about states in p-space: the model's unit, and that they are off the shell."""
    return {"unit": spec["unit"], "conserves": False} if spec["space"] == "p" else {}
