"""Tables of studies: quality, time and conservation of every recipe, the seeds of one as median [smallest, largest]."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from onshell.evaluation.truth import judge_told
from onshell.figures.compared_runs import Distance, Run, Value, read_runs, spread
from onshell.figures.data import FigureData
from onshell.figures.run_groups import grouped, labels
from onshell.figures.tables import Table, plain

Cell = tuple[str, str]
BLANK: Cell = ("", "")
NONE: Cell = ("--", "–")


@dataclass(frozen=True)
class Column:
    """A column: its name in the numbers, its heading (TeX, Markdown), the value of a run, and how it is written.

    `error` is the value's standard error, written where there are no seeds to tell a range. `floor` is what truth
    against truth gives, in words, and `itself` a W1 over the spread of truth: they are written after the value. `more`
    are further numbers, by the ends of their names. `events` says whether it is of the events alone, and so has another
    value for those inside a known cut.
    """

    name: str
    head: Cell
    value: Callable[[Run], Value]
    written: Callable[[float], str]
    floor: Callable[[Run], str | None] | None = None
    error: Callable[[Run], Value] | None = None
    itself: Callable[[Run], Value] | None = None
    more: Mapping[str, Callable[[Run], Value]] = field(default_factory=dict)
    events: bool = True

    def cell(self, runs: Sequence[Run]) -> Cell:
        """Return the median of the runs, with the smallest and the largest where these differ as written."""
        found = spread(map(self.value, runs))
        if found is None:
            return NONE
        middle, low, high = map(self.written, found)
        text = middle if low == high else f"{middle} [{low}, {high}]"
        if len(runs) == 1 and self.error and (error := self.error(runs[0])):
            text += f" ± {significant(error)}"
        known = [words for run in runs if self.floor and (words := self.floor(run))]
        text += f" ({known[0]})" if known else ""
        itself = spread(map(self.itself, runs)) if self.itself else None
        return both(text + (f" {percent(itself[0])}" if itself else ""))


def both(text: str) -> Cell:
    """Return plain text for TeX and Markdown."""
    tex = text
    for sign in "_%&#":
        tex = tex.replace(sign, f"\\{sign}")
    for sign, command in (("×", r"$\times$"), ("…", r"\dots{}"), ("–", "--"), ("τ", r"$\tau$"), ("±", r"$\pm$")):
        tex = tex.replace(sign, command)
    return tex, text.replace("|", "\\|")


def significant(value: float) -> str:
    """Return a number to two significant digits, or to the next whole one."""
    return plain(value, 2)[1] if abs(value) < 99.5 else f"{value:,.0f}"


def tiny(value: float) -> str:
    """Return a violation as a power of ten with one digit, or 0."""
    return f"{value:.0e}".replace("e-0", "e-") if value else "0"


def whole(value: float) -> str:
    """Return a whole number."""
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """Return a share in per cent to two significant digits."""
    return f"{significant(100.0 * value)}%" if value else "0%"


def of_floor(name: str, head: Cell, distance: Callable[[Run], Distance]) -> Column:
    """Return the column of a W1 over its floor."""
    more = {
        f"_{end}": lambda run, key=key: getattr(distance(run), key)
        for end, key in (("error", "error"), ("floor_low", "low"), ("floor_high", "high"), ("itself", "w1"))
    }
    return Column(
        *(name, head, lambda run: distance(run).ratio, significant),
        floor=lambda run: between(distance(run).low, distance(run).high, significant),
        error=lambda run: distance(run).error,
        itself=lambda run: distance(run).w1,
        more=more,
    )


def between(low: Value, high: Value, written: Callable[[float], str]) -> str | None:
    """Return a range in words; None where it is not known."""
    return None if low is None or high is None else f"{written(low)}–{written(high)}"


def varying(mean: Value, sd: Value, written: Callable[[float], str]) -> str | None:
    """Return mean ± standard deviation in words; None where there is none."""
    return None if mean is None else written(mean) + (f" ± {written(sd)}" if sd else "")


COST = [
    Column("sample", ("events", "events"), lambda run: run.events, whole, events=False),
    Column("weights", ("weights", "weights"), lambda run: run.weights, whole, events=False),
    Column("cpu_minutes", ("CPU min", "CPU min"), lambda run: run.minutes, significant, events=False),
    Column("evaluations", ("eval./event", "evaluations/event"), lambda run: run.evaluations, significant, events=False),
    Column("events_per_s", ("events/s", "events/s"), lambda run: run.rate, significant, events=False),
]
QUALITY = [
    of_floor("energy_w1", ("$W_1$ $E$", "W1 E"), lambda run: run.energy),
    of_floor("tau_w1", (r"$W_1$ $\log\tau$", "W1 log τ"), lambda run: run.tau),
    of_floor("worst_w1", ("$W_1$ worst", "W1 worst"), lambda run: run.worst),
    of_floor("mean_w1", ("$W_1$ mean", "W1 mean"), lambda run: run.mean),
    Column(
        *("excess", ("beyond floor", "beyond floor"), lambda run: run.excess(), percent),
        floor=lambda run: between(run.excess("low"), run.excess("high"), percent),
        more={f"_{end}": lambda run, end=end: run.excess(end) for end in ("low", "high")},
    ),
    Column(
        *("auc", ("AUC", "AUC"), lambda run: run.auc, lambda x: f"{x:.3f}"),
        floor=lambda run: varying(run.auc_floor, run.auc_spread, lambda x: f"{x:.3f}"),
        more={"_floor": lambda run: run.auc_floor, "_floor_sd": lambda run: run.auc_spread},
    ),
    Column(
        *("tau_bin", (r"$\tau$ bin", "τ bin"), lambda run: run.bin, lambda x: f"{x:.0%}"),
        floor=lambda run: varying(run.bin_floor, run.bin_spread, lambda x: f"{x:.0%}"),
        more={"_floor": lambda run: run.bin_floor, "_floor_sd": lambda run: run.bin_spread},
    ),
]
CONSERVATION = [
    Column("energy_max", (r"$|\sum E-1|$", "\\|ΣE − 1\\|"), lambda run: run.energy_violation, tiny),
    Column("momentum_max", (r"$|\sum p|$", "\\|Σp\\|"), lambda run: run.momentum_violation, tiny),
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
    return both(NOTE.format(replicates=often, judge=judge_told(data.judge())))


def comparison(data: FigureData) -> Table:
    """Return every recipe of a study beside the others: what it costs and how good it is, also inside a known cut."""
    runs = read_runs(data)
    groups = sorted(grouped(runs, Run.key), key=lambda group: _place(runs, group[0]))
    names = labels(groups)
    columns = [*COST, *QUALITY, *CONSERVATION]
    head = [both("data"), both("model"), both("kind"), *(column.head for column in columns)]
    rows, last = [], ""
    for group, name in zip(groups, names, strict=True):
        seeds = f" ×{len(group)}" if len(group) > 1 else ""
        shown = BLANK if group[0].dataset == last else both(group[0].dataset)
        rows.append([shown, both(name + seeds), both(group[0].kind), *(column.cell(group) for column in columns)])
        rows += [[BLANK, *row] for row in _vetoed(group, columns)]
        last = group[0].dataset
    return Table(numbers(runs, groups, names, columns), head, rows, note=note(data, runs))


def ablation(data: FigureData) -> Table:
    """Return one change at a time: what each does to the first recipe of its dataset."""
    runs = read_runs(data)
    groups = sorted(grouped(runs, Run.key), key=lambda group: _place(runs, group[0]))
    names = labels(groups)
    columns = [column for column in (*COST, *QUALITY) if column.name not in ("weights", "sample")]
    head = [both("change"), both("data"), *(column.head for column in columns)]
    rows = []
    for group, name in zip(groups, names, strict=True):
        seeds = f" ×{len(group)}" if len(group) > 1 else ""
        rows.append([both(name + seeds), both(group[0].dataset), *(column.cell(group) for column in columns)])
        rows += _vetoed(group, columns)
    return Table(numbers(runs, groups, names, columns), head, rows, note=note(data, runs))


def _place(runs: Sequence[Run], run: Run) -> tuple[int, int]:
    """Return where a run stands: by dataset, in the order in which these come, and then in its own."""
    datasets = list(dict.fromkeys(one.dataset for one in runs))
    return datasets.index(run.dataset), list(runs).index(run)


def _vetoed(group: Sequence[Run], columns: Sequence[Column]) -> list[list[Cell]]:
    """Return the row of the events inside a known cut, where some were outside."""
    kept = [run for run in (one.vetoed for one in group) if run is not None]
    if not kept:
        return []
    share = spread(run.outside for run in group)
    words = both(f"{significant(100 * share[0])}% outside") if share else BLANK
    cells = [column.cell(kept) if column.events else BLANK for column in columns]
    return [[both("… inside the cut"), words, *cells]]


def numbers(
    runs: Sequence[Run], groups: Sequence[Sequence[Run]], names: Sequence[str], columns: Sequence[Column]
) -> pd.DataFrame:
    """Return every number of every run, one line a run, and one more for its events inside a known cut."""
    of = {run.name: name for group, name in zip(groups, names, strict=True) for run in group}
    lines = []
    for run in runs:
        for events, one in (("all", run), ("inside the cut", run.vetoed)):
            if one is None:
                continue
            line = {"dataset": run.dataset, "model": of[run.name], "run": run.name, "kind": run.kind, "part": events}
            line["outside"] = run.outside if events == "all" else None
            for column in columns:
                line[column.name] = _number(column.value(one))
                line |= {f"{column.name}{end}": _number(value(one)) for end, value in column.more.items()}
            lines.append(line | {"decades": _number(one.decades)})
    return pd.DataFrame(lines)


def _number(value: Value) -> float:
    return math.nan if value is None else float(value)
