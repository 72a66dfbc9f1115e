"""What ran where and in how long: machines, versions, and the times of all jobs."""

import csv
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from onshell.core.markup import Cell, Row, belongs, table
from onshell.planning.measured import place
from onshell.report.collect import Scale
from onshell.report.products import link, size_of, weight
from onshell.report.trainings import seconds


class Timing(NamedTuple):
    """One job that ran, by its benchmark file: times in seconds, memory in bytes."""

    rule: str
    name: str
    preset: str | None
    wall: float
    cpu: float
    memory: float


def timings(folder: Path) -> list[Timing]:
    """Return the jobs that ran by the benchmark files in a folder, but those that cannot be read or made this page."""
    found = []
    for path in sorted(folder.rglob("*.tsv")):
        rule, name, preset = place(path.relative_to(folder))
        try:
            with path.open(newline="", encoding="utf-8") as handle:
                line = next(csv.DictReader(handle, delimiter="\t"))
            wall, cpu, memory = (_number(line[column]) for column in ("s", "cpu_time", "max_rss"))
        except (OSError, StopIteration, KeyError, TypeError, ValueError):
            continue
        if rule != "pages":
            found.append(Timing(rule, name, preset, wall, cpu, 1e6 * memory))
    return found


def _number(text: str) -> float:
    """Return a number of a benchmark file; 0 for one that the job was too short to measure."""
    return 0.0 if text in ("-", "NA") else float(text)


def jobs(found: Iterable[Timing]) -> str:
    """Return the table of jobs by rule: how many, how long, the longest of them; "" if nothing was measured."""
    rules: dict[str, list[Timing]] = {}
    for one in found:
        rules.setdefault(one.rule, []).append(one)
    if not rules:
        return ""
    lines = [_line(rule, ours) for rule, ours in rules.items()]
    every = [one for ours in rules.values() for one in ours]
    total = Row([*_line("all", every).cells[:4], "", *_line("all", every).cells[5:]])
    heads = ["rule", "jobs", "time", "CPU time", "longest", "peak memory"]
    return table("Times of the jobs by rule", heads, lines, foot=[total], sortable=True)


def _line(rule: str, ours: list[Timing]) -> Row:
    """Return the sums of one rule."""
    longest, most = max(ours, key=lambda one: one.wall), max(one.memory for one in ours)
    wall, cpu = (seconds(sum(getattr(one, key) for one in ours)) for key in ("wall", "cpu"))
    time = seconds(longest.wall)
    far = Cell(f"{time.html}<small>{escape(longest.name)}</small>", time.key)
    memory = Cell(weight(most), most) if most else Cell("–")
    return Row([escape(rule), Cell(f"{len(ours):,}", len(ours)), wall, cpu, far, memory])


def machines(scale: Scale) -> str:
    """Return the machines and versions that trainings ran on, those alike once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in scale.trainings:
        found.setdefault(_machine(one.record), []).append(one.preset)
    names = ("machine", "system", "software", "commit", "models")
    lists = []
    for key, runs in found.items():
        told = zip(names, (*key, str(len(runs))), strict=True)
        lists.append("".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in told))
    return "".join(f'<dl class="machine">{one}</dl>\n' for one in lists)


def _machine(record: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return machine, system, software and commit of a training."""
    origin = record.get("provenance", {})
    devices = record.get("processes", 1)
    machine = f"{origin.get('cores', '?')} cores of {origin.get('processor', 'an unknown processor')}"
    device = record.get("device_name") or record.get("device", "cpu")
    if device != "cpu":
        machine += f", {devices} × {device}"
    packages = " ".join(f"{name} {version}" for name, version in origin.get("packages", {}).items())
    software = f"onshell {origin.get('version', '?')}, Python {origin.get('python', '?')}, {packages}".rstrip(", ")
    commit, dirty, _ = origin.get("commit", "unknown").partition("-dirty")
    return machine, origin.get("platform", "–"), software, commit[:12] + dirty


def data(scale: Scale) -> str:
    """Return links to all files that a reader may want, by what they are."""
    groups = [("Exact truth", "events/*", ""), ("Training sets", "embedded/*", "")]
    for preset in scale.presets:
        groups += [("Generated events", f"{preset}/samples/*", preset), ("Models", f"{preset}/runs/*/model.pt", preset)]
        groups += [("Metrics", f"{preset}/metrics/*", preset), ("Summary", f"{preset}/summary.*", preset)]
    for study in scale.studies:
        of = ("Generated events", "samples/*"), ("Models", "runs/*/model.pt"), ("Metrics", "metrics/*")
        groups += [(f"{title} of {study}", f"studies/{study}/{pattern}", "") for title, pattern in of]
    return "".join(_group(scale, *group) for group in groups)


def _group(scale: Scale, title: str, pattern: str, preset: str) -> str:
    """Return one list of files that folds away; "" if there are none."""
    paths = [path for path in sorted(scale.folder.glob(pattern)) if path.is_file() and path.name[0] != "."]
    if not paths:
        return ""
    names = ((path, path.parent.name if path.name == "model.pt" else path.name) for path in paths)
    items = "".join(f"<li>{link(scale, path, name)} <small>{size_of(path)}</small></li>" for path, name in names)
    size, of = weight(sum(path.stat().st_size for path in paths)), scale.of(preset)
    note = f' <span class="of">{escape(of)}</span>' if of else ""
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    head = f"<summary>{escape(title)}{note} <small>{files}, {size}</small></summary>"
    return f'<details class="files"{belongs(of)}>{head}\n<ul>{items}</ul></details>\n'
