"""Metrics beside the statistical floor: tables of the headline ones of each process, and of every number there is."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from onshell.evaluation.summary import HEADLINE, VIOLATIONS, rows
from onshell.evaluation.truth import judge_note
from onshell.report.collect import Scale
from onshell.report.table import DASH, Cell, Row, Table
from onshell.report.text import format_observable, format_value

HOTTEST = math.log10(300.0)
"""The multiple of the floor, as a power of ten, that is drawn hottest."""

OFF_SHELL = Markup("|\u2060Σ<i>E</i>\u00a0−\u00a01\u2060|")
"""How far energy is from being conserved, as it is written on the page."""

SPACES = {"invariant": "invariants", "latent": "latent space"}
MEASURES = {"w1": Markup("W<sub>1</sub>"), "ks": "KS", "auc": "AUC", "frechet": "Fréchet", "conservation": "violation"}
SUMS = ("worst", "mean")
"""Measures of all observables together, in floors."""

WORST = ("all", "worst")


class Entry(NamedTuple):
    """One number of one run, its floor (mean, sd) where there is one, and how many times the floor it is, with error.

    `low` to `high` is the range that holds 90% of perfect models.
    """

    quantity: str
    measure: str
    value: float
    floor: float | None
    floor_sd: float | None
    over: float | None
    error: float | None
    low: float | None
    high: float | None

    @property
    def digits(self) -> int:
        """Return the significant digits that are worth reading."""
        return 4 if self.measure == "auc" else 3

    @property
    def heat(self) -> float:
        """Return how far from truth the number is, from 0 (at the floor) to 1."""
        if self.measure == "auc":
            return max(0.0, 2 * (self.value - 0.5))
        return max(0.0, math.log10(self.over) / HOTTEST) if self.over and self.over > 0 else 0.0

    @property
    def times(self) -> str:
        """Return the multiple of the floor, with its standard error where that is known; "" without a floor."""
        error = f" ± {format_value(self.error, 1)}" if self.error else ""
        return f"{format_value(self.over, 2)}×{error}" if self.over else ""

    def floor_cell(self) -> Cell:
        """Return the floor, mean ± standard deviation, and the range of a perfect model."""
        if self.floor is None or not math.isfinite(self.floor):
            return DASH
        notes = [f"± {format_value(self.floor_sd, 2)}"] if self.floor_sd is not None else []
        if self.low is not None and self.high is not None:
            digits = 4 if self.measure == "auc" else 2
            notes.append(f"{format_value(self.low, digits)} to {format_value(self.high, digits)}")
        return Cell(format_value(self.floor, self.digits), self.floor, notes=notes)

    def value_cell(self, of: str | Markup = "") -> Cell:
        """Return the value with its multiple of the floor below it, and `of` what it is."""
        times = "" if self.measure in SUMS else self.times
        note = Markup(" ").join(part for part in (times, of) if part)
        return Cell(format_value(self.value, self.digits), self.value, self.heat, [note] if note else [])


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
    def off_shell(self) -> float:
        """Return the mean of |sum E - 1| over the median single-particle energy; NaN where it was not measured."""
        entry = self.entries.get(("energy_mean", "conservation"))
        return entry.value if entry else math.nan

    def cells(self, columns: Iterable[tuple[str, str]]) -> Iterator[Cell]:
        """Yield the cells of a line of headline metrics: the columns, the largest KS distance, the violation."""
        yield from (self.entries[key].value_cell() if key in self.entries else DASH for key in columns)
        distances = [entry for entry in self.entries.values() if entry.measure == "ks"]
        farthest = max(distances, key=lambda entry: entry.value, default=None)
        yield farthest.value_cell(_name(farthest.quantity)) if farthest else DASH
        yield Cell(format_value(self.off_shell), self.off_shell, min(max(self.off_shell, 0.0) ** 0.3, 1.0))


def measured(scale: Scale) -> list[Measured]:
    """Return the numbers of all runs of all presets."""
    found = []
    for (preset, run), document in scale.metrics.items():
        listed = map(_entry, rows(document))
        about = document["dataset"], document["process"], document.get("counts", {}), document.get("judge", "test")
        found.append(Measured(preset, run, *about, {(one.quantity, one.measure): one for one in listed}))
    return found


def _entry(line: Mapping[str, Any]) -> Entry:
    """Return one line of the tidy table as an entry; what sums up all observables is in floors by itself."""
    over, error = ("value", "error") if line["measure"] in SUMS else ("over_floor", "over_floor_error")
    keys = ("quantity", "measure", "value", "floor_mean", "floor_sd", over, error, "floor_low", "floor_high")
    values: list[Any] = [line.get(key) for key in keys]
    return Entry(*values)


def headline(scale: Scale, runs: Iterable[Measured], process: str) -> list[Table]:
    """Return the tables of the headline metrics of one process, one for each part of truth that judged."""
    judged: dict[str, list[Measured]] = {}
    for one in runs:
        if one.process == process:
            judged.setdefault(one.judge, []).append(one)
    return [_headline(scale, ours, process, judge) for judge, ours in judged.items()]


def _headline(scale: Scale, runs: Sequence[Measured], process: str, judge: str) -> Table:
    """Return the table of the headline metrics of runs of one process that one part of truth judged."""
    quantities = set().union(*(one.quantities for one in runs))
    names = next((names for key, names in HEADLINE if key in quantities), ())
    columns = [(name, "w1") for name in names if name in quantities]
    columns += [(space, "auc") for space in SPACES if space in quantities]
    columns += [WORST] if "all" in quantities else []
    heads = [Markup("worst W<sub>1</sub>") if key == WORST else Markup("{} {}").format(MEASURES[key[1]], _name(key[0]))
             for key in columns]  # fmt: skip
    lines: list[Row] = []
    floors: dict[tuple[Any, ...], Row] = {}
    for one in runs:
        lines.append(Row([Cell(run_link(scale, one.preset, one.run)), *one.cells(columns)], scale.of(one.preset)))
        sizes = one.counts.get("sample"), one.counts.get("truth")
        notes = [f"{sizes[0]:,} against {sizes[1]:,} events"] if all(sizes) else []
        low = [one.entries[key].floor_cell() if key in one.entries else DASH for key in columns]
        floor = Row([Cell(f"floor of {one.dataset}", notes=notes), *low, Cell(""), Cell("")])
        floors.setdefault((one.dataset, *sizes), floor)
    title = f"Metrics of {scale.subjects.get(process, process)} beside the statistical floor. {judge_note(judge)}"
    return Table(title, ["run", *heads, "largest KS", OFF_SHELL], lines, [*floors.values()], sortable=True)


def everything(scale: Scale, runs: Iterable[Measured]) -> Table:
    """Return the table of every number of every run."""
    lines = []
    for one in runs:
        name = Cell(f"{one.run} {scale.of(one.preset)}".strip())
        for entry in one.entries.values():
            kind = Cell(_name(entry.quantity)), Cell(MEASURES.get(entry.measure, entry.measure))
            value = Cell(format_value(entry.value), entry.value)
            times = Cell(entry.times, entry.over, entry.heat) if entry.over else DASH
            lines.append(Row([name, *kind, value, entry.floor_cell(), times], scale.of(one.preset)))
    heads = ["run", "quantity", "measure", "value", "floor", "times the floor"]
    return Table("Every number of every run", heads, lines, sortable=True)


def run_link(scale: Scale, preset: str, run: str) -> Markup:
    """Return the name of a run as a link to its training on the page, if it is there, with the preset if need be."""
    name = Markup("<code>{}</code>").format(run)
    if any((one.preset, one.run) == (preset, run) for one in scale.trainings):
        name = Markup('<a href="#{}.{}">{}</a>').format(preset, run, name)
    return name + (Markup(' <span class="of">{}</span>').format(preset) if scale.of(preset) else "")


def _name(quantity: str) -> Markup:
    """Return a quantity as HTML: an observable, a space of features, or a violation."""
    if quantity in VIOLATIONS:
        return Markup(VIOLATIONS[quantity].replace("\\", ""))
    words = "all observables" if quantity == "all" else SPACES.get(quantity)
    return Markup(words) if words else format_observable(quantity)
