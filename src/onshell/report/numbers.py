"""Metrics beside the statistical floor: a table of the telling ones for each process, and every number there is."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from onshell.core.markup import Cell, Row, table
from onshell.evaluation.summary import TELLING, VIOLATIONS, number, rows
from onshell.evaluation.truth import judge_told
from onshell.report.collect import Scale
from onshell.report.format import observable

HOTTEST = math.log10(300.0)
"""The multiple of the floor, as a power of ten, that is drawn hottest."""

OFF_SHELL = "|\u2060Σ<i>E</i>\u00a0−\u00a01\u2060|"
"""How far energy is from being conserved, as it is written on the page."""

SPACES = {"invariant": "invariants", "latent": "latent space"}
MEASURES = {"w1": "W<sub>1</sub>", "ks": "KS", "auc": "AUC", "frechet": "Fréchet", "conservation": "violation"}
SUMS = ("worst", "mean")
"""Measures of all observables together, in floors."""

WORST = "worst W<sub>1</sub>"


class Entry(NamedTuple):
    """One number of one run, and the floor under it where there is one."""

    quantity: str
    measure: str
    value: float
    mean: float | None
    sd: float | None
    over: float | None
    """How many times the floor it is."""
    error: float | None
    """The standard error of that."""
    ends: tuple[float | None, float | None]
    """The range that holds 90% of perfect models."""


class Measured(NamedTuple):
    """The numbers of one run by quantity and measure, and what it is."""

    preset: str
    run: str
    dataset: str
    process: str
    counts: Mapping[str, Any]
    judge: str
    entries: Mapping[tuple[str, str], Entry]

    @property
    def quantities(self) -> set[str]:
        """Return the names of all that was measured."""
        return {quantity for quantity, _ in self.entries}

    @property
    def farthest(self) -> Entry | None:
        """Return the largest Kolmogorov-Smirnov distance of all observables."""
        found = [one for one in self.entries.values() if one.measure == "ks"]
        return max(found, key=lambda one: one.value, default=None)

    @property
    def off_shell(self) -> float:
        """Return the mean of |sum E - 1| over the median single-particle energy; NaN where it was not measured."""
        one = self.entries.get(("energy_mean", "conservation"))
        return one.value if one else math.nan


def measured(scale: Scale) -> list[Measured]:
    """Return the numbers of all runs of all presets."""
    found = []
    for (preset, run), document in scale.metrics.items():
        listed = [_entry(line) for line in rows(document)]
        entries = {(one.quantity, one.measure): one for one in listed}
        about = document["dataset"], document["process"], document.get("counts", {}), document.get("judge", "test")
        found.append(Measured(preset, run, *about, entries))
    return found


def _entry(line: Mapping[str, Any]) -> Entry:
    """Return one line of the tidy table as an entry; what sums up all observables is in floors by itself."""
    over, error = ("value", "error") if line["measure"] in SUMS else ("over_floor", "over_floor_error")
    first = (line.get(key) for key in ("quantity", "measure", "value", "floor_mean", "floor_sd", over, error))
    return Entry(*first, (line.get("floor_low"), line.get("floor_high")))


def telling(scale: Scale, runs: Iterable[Measured], process: str) -> str:
    """Return the tables of the telling metrics of one process, one for each part of truth that judged."""
    judged: dict[str, list[Measured]] = {}
    for one in runs:
        if one.process == process:
            judged.setdefault(one.judge, []).append(one)
    return "".join(_telling(scale, ours, process, judge) for judge, ours in judged.items())


def _telling(scale: Scale, ours: Sequence[Measured], process: str, judge: str) -> str:
    """Return the table of the telling metrics of runs of one process that one part of truth judged."""
    quantities = set().union(*(one.quantities for one in ours))
    names = next((names for key, names in TELLING if key in quantities), ())
    columns = [(name, "w1") for name in names if name in quantities]
    columns += [(space, "auc") for space in SPACES if space in quantities]
    columns += [("all", "worst")] if "all" in quantities else []
    heads = [
        "run",
        *(
            "worst W<sub>1</sub>" if name == "all" else f"{MEASURES[measure]} {_name(name)}"
            for name, measure in columns
        ),
        "largest KS",
        OFF_SHELL,
    ]
    lines, floors = [], {}
    for one in ours:
        cells = [_cell(one.entries.get(column)) for column in columns]
        far = one.farthest
        cells.append(_cell(far, f" {_name(far.quantity)}" if far else ""))
        shell = Cell(_digits(one.off_shell), one.off_shell, min(max(one.off_shell, 0.0) ** 0.3, 1.0))
        lines.append(Row([run_link(scale, one.preset, one.run), *cells, shell], scale.of(one.preset)))
        low = [_floor(one.entries.get(column)) for column in columns]
        sizes = one.counts.get("sample"), one.counts.get("truth")
        floors.setdefault((one.dataset, *sizes), Row([_sizes(one.dataset, *sizes), *low, "", ""]))
    title = f"Metrics of {scale.subjects.get(process, process)} beside the statistical floor. {judge_told(judge)}"
    return table(title, heads, lines, foot=floors.values(), sortable=True)


def everything(scale: Scale, runs: Iterable[Measured]) -> str:
    """Return the table of every number of every run."""
    lines = [
        Row([_plain(scale, one), *_line(entry)], scale.of(one.preset)) for one in runs for entry in one.entries.values()
    ]
    heads = ["run", "quantity", "measure", "value", "floor", "times the floor"]
    return table("Every number of every run", heads, lines, sortable=True)


def _plain(scale: Scale, one: Measured) -> str:
    """Return the name of a run, with the preset if need be."""
    return escape(f"{one.run} {scale.of(one.preset)}".strip())


def run_link(scale: Scale, preset: str, run: str) -> str:
    """Return the name of a run as a link to its training on the page, if it is there, with the preset if need be."""
    name = f"<code>{escape(run)}</code>"
    if any((one.preset, one.run) == (preset, run) for one in scale.trainings):
        name = f'<a href="#{anchor(preset, run)}">{name}</a>'
    return name + (f' <span class="of">{escape(preset)}</span>' if scale.of(preset) else "")


def anchor(preset: str, run: str) -> str:
    """Return the identifier of a training on the page."""
    return escape(f"{preset}.{run}")


def _name(quantity: str) -> str:
    """Return a quantity as HTML: an observable, a space of features, or a violation."""
    if quantity in VIOLATIONS:
        return VIOLATIONS[quantity].replace("\\", "")
    return "all observables" if quantity == "all" else SPACES.get(quantity) or observable(quantity)


def _line(entry: Entry) -> Iterator[Cell]:
    """Yield the cells of one number in the table of them all."""
    yield Cell(_name(entry.quantity))
    yield Cell(MEASURES.get(entry.measure, escape(entry.measure)))
    yield Cell(_digits(entry.value), entry.value)
    yield Cell(_floor(entry), entry.mean)
    yield Cell(_times(entry), entry.over, _heat(entry)) if entry.over else Cell("–")


def _cell(entry: Entry | None, note: str = "") -> Cell:
    """Return a value with its multiple of the floor below it."""
    if entry is None:
        return Cell("–")
    over = _times(entry) if entry.over and entry.measure not in SUMS else ""
    below = f"<small>{over}{note}</small>" if over or note else ""
    return Cell(f"{_digits(entry.value, 4 if entry.measure == 'auc' else 3)}{below}", entry.value, _heat(entry))


def _times(entry: Entry) -> str:
    """Return the multiple of the floor, with its standard error where that is known."""
    return f"{number(entry.over, 2)}×" + (f" ± {number(entry.error, 1)}" if entry.error else "")


def _heat(entry: Entry) -> float:
    """Return how far from truth a number is, from 0 (at the floor) to 1."""
    if entry.measure == "auc":
        return max(0.0, 2 * (entry.value - 0.5))
    return max(0.0, math.log10(entry.over) / HOTTEST) if entry.over and entry.over > 0 else 0.0


def _floor(entry: Entry | None) -> str:
    """Return the floor, mean ± standard deviation, and the range of a perfect model."""
    if entry is None or entry.mean is None or not math.isfinite(entry.mean):
        return "–"
    spread = f"<small>± {_digits(entry.sd, 2)}</small>" if entry.sd is not None else ""
    low, high = entry.ends
    if low is not None and high is not None:
        digits = 4 if entry.measure == "auc" else 2
        spread += f"<small>{_digits(low, digits)} to {_digits(high, digits)}</small>"
    return _digits(entry.mean, 4 if entry.measure == "auc" else 3) + spread


def _sizes(dataset: str, sample: int | None, truth: int | None) -> str:
    """Return the name of a floor: its dataset, and the sizes that were compared."""
    sizes = f"<small>{sample:,} against {truth:,} events</small>" if sample and truth else ""
    return f"floor of {escape(dataset)}{sizes}"


def _digits(value: float, digits: int = 3) -> str:
    """Return a number as the summary prints it, with a true minus."""
    return number(value, digits).replace("-", "−")
