"""What ran where and in how long: machines, versions, the times of all jobs; and the files that were made."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from onshell.core.format import format_bytes
from onshell.planning.benchmarks import place, read_benchmark
from onshell.report.collect import Scale
from onshell.report.products import Link, link
from onshell.report.table import DASH, Cell, Row, Table
from onshell.report.trainings import duration


class Timing(NamedTuple):
    """One job that ran, by its benchmark file: times in seconds, memory in bytes."""

    rule: str
    name: str
    wall: float
    cpu: float
    memory: float


class Files(NamedTuple):
    """Files of one kind: what they are, the preset that they are of, their size, and a link and size for each."""

    title: str
    preset: str
    size: str
    links: list[tuple[Link, str]]


def timings(folder: Path) -> list[Timing]:
    """Return the jobs that ran by the benchmark files in a folder, but those that cannot be read or made this page."""
    found = []
    for path in sorted(folder.rglob("*.tsv")):
        rule, name, _ = place(path.relative_to(folder))
        try:
            wall, cpu, memory = read_benchmark(path)
        except (OSError, KeyError, TypeError, ValueError):
            continue
        if rule != "pages":
            found.append(Timing(rule, name, wall, cpu, 1e6 * memory))
    return found


def jobs(found: Iterable[Timing]) -> Table | None:
    """Return the table of jobs by rule: how many, how long, the longest of them; None if nothing was measured."""
    rules: dict[str, list[Timing]] = {}
    for one in found:
        rules.setdefault(one.rule, []).append(one)
    if not rules:
        return None
    total = _line("all", [one for several in rules.values() for one in several])
    total[4] = Cell("")
    heads = ["rule", "jobs", "time", "CPU time", "longest", "peak memory"]
    lines = [Row(_line(rule, several)) for rule, several in rules.items()]
    return Table("Times of the jobs by rule", heads, lines, [Row(total)], sortable=True)


def _line(rule: str, several: list[Timing]) -> list[Cell]:
    """Return the sums of one rule."""
    longest, most = max(several, key=lambda one: one.wall), max(one.memory for one in several)
    wall, cpu = (duration(sum(getattr(one, key) for one in several)) for key in ("wall", "cpu"))
    time = duration(longest.wall)
    longest_cell = Cell(time.text, time.key, notes=[longest.name])
    memory = Cell(format_bytes(most), most) if most else DASH
    return [Cell(rule), Cell(f"{len(several):,}", len(several)), wall, cpu, longest_cell, memory]


def machines(scale: Scale) -> list[dict[str, str]]:
    """Return the machines and versions that trainings ran on, those alike once, and how many models of each."""
    found: dict[tuple[str, ...], int] = {}
    for one in scale.trainings:
        key = _machine(one.record)
        found[key] = found.get(key, 0) + 1
    names = ("machine", "system", "software", "commit")
    return [dict(zip(names, key, strict=True)) | {"models": str(n)} for key, n in found.items()]


def _machine(record: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return machine, system, software and commit of a training."""
    origin = record.get("provenance", {})
    machine = f"{origin.get('cores', '?')} cores of {origin.get('processor', 'an unknown processor')}"
    device = record.get("device_name") or record.get("device", "cpu")
    if device != "cpu":
        machine += f", {record.get('processes', 1)} × {device}"
    packages = " ".join(f"{name} {version}" for name, version in origin.get("packages", {}).items())
    software = f"onshell {origin.get('version', '?')}, Python {origin.get('python', '?')}, {packages}".rstrip(", ")
    commit, dirty, _ = origin.get("commit", "unknown").partition("-dirty")
    return machine, origin.get("platform", "–"), software, commit[:12] + dirty


def files(scale: Scale) -> Iterator[Files]:
    """Yield all files that a reader may want, by what they are."""
    yield from _files(scale, "Exact truth", "events/*")
    yield from _files(scale, "Training sets", "embedded/*")
    kinds = {"Generated events": "samples/*", "Models": "runs/*/model.pt", "Metrics": "metrics/*"}
    for preset in scale.presets:
        for title, pattern in {**kinds, "Summary": "summary.*"}.items():
            yield from _files(scale, title, f"{preset}/{pattern}", scale.of(preset))
    for study in scale.studies:
        for title, pattern in kinds.items():
            yield from _files(scale, f"{title} of {study}", f"studies/{study}/{pattern}")


def _files(scale: Scale, title: str, pattern: str, preset: str = "") -> Iterator[Files]:
    """Yield the files that match a pattern, if there are any; models go by their run."""
    sizes = {p: p.stat().st_size for p in sorted(scale.folder.glob(pattern)) if p.is_file() and p.name[0] != "."}
    names = ((path, path.parent.name if path.name == "model.pt" else path.name) for path in sizes)
    links = [(link(scale, path, name), format_bytes(sizes[path])) for path, name in names]
    if links:
        yield Files(title, preset, format_bytes(sum(sizes.values())), links)
