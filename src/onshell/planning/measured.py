"""What earlier runs took on this machine, and what that says of other jobs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onshell.config import Config
from onshell.config.layout import Layout
from onshell.core.errors import OnshellError
from onshell.core.provenance import provenance
from onshell.planning.benchmarks import place, read_benchmark
from onshell.planning.costs import MEASURED, Cost, assumed
from onshell.planning.finished import TABLES, Finished, Run, record
from onshell.planning.jobs import Job
from onshell.planning.sizes import Planned

UNREADABLE = (OSError, ValueError, KeyError, TypeError, OnshellError)
"""What reading a product raises that is gone, was cut short, or that another version of the package made."""


@dataclass(frozen=True)
class Measurement:
    """One job that ran: its key and size, where it ran, and what it took, by its benchmark file or its record."""

    kind: str
    name: str
    path: str
    key: str
    size: float
    run: Run
    wall_s: float
    cpu_s: float
    mem_mb: float
    disk_mb: float

    @property
    def is_alone(self) -> bool:
        """Return whether the times are of the work alone, without the start of the job."""
        return self.run.wall_s is not None


class Measurements:
    """All that was measured under a results folder, at any scale and preset, on a machine like this one."""

    def __init__(self, config: Config):
        self.planned, self.processor = Planned(config), provenance()["processor"]
        self.folder = Path(Layout(config).benchmark("any")).parent
        self.notes: list[str] = []
        self.by_key: dict[tuple[str, str], list[Measurement]] = {}
        for one in self._all(config):
            self.by_key.setdefault((one.kind, one.key), []).append(one)
        found = [one for several in self.by_key.values() for one in several]
        self.start_s = min((one.wall_s for one in found if not one.is_alone), default=0.0)
        """What the start of a job takes, whatever its size: the time of the shortest that ran."""
        if not found:
            self.notes.append(f"nothing comparable was measured under {config['results']}")

    def cost(self, job: Job) -> Cost:
        """Return the cost of a job by the nearest comparable one that ran, or by its resources where there is none.

        The time of a job, but for its start, is proportional to its size.
        """
        asked = assumed(job)
        if not job.works or job.benchmark is None or not Path(job.benchmark).is_relative_to(self.folder):
            return asked
        kind, name, _ = place(Path(job.benchmark).relative_to(self.folder))
        work = self.planned.of(kind, name)
        if work is None:
            return asked
        key, size = work
        several = [one for one in self.by_key.get((kind, key), ()) if _fits(job, one.run)]
        if not several:
            return asked
        one = min(several, key=lambda one: (max(one.size / size, size / one.size), one.name != name, -one.wall_s))
        ratio = size / one.size
        wall = self.start_s + (one.wall_s if one.is_alone else one.wall_s - self.start_s) * ratio
        return Cost(
            wall_s=wall,
            gpu_s=wall * job.resources.get("gpu", 0) if one.run.device == "cuda" else 0.0,
            cpu_s=wall * one.cpu_s / one.wall_s,
            # What was measured holds for as many events or fewer; how memory grows with more of them, nobody knows.
            mem_mb=one.mem_mb if one.mem_mb and ratio <= 1 else asked.mem_mb,
            disk_mb=one.disk_mb * (ratio if kind in TABLES else 1.0),
            source=MEASURED,
            measured_from=one.path,
        )

    def _all(self, config: Config) -> Iterator[Measurement]:
        """Yield every measurement that counts; note what does not, and why."""
        elsewhere: set[str] = set()
        unknown: list[str] = []
        for folder in sorted(Path(config["results"]).glob("*/benchmarks")):
            machines = set(_processors(folder.parent, unknown))
            for path in sorted(folder.rglob("*.tsv")):
                kind, name, preset = place(path.relative_to(folder))
                here = {**config, "scale": folder.parent.name, "preset": preset or config["preset"]}
                try:
                    one = _read(path, kind, name, Finished(here))
                except UNREADABLE:
                    unknown.append(str(path))
                    continue
                if one is None:
                    continue
                processors = {one.run.processor} if one.run.processor else machines
                if processors and self.processor not in processors:
                    elsewhere |= processors
                else:
                    yield one
        if elsewhere:
            self.notes.append(f"left out what ran on {', '.join(sorted(elsewhere))}: this is {self.processor}")
        if unknown:
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            self.notes.append(f"left out {unknown[0]}{more}: the product is gone, or of another version")


def _read(path: Path, kind: str, name: str, finished: Finished) -> Measurement | None:
    """Return what is known of a finished job, None for one of an unknown kind.

    Of a training, its record goes before the benchmark file, since it knows the parts before an interruption.
    """
    work = finished.of(kind, name)
    if work is None:
        return None
    run, (wall, cpu, memory) = finished.ran(kind, name), read_benchmark(path)
    if not (wall > 0 and work[1] > 0):
        raise ValueError(f"{path}: measures a job of no time or size")
    times = (wall, cpu or wall) if run.wall_s is None or run.cpu_s is None else (run.wall_s, run.cpu_s)
    return Measurement(kind, name, str(path), *work, run, *times, memory, finished.disk_mb(kind, name))


def _fits(job: Job, run: Run) -> bool:
    """Return whether a job would run on the kind and the number of devices that a finished one had."""
    device, gpus = job.resources.get("device", "auto"), int(job.resources.get("gpu", 0))
    # A training that finds no GPU runs in one process, however many GPUs it asks for.
    wanted = 1 if gpus == 0 or (device == "auto" and run.device != "cuda") else gpus
    return device in ("auto", run.device) and run.processes == wanted


def _processors(folder: Path, unknown: list[str]) -> Iterator[str]:
    """Yield the processors that trained the models in a folder; records that cannot be read go to `unknown`."""
    for path in sorted(folder.glob("*/runs/*/run.json")):
        try:
            yield record(str(path))["provenance"]["processor"]
        except UNREADABLE:
            unknown.append(str(path))
