"""Tables of studies: quality, time and conservation of every recipe, the seeds of one as median [smallest, largest]."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from onshell.evaluation.tables import Cell, Table, cell, number
from onshell.evaluation.truth import judge_note
from onshell.figures.data import FigureData
from onshell.figures.study_groups import grouped, labels
from onshell.figures.study_runs import Distance, Run, Value, read_runs, spread

Measure = Callable[[Run], Value]
Format = Callable[[float], str]
BLANK, NONE = cell(""), cell("–")


@dataclass(frozen=True)
class Column:
    """A column: its name in the numbers, its heading, the value of a run, and how it is written.

    `error` is the value's standard error, written where there are no seeds to give a range. `floor` is what truth
    against truth gives, in words, and `itself` a W1 over the spread of truth: they are written after the value. `more`
    are further numbers, by the ends of their names. `events` says whether it is of the events alone, and so has another
    value for those inside a known cut.
    """

    name: str
    head: Cell
    value: Measure
    format: Format
    floor: Callable[[Run], str | None] | None = None
    error: Measure | None = None
    itself: Measure | None = None
    more: Mapping[str, Measure] = field(default_factory=dict)
    events: bool = True

    def text(self, runs: Sequence[Run]) -> Cell:
        """Return the median of the runs, with the smallest and the largest where these differ as written."""
        found = spread(map(self.value, runs))
        if found is None:
            return NONE
        middle, low, high = map(self.format, found)
        text = middle if low == high else f"{middle} [{low}, {high}]"
        if len(runs) == 1 and self.error and (error := self.error(runs[0])):
            text += f" ± {significant(error)}"
        known = [words for run in runs if self.floor and (words := self.floor(run))]
        text += f" ({known[0]})" if known else ""
        itself = spread(map(self.itself, runs)) if self.itself else None
        return cell(text + (f" {percent(itself[0])}" if itself else ""))


def significant(value: float) -> str:
    """Return a number to two significant digits, or to the next whole one."""
    return number(value, 2).markdown if abs(value) < 99.5 else f"{value:,.0f}"


def tiny(value: float) -> str:
    """Return a violation as a power of ten with one digit, or 0."""
    return f"{value:.0e}".replace("e-0", "e-") if value else "0"


def percent(value: float) -> str:
    """Return a share in per cent to two significant digits."""
    return f"{significant(100.0 * value)}%" if value else "0%"


def _range(low: Value, high: Value, written: Format) -> str | None:
    """Return a range in words; None where it is not known."""
    return None if low is None or high is None else f"{written(low)}–{written(high)}"


def _of(*keys: str) -> Measure:
    """Return the function that takes a number of the metrics of a run."""
    return lambda run: run.number(*keys)


def _distance(name: str, head: Cell, distance: Callable[[Run], Distance]) -> Column:
    """Return the column of a W1 over its floor."""
    keys = {"_error": "error", "_floor_low": "low", "_floor_high": "high", "_itself": "w1"}
    more = {end: lambda run, key=key: getattr(distance(run), key) for end, key in keys.items()}
    return Column(
        *(name, head, lambda run: distance(run).ratio, significant),
        floor=lambda run: _range(distance(run).low, distance(run).high, significant),
        error=more["_error"],
        itself=more["_itself"],
        more=more,
    )


def _excess() -> Column:
    """Return the column of what all observables have beyond the floor, over the spread of truth, and its interval."""
    more = {f"_{end}": _of("all", "excess", end) for end in ("low", "high")}
    return Column(
        *("excess", cell("beyond floor"), _of("all", "excess", "value"), percent),
        floor=lambda run: _range(more["_low"](run), more["_high"](run), percent),
        more=more,
    )


def _feature(name: str, head: Cell, value: Measure, space: tuple[str, str], written: Format) -> Column:
    """Return the column of a measure of features, beside the mean and standard deviation of its floor."""
    more = {"_floor": _of("features", *space, "floor_mean"), "_floor_sd": _of("features", *space, "floor_sd")}

    def floor(run: Run) -> str | None:
        mean, sd = (of(run) for of in more.values())
        return None if mean is None else written(mean) + (f" ± {written(sd)}" if sd else "")

    return Column(name, head, value, written, floor, more=more)


TAU_BIN = Cell(r"$\tau$ bin", "τ bin")
COST = [
    Column("sample", cell("events"), lambda run: run.events, "{:,.0f}".format, events=False),
    Column("weights", cell("weights"), lambda run: run.record.get("n_parameters"), "{:,.0f}".format, events=False),
    Column("cpu_minutes", cell("CPU min"), lambda run: run.minutes, significant, events=False),
    Column("evaluations", cell("evaluations/event"), lambda run: run.evaluations, significant, events=False),
    Column("events_per_s", cell("events/s"), lambda run: run.rate, significant, events=False),
]
QUALITY = [
    _distance("energy_w1", Cell("$W_1$ $E$", "W1 E"), lambda run: run.energy),
    _distance("tau_w1", Cell(r"$W_1$ $\log\tau$", "W1 log τ"), lambda run: run.tau),
    _distance("worst_w1", Cell("$W_1$ worst", "W1 worst"), lambda run: run.worst),
    _distance("mean_w1", Cell("$W_1$ mean", "W1 mean"), lambda run: run.mean),
    _excess(),
    _feature("auc", cell("AUC"), lambda run: run.auc, ("boosted", "auc"), "{:.3f}".format),
    _feature("tau_bin", TAU_BIN, _of("tails", "worst"), ("tau", "worst"), "{:.0%}".format),
]
CONSERVATION = [
    Column("energy_max", Cell(r"$|\sum E-1|$", "\\|ΣE − 1\\|"), _of("conservation", "energy_max"), tiny),
    Column("momentum_max", Cell(r"$|\sum p|$", "\\|Σp\\|"), _of("conservation", "momentum_max"), tiny),
]
NOTE = (
    "W1: Wasserstein-1 distances to truth over the floor, truth against truth at the same sizes: the worst energy, "
    "log τ, the worst and the mean of all observables; the standard error of one seed; in brackets the range that "
    "holds 90% of perfect models, for the worst and the mean too; then W1 itself over the standard deviation of "
    "truth. Beyond floor: the root mean square over all observables of what W1 has beyond its floor, over the "
    "standard deviation of truth, its interval in brackets: by this alone, of these, rows of different numbers of "
    "events compare. AUC of boosted trees on energies, pair masses and angles, the floor in brackets{replicates}. τ "
    "bin: largest deviation from truth in a quarter of a decade that holds more than 0.1% of it, the floor in "
    "brackets. Several seeds: median [smallest, largest], in brackets as of the first. Events per second of one core. "
    "{judge}"
)


def note(data: FigureData, runs: Sequence[Run]) -> Cell:
    """Return what stands below a table of runs: what it shows, and what part of truth judges."""
    known = {run.metrics.get("counts", {}).get("classifier_replicates") for run in runs} - {None}
    often = f", from {min(known)} replicates" if known else ""
    return cell(NOTE.format(replicates=often, judge=judge_note(data.judge())))


def comparison(data: FigureData) -> Table:
    """Return every recipe of a study beside the others: what it costs and how good it is, also inside a known cut."""
    return _table(data, "model", [*COST, *QUALITY, *CONSERVATION], kind=True)


def ablation(data: FigureData) -> Table:
    """Return one change at a time: what each does to the first recipe of its dataset."""
    columns = [column for column in (*COST, *QUALITY) if column.name not in ("weights", "sample")]
    return _table(data, "change", columns, kind=False)


def _table(data: FigureData, what: str, columns: Sequence[Column], *, kind: bool) -> Table:
    """Return a row a recipe, by dataset; with its `kind` the dataset comes first, and stands once."""
    runs = read_runs(data)
    datasets = list(dict.fromkeys(run.dataset for run in runs))
    groups = sorted(grouped(runs, Run.key), key=lambda group: (datasets.index(group[0].dataset), runs.index(group[0])))
    names, rows, last = labels(groups), [], ""
    for group, name in zip(groups, names, strict=True):
        first, called = group[0], cell(name + (f" ×{len(group)}" if len(group) > 1 else ""))
        if kind:
            before = [BLANK if first.dataset == last else cell(first.dataset), called, cell(first.kind)]
        else:
            before = [called, cell(first.dataset)]
        rows.append([*before, *(column.text(group) for column in columns)])
        rows += [[BLANK, *row] if kind else row for row in _inside_cut(group, columns)]
        last = first.dataset
    head = [cell(text) for text in (("data", what, "kind") if kind else (what, "data"))]
    note_below = note(data, runs)
    return Table(numbers(runs, groups, names, columns), [*head, *(c.head for c in columns)], rows, note_below)


def _inside_cut(group: Sequence[Run], columns: Sequence[Column]) -> list[list[Cell]]:
    """Return the row of the events inside a known cut, where some were outside."""
    kept = [run for run in (one.inside_cut for one in group) if run is not None]
    if not kept:
        return []
    share = spread(run.number("veto", "outside") for run in group)
    words = cell(f"{significant(100 * share[0])}% outside") if share else BLANK
    return [[cell("… inside the cut"), words, *(c.text(kept) if c.events else BLANK for c in columns)]]


def numbers(
    runs: Sequence[Run], groups: Sequence[Sequence[Run]], names: Sequence[str], columns: Sequence[Column]
) -> pd.DataFrame:
    """Return every number of every run, one line a run, and one more for its events inside a known cut."""
    of = {run.name: name for group, name in zip(groups, names, strict=True) for run in group}
    lines = []
    for run in runs:
        for part, one in (("all", run), ("inside the cut", run.inside_cut)):
            if one is None:
                continue
            line = {"dataset": run.dataset, "model": of[run.name], "run": run.name, "kind": run.kind, "part": part}
            line["outside"] = run.number("veto", "outside") if part == "all" else None
            for column in columns:
                line[column.name] = _number(column.value(one))
                line |= {f"{column.name}{end}": _number(value(one)) for end, value in column.more.items()}
            lines.append(line | {"decades": _number(one.number("tails", "decades"))})
    return pd.DataFrame(lines)


def _number(value: Value) -> float:
    return math.nan if value is None else float(value)
