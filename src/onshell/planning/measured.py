"""What earlier runs took on this machine, and what that says of other jobs."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onshell.config import Config
from onshell.config.layout import Layout
from onshell.core.errors import OnshellError
from onshell.core.provenance import provenance
from onshell.planning.costs import MEASURED, Cost, assumed
from onshell.planning.jobs import Job
from onshell.planning.products import Product, product, record
from onshell.planning.sizes import Sizes

UNREADABLE = (OSError, ValueError, KeyError, TypeError, OnshellError)
"""What reading a product raises that is gone, was cut short, or that another version of the package made."""


@dataclass(frozen=True)
class Measurement:
    """One job that ran: its product, and how long it took, by its benchmark file or, of a training, by its record."""

    kind: str
    name: str
    path: str
    product: Product
    wall_s: float
    cpu_s: float
    mem_mb: float
    alone: bool
    """Whether the times are of the work alone, without the start of the job."""


class Measurements:
    """All that was measured under a results folder, at any scale and preset, on a machine like this one."""

    def __init__(self, config: Config):
        self.sizes, self.processor = Sizes(config), provenance()["processor"]
        self.folder = Path(Layout(config).benchmark("any")).parent
        self.notes: list[str] = []
        self.by_key: dict[tuple[str, str], list[Measurement]] = {}
        for one in self._all(config):
            self.by_key.setdefault((one.kind, one.product.key), []).append(one)
        found = [one for several in self.by_key.values() for one in several]
        self.start_s = min((one.wall_s for one in found if not one.alone), default=0.0)
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
        work = self.sizes.of(kind, name)
        if work is None:
            return asked
        key, size = work
        several = [one for one in self.by_key.get((kind, key), ()) if fits(job, one.product)]
        if not several:
            return asked
        one = min(several, key=lambda one: (_factor(one.product.size, size), one.name != name, -one.wall_s))
        ratio = size / one.product.size
        wall = self.start_s + (one.wall_s if one.alone else one.wall_s - self.start_s) * ratio
        return Cost(
            wall_s=wall,
            gpu_s=wall * job.resources.get("gpu", 0) if one.product.device == "cuda" else 0.0,
            cpu_s=wall * one.cpu_s / one.wall_s,
            # What was measured holds for as many events or fewer; how memory grows with more of them, nobody knows.
            mem_mb=one.mem_mb if one.mem_mb and ratio <= 1 else asked.mem_mb,
            disk_mb=one.product.disk_mb * (ratio if one.product.grows else 1.0),
            source=MEASURED,
            measured_from=one.path,
        )

    def _all(self, config: Config) -> Iterator[Measurement]:
        """Yield every measurement that counts; note what does not, and why."""
        elsewhere, unknown = set(), []
        for folder in sorted(Path(config["results"]).glob("*/benchmarks")):
            machines = set(_processors(folder.parent, unknown))
            for path in sorted(folder.rglob("*.tsv")):
                kind, name, preset = place(path.relative_to(folder))
                here = {**config, "scale": folder.parent.name, "preset": preset or config["preset"]}
                try:
                    made = product(here, kind, name)
                    if made is None:
                        continue
                    one = _read(path, kind, name, made)
                except UNREADABLE:
                    unknown.append(str(path))
                    continue
                processors = {made.processor} if made.processor else machines
                if processors and self.processor not in processors:
                    elsewhere |= processors
                else:
                    yield one
        if elsewhere:
            self.notes.append(f"left out what ran on {', '.join(sorted(elsewhere))}: this is {self.processor}")
        if unknown:
            more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
            self.notes.append(f"left out {unknown[0]}{more}: the product is gone, or of another version")


def place(path: Path) -> tuple[str, str, str | None]:
    """Return kind, name and preset of a job from its benchmark file, <kind>/[<preset>/]<name>.tsv; None: any preset."""
    name = path.name.removesuffix(".tsv")
    if path.parts[0] == "summary":
        return "summary", name, name
    return path.parts[0], name, path.parts[1] if len(path.parts) > 2 else None


def fits(job: Job, made: Product) -> bool:
    """Return whether a job would run on the kind and the number of devices that a finished one had."""
    device, gpus = job.resources.get("device", "auto"), int(job.resources.get("gpu", 0))
    if device not in ("auto", made.device):
        return False
    # A training that finds no GPU runs in one process, however many GPUs it asks for.
    wanted = 1 if gpus == 0 or (device == "auto" and made.device != "cuda") else gpus
    return made.processes == wanted


def _factor(a: float, b: float) -> float:
    """Return by what factor two sizes differ, 1 or more."""
    return max(a, b) / min(a, b)


def _read(path: Path, kind: str, name: str, made: Product) -> Measurement:
    """Return what a benchmark file says of a job; of a training its record goes before, which knows resumed parts."""
    wall, cpu, memory = read_benchmark(path)
    if not (wall > 0 and made.size > 0):
        raise ValueError(f"{path}: measures a job of no time or size")
    if made.wall_s is not None and made.cpu_s is not None:
        return Measurement(kind, name, str(path), made, made.wall_s, made.cpu_s, memory, alone=True)
    return Measurement(kind, name, str(path), made, wall, cpu or wall, memory, alone=False)


def _processors(folder: Path, unknown: list[str]) -> Iterator[str]:
    """Yield the processors that trained the models in a folder; records that cannot be read go to `unknown`."""
    for path in sorted(folder.glob("*/runs/*/run.json")):
        try:
            yield record(str(path))["provenance"]["processor"]
        except UNREADABLE:
            unknown.append(str(path))


def read_benchmark(path: Path) -> tuple[float, float, float]:
    """Return seconds by the clock and of the processor, and MB of memory; 0 for what a job was too short to measure."""
    with path.open(newline="", encoding="utf-8") as handle:
        line = next(csv.DictReader(handle, delimiter="\t"), None)
    if line is None:
        raise ValueError(f"{path}: holds no measurement")
    texts = (line[column] for column in ("s", "cpu_time", "max_rss"))
    wall, cpu, memory = (0.0 if text in ("-", "NA") else float(text) for text in texts)
    return wall, cpu, memory
