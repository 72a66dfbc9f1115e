"""The work behind `onshell sample` and `onshell forward`."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from onshell.events.table import read_events, write_events
from onshell.models.chart_diffusions import diffusion_of
from onshell.physics import rambo
from onshell.physics.masses import log_volume_ratio, to_massive
from onshell.sampling.blocks import EVALUATIONS, PRECISION, Block, BlockFiles, Job, Sampler, read_named
from onshell.sampling.comparison import check_same_run
from onshell.sampling.densities import likelihood_options, likelihood_warnings
from onshell.sampling.pool import devices, draw_blocks
from onshell.sampling.sampler import BLOCK, blocks, check_snapshots, forward_trajectory
from onshell.sampling.shards import KEY, Shard, gather
from onshell.training.device import choose_precision


@dataclass(frozen=True)
class SampleOptions:
    """How a table is drawn from a model, besides what its spec says.

    Attributes
    ----------
    seed, precision : seed of every stream; auto, fp32 or bf16; None: the run's own
    device, processes : where, and by how many processes side by side, see `devices`
    snapshots : normalised times between data and prior at which to write the states in the model's own space
    expect : keys of a run's spec that the model's must be the same in
    sampling : settings of sampling that go before the model's own
    likelihood : options of `likelihood_options`, for columns of log-densities; the network then computes in float64
    network : "module:Class" of a custom network, which is imported only if this or `expect` names it
    shard : the shard that is drawn, instead of the whole table
    shards : tables of all shards, of which the whole table is put together, with nothing drawn
    """

    seed: int | None = None
    precision: str | None = None
    device: str = "auto"
    processes: int = 1
    snapshots: Iterable[float] | None = None
    expect: Mapping[str, Any] | None = None
    sampling: Mapping[str, Any] | None = None
    likelihood: Mapping[str, Any] | None = None
    network: str | None = None
    shard: Shard | None = None
    shards: Sequence[Path] = ()


def sample_file(
    model_path: Path,
    out: Path,
    n: int,
    options: SampleOptions = SampleOptions(),
    progress: Progress = log,
    warn: Progress | None = None,
) -> Path:
    """Return `out`, an event table of `n` events drawn from the model file `model_path`, or of one shard of them.

    Those of a model in q-space are mapped to phase space; those of one in p-space are off the shell, which the metadata
    say by `conserves`. With snapshots the table holds states, the latest first, with the time in the column `time`.
    With a likelihood the events have their log-density in the column `log_prob`; `warn`, else `progress`, is called if
    it is singular.

    Finished blocks lie in a hidden folder beside `out` until the table is whole: a killed sampling goes on with the
    first block that is missing. On the same kind of device the bytes of the table depend neither on the number of
    shards nor on that of processes. Several are spawned: a script that asks for them guards its main module.
    """
    model_path, out = Path(model_path), Path(out)
    places = devices(options.device, options.processes, progress)
    sizes = blocks(n, BLOCK)
    times = sorted(check_snapshots([0.0] if options.snapshots is None else options.snapshots), reverse=True)
    content, model = read_named(model_path)
    expect = options.expect or {}
    check_same_run(model_path, content["spec"], expect)
    network = options.network or expect.get("network", {}).get("type")
    check_named(content["spec"]["network"]["type"], network, model_path, "--network")
    spec = {**content["spec"], "sampling": {**content["spec"]["sampling"], **(options.sampling or {})}}
    asked, likelihood = options.precision or spec["sampling"]["precision"], None
    if options.likelihood is not None:
        if options.snapshots is not None:
            raise OnshellError(f"{out}: snapshots have no likelihood; ask for one or the other")
        if options.precision is not None:
            raise OnshellError(f"precision: likelihoods are computed in float64; leave {options.precision} away")
        likelihood, asked = likelihood_options(spec, content["source"], **options.likelihood), "fp64"
        for warning in likelihood_warnings(spec, content["source"]):
            (warn or progress)(f"{model_path}: {warning}")
    seed = spec["seed"] if options.seed is None else options.seed
    settings: dict[str, Any] = {
        "model": model,
        "seed": seed,
        "precision": asked,
        "block": BLOCK,
        "times": times,
        "sampling": {key: value for key, value in spec["sampling"].items() if key != "precision"},
        **({"likelihood": likelihood} if likelihood else {}),
    }
    metadata = {**_origin(spec, content["source"] or {}), **settings, **_units(spec), **identity()}
    space = spec["space"] if options.snapshots is not None else "p"
    if options.shards:
        gather(out, options.shards, metadata, n, space)
        progress(f"{out}: {n:,} events of {spec['run']}, of {len(options.shards)} shards")
        return out

    mine = sizes if options.shard is None else options.shard.take(sizes)
    where = "auto" if options.device == "auto" else places[0].type
    files = BlockFiles(out, mine, {**settings, "n": n, "device": where}, times, spec["n_particles"])
    files.make()
    found = {k: (block[EVALUATIONS], block[PRECISION]) for k, _ in mine if (block := files.find(k, progress))}
    # What auto means may differ from host to host: blocks that are there already are gone on with.
    used = asked if likelihood else choose_precision(asked, places[0])
    precision = next((precision for _, precision in found.values()), used)
    job = Job(model_path, model, spec, seed, precision, times, likelihood, network)
    evaluations = {k: made for k, (made, _) in found.items()}
    evaluations |= _draw_missing(job, files, [(k, size) for k, size in mine if k not in found], places, progress)
    total = sum(evaluations[k] * size for k, size in mine)
    known = {"precision": precision, "n_evaluations": total / max(1, sum(files.sizes.values()))}
    if options.shard is not None:
        known |= {KEY: {"number": options.shard.number, "of": options.shard.of, "evaluations": total}}
    sampler = Sampler(job, places[0])
    if options.snapshots is not None:
        rows = _snapshot_rows(files, sampler, progress)
    else:
        rows = _event_rows(files, sampler, progress, (content["source"] or {}).get("masses"))
    write_events(out, rows, {**metadata, **known}, space)
    files.remove()
    drawn = f"shard {options.shard} of {n:,}" if options.shard else f"{n:,}"
    progress(f"{out}: {drawn} events of {spec['run']}")
    return out


def _origin(spec: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the metadata say of the model, and of the `source` of its training set."""
    return {
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
    }


def _draw_missing(
    job: Job,
    files: BlockFiles,
    missing: Sequence[tuple[int, int]],
    places: Sequence[torch.device],
    progress: Progress,
) -> dict[int, int]:
    """Return the evaluations of each of the `missing` blocks, drawn by a process on each of `places`."""
    total, found = len(files.sizes), {}
    if 0 < len(missing) < total:
        progress(f"{len(missing)} of {total} blocks are missing: drawing them on {places[0].type}")
    made, left, begun = 0, sum(size for _, size in missing), time.perf_counter()
    try:
        for k, evaluations in draw_blocks(job, files, missing, places):
            found[k] = evaluations
            made, left = made + files.sizes[k], left - files.sizes[k]
            rate = made / (time.perf_counter() - begun)
            done = total - len(missing) + len(found)
            progress(Count(done, total, "block", numbers={"events/s": rate}, left=left / rate))
    finally:
        files.sweep()
    return found


def _event_rows(
    files: BlockFiles, sampler: Sampler, progress: Progress, masses: Sequence[float] | None
) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Yield the events of all blocks with their columns; those of q-space as p, with the `masses` of each place."""
    spec = sampler.job.spec
    for first, block in _numbered(files, sampler, progress):
        momenta = spec["unit"] * block[0.0]
        if spec["space"] == "q":
            try:
                momenta = rambo.to_p(momenta)
            except OnshellError as error:
                raise OnshellError(f"{spec['run']}: {error}, train longer, or use smaller steps") from error
        columns = {str(key): value.numpy() for key, value in block.items() if isinstance(value, Tensor) and key != 0.0}
        if masses is not None:
            momenta = to_massive(momenta, torch.tensor(masses, dtype=torch.float64))
            if "log_prob_p" in columns:
                columns["log_prob_p"] = columns["log_prob_p"] - log_volume_ratio(momenta).numpy()
        yield momenta, {"event": np.arange(first, first + len(momenta)), **columns}


def _snapshot_rows(files: BlockFiles, sampler: Sampler, progress: Progress) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Yield the states of all blocks with the columns `event` and `time`, time after time."""
    for at in files.times:
        for first, block in _numbered(files, sampler, progress):
            states = sampler.job.spec["unit"] * block[at]
            yield states, {"event": np.arange(first, first + len(states)), "time": np.full(len(states), at)}


def _numbered(files: BlockFiles, sampler: Sampler, progress: Progress) -> Iterator[tuple[int, Block]]:
    """Yield every block with the number of its first event in the table."""
    first = 0
    for size, block in zip(files.sizes.values(), files.all(sampler, progress), strict=True):
        yield first, block
        first += size


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
