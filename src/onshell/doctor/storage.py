"""Checks of disks: room, what the file system can do, locks, and what killed runs left behind."""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from onshell.config import datasets, n_samples, run_spec, unwritable
from onshell.config.layout import Layout
from onshell.core.format import format_bytes, shorten
from onshell.doctor.check import Check, Context, checker, fault, ok, warning

RUN = 100e6
"""Bytes of a run besides its samples: model, copies of it, and the state of its training."""
OTHER = 500e6
"""Bytes of everything else: figures, logs, Snakemake's records."""
CLAIM = ".writer.json"
"""The file by which a training holds its run's folder."""
SCRATCH = 1e9
"""Bytes that jobs may want in the scratch folder."""


@checker()
def results(context: Context) -> Check:
    """Return whether the results folder can be written, with whole files that appear at once."""
    folder = str(context.folder / context.config["results"])
    refusal = unwritable(folder)
    if refusal:
        return fault(refusal.removeprefix("results: "), "make it writable")
    place = _nearest(Path(folder))
    try:
        with tempfile.TemporaryDirectory(prefix=".onshell-doctor-", dir=place) as name:
            failed = [*_missing_abilities(Path(name))]
    except OSError as error:
        return fault(f"{place}: cannot write ({error.strerror})", "free space, or name another folder: results=...")
    if failed:
        return fault(f"{place}: no {shorten(failed)}", "put the results on a file system of the cluster: results=...")
    return ok(f"{folder}: writable; fsync, rename and links work")


@checker()
def space(context: Context) -> Check:
    """Return whether the products of the scale find room beside the results that are there."""
    folder = context.folder / context.config["results"]
    place = _nearest(folder)
    scale = folder / context.config["scale"]
    there = sum(path.stat().st_size for path in scale.rglob("*") if path.is_file()) if scale.is_dir() else 0
    needed, free = max(0.0, need(context) - there), shutil.disk_usage(place).free
    text = (
        f"{format_bytes(free)} free, scale {context.config['scale']} wants {format_bytes(needed)} more "
        "(events x (24 N + 8) B, samples twice, and 0.1 GB a run)"
    )
    if free < needed:
        return fault(f"{place}: {text}", "free some, or put the results elsewhere: --config results=...")
    if free < 2 * needed:
        return warning(f"{place}: {text}", "free some; quotas, which are not asked here, may be narrower")
    files = os.statvfs(place)
    if files.f_files > 0 and files.f_favail < 10_000:
        return warning(f"{place}: room for {files.f_favail} more files only", "remove some files")
    return ok(f"{place}: {text}")


def need(context: Context) -> float:
    """Return about how many bytes the products of the scale take: events x (24 N + 8) over all tables, and the rest.

    Samples count twice, since their blocks lie beside the table until it is whole.
    """
    config = context.config
    sizes, sets = config["scales"][config["scale"]], datasets(config)
    copies = sum(entry.get("copies", 1) for entry in config["augmentations"].values())
    total = OTHER + RUN * len(config["runs"])
    for entry in sets.values():
        total += (entry.n_train * (1 + copies) + entry.n_test) * (24 * entry.n_particles + 8)
    for run, entry in config["runs"].items():
        dataset = sets[run_spec(config, run)["dataset"]]
        events = n_samples(config, dataset.name) + sizes["trajectory_events"] * len(entry.get("trajectory", ()))
        total += 2 * events * (24 * dataset.n_particles + 8)
    for entry in config.get("forward", {}).values():
        n_particles = run_spec(config, entry["run"])["n_particles"]
        total += sizes["forward_events"] * len(entry["times"]) * (24 * n_particles + 8)
    return total


@checker()
def snakemake(context: Context) -> Check:
    """Return whether Snakemake can keep its records here, and is not locked out."""
    folder = context.folder / ".snakemake"
    place = _nearest(folder)
    try:
        with tempfile.TemporaryFile(prefix=".onshell-doctor-", dir=place):
            pass
    except OSError as error:
        return fault(f"{place}: cannot write ({error.strerror})", "run in a copy of the repository that is yours")
    if any((folder / "locks").glob("*")):
        busy = [*_running(context.folder)]
        if busy:
            return warning(f"locked by the Snakemake that runs here (process {shorten(busy)})", "let it end first")
        return fault("locked, and no Snakemake runs here on this host", "if none runs elsewhere: make unlock")
    unfinished = sum(1 for path in (folder / "incomplete").glob("**/*") if path.is_file())
    if unfinished:
        return ok(f"{folder}: writable; {unfinished} outputs of jobs that were cut off, which are made again")
    return ok(f"{folder}: writable, not locked")


@checker()
def scratch(context: Context) -> Check:
    """Return whether the scratch folder can be written and has room."""
    place = tempfile.gettempdir()
    try:
        with tempfile.NamedTemporaryFile(prefix="onshell-doctor-", dir=place) as handle:
            handle.write(b"x")
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        return fault(f"{place}: cannot write ({error.strerror})", "set TMPDIR to a folder of your own")
    free = shutil.disk_usage(place).free
    if free < SCRATCH:
        return warning(f"{place}: {format_bytes(free)} free", "set TMPDIR to a larger place")
    named = "TMPDIR" if "TMPDIR" in os.environ else "TMPDIR is not set"
    return ok(f"{place}: writable, {format_bytes(free)} free ({named})")


@checker()
def leftovers(context: Context) -> Check:
    """Return what killed runs left behind, and whether any run takes it up."""
    layout = Layout(context.config)
    runs = context.folder / Path(layout.run("x")).parent
    samples = context.folder / Path(layout.samples("x")).parent
    states = sorted({path.parent.name for path in runs.glob("*/state-*.pt")})
    names = (path.name[1:].partition(".parts-")[0] for path in samples.glob(".*.parts-*"))
    folders = [name.partition(".shard-")[0] for name in names]
    known = {f"{run}{end}" for run in context.config["runs"] for end in ("", ".parquet", ".trajectory.parquet")}
    orphans = [str(runs / name) for name in states if name not in context.config["runs"]]
    orphans += sorted({f"{samples}/.{name}.parts-*" for name in folders if name not in known})
    if orphans:
        return warning(f"states of runs that the configuration does not have: {shorten(orphans, 2)}", "remove them")
    if states or folders:
        return ok(f"{len(states)} trainings and {len(set(folders))} samplings were cut off; they go on where they were")
    return ok("nothing")


@checker()
def writers(context: Context) -> Check:
    """Return which trainings write here now; Snakemake may not know of them, if it was killed outright."""
    runs = context.folder / Path(Layout(context.config).run("x")).parent
    claims = {path.parent.name: _claim(path) for path in sorted(runs.glob(f"*/{CLAIM}"))}
    if not claims:
        return ok("no training")
    listed = shorten((f"{run} ({who})" for run, who in claims.items()), 3)
    return warning(f"trainings, or what one left that was killed: {listed}", "if Snakemake does not run, cancel them")


def _claim(path: Path) -> str:
    """Return who holds a run's folder."""
    try:
        claim = json.loads(path.read_text(encoding="utf-8").partition("\n")[0])
        job = f", Slurm job {claim['job']}" if claim.get("job") else ""
        return f"process {claim['pid']} on {claim['host']}{job}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "it does not say who"


def _nearest(path: Path) -> Path:
    """Return `path`, or the folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def _missing_abilities(folder: Path) -> Iterator[str]:
    """Yield what the file system of an empty folder cannot do."""
    mark = secrets.token_hex(8)
    source, target, link = folder / "source", folder / "target", folder / "link"
    target.write_text("before")
    with source.open("w") as handle:
        handle.write(mark)
        handle.flush()
        try:
            os.fsync(handle.fileno())
        except OSError:
            yield "fsync"
    source.replace(target)
    if source.exists() or target.read_text() != mark:
        yield "rename over a file"
    try:
        os.link(target, link)
    except OSError:
        yield "hard links"


def _running(folder: Path) -> Iterator[int]:
    """Yield the processes of Snakemake that run in a folder on this host, where Linux tells."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve() and b"snakemake" in (process / "cmdline").read_bytes():
                yield int(process.name)
        except OSError:
            continue
