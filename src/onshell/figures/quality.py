"""Quality against what it costs: the figures `budgets` (training time) and `evaluations` (of the network)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from onshell.core.errors import OnshellError
from onshell.figures.compared_runs import Run, Value, read_runs, spread
from onshell.figures.data import FigureData
from onshell.figures.run_groups import grouped, inks, labels, longest, usual
from onshell.figures.series import DASHED, TRUTH, TRUTH_FILL
from onshell.figures.sheet import Sheet

FAR = 1e-3
"""The smallest AUC - 1/2 that is drawn: below it nothing is told apart."""

MARKS = "osD^vP<>"
LEGEND_COLUMNS, LEGEND_LINE = 5, 0.17
"""Entries in a line of the legend, and the height in inches of each line but the first."""


@dataclass(frozen=True)
class Measure:
    """What a panel shows: its name, its title, the value of a run, and the same of truth against truth."""

    name: str
    title: str
    value: Callable[[Run], Value]
    floor: Callable[[Run], Value]


def excess(auc: Value) -> Value:
    """Return AUC - 1/2, at least `FAR`."""
    return None if auc is None else max(auc - 0.5, FAR)


MEASURES = [
    Measure("mean_w1", "mean $W_1$ / floor", lambda run: run.mean.ratio, lambda run: run.chance("mean")),
    Measure("worst_w1", "worst $W_1$ / floor", lambda run: run.worst.ratio, lambda run: run.chance("worst")),
    Measure("tau_w1", r"$W_1$ of $\log\tau$ / floor", lambda run: run.tau.ratio, lambda run: 1.0),
    Measure("auc", r"AUC $-\,1/2$", lambda run: excess(run.auc), lambda run: run.auc_noise),
]


def budgets(data: FigureData) -> Sheet:
    """Return quality against the CPU time of the training: trainings that differ in their length alone are joined."""
    runs = usual(read_runs(data))
    return _against(runs, "training [CPU minutes]", lambda run: run.minutes, lambda run: run.key(training=False))


def evaluations(data: FigureData) -> Sheet:
    """Return quality against evaluations of the network per event: samplings that differ in their steps are joined."""
    runs = longest(read_runs(data))
    return _against(runs, "evaluations per event", lambda run: run.evaluations, lambda run: run.key(steps=False))


def _against(runs: Sequence[Run], label: str, cost: Callable[[Run], Value], curve: Callable[[Run], str]) -> Sheet:
    """Return the panels of all measures over a cost, one row a dataset, one line for the runs of a `curve`.

    Datasets of a single point are left out where others have more. Marks are open where events are fewer than others':
    their floor is higher.
    """
    known = [run for run in runs if cost(run) is not None]
    several = {name for name in {run.dataset for run in known} if len(grouped(_of(known, name), Run.key)) > 1}
    runs = [run for run in known if run.dataset in several] or known
    if not runs:
        raise OnshellError(f"runs: none tells its {label}; sample them again, or make their metrics with --thorough")
    curves = grouped(runs, curve)
    names = labels(curves)
    every = list(dict.fromkeys(names))
    looks = {
        name: (ink, MARKS[k % len(MARKS)]) for k, (name, ink) in enumerate(zip(every, inks(len(every)), strict=True))
    }
    lines = [Line2D([], [], color=ink, marker=mark, ms=4.2, label=name) for name, (ink, mark) in looks.items()]
    floor = Line2D([], [], color=TRUTH, lw=0.8, ls=DASHED, label="truth against truth")
    rows = -(-(len(lines) + 1) // LEGEND_COLUMNS)
    sheet = Sheet("study", top=0.28 + (rows - 1) * LEGEND_LINE)
    sheet.figure.legend(handles=[*lines, floor], loc="upper center", ncol=-(-(len(lines) + 1) // rows))
    sets = list(dict.fromkeys(run.dataset for run in runs))
    for dataset in sets:
        places = sheet.row(len(MEASURES), 1.3, ratio=False, title=dataset == sets[0])
        for k, ((axes, _), measure) in enumerate(zip(places, MEASURES, strict=True)):
            drawn = [(name, group) for name, group in zip(names, curves, strict=True) if group[0].dataset == dataset]
            most = max(run.events or 0 for _, group in drawn for run in group)
            for name, group in drawn:
                look = (*looks[name], (group[0].events or 0) < most)
                _line(sheet, axes, f"{dataset} {measure.name}", name, group, cost, measure, look)
            _finish(axes, [run for _, group in drawn for run in group], measure, cost)
            axes.set_title(measure.title if dataset == sets[0] else "")
            axes.set_xlabel(label if dataset == sets[-1] else "")
            axes.set_ylabel(dataset if k == 0 else "")
    return sheet


def _of(runs: Sequence[Run], dataset: str) -> list[Run]:
    """Return the runs of one dataset."""
    return [run for run in runs if run.dataset == dataset]


def _line(
    sheet: Sheet,
    axes: Axes,
    panel: str,
    name: str,
    runs: Sequence[Run],
    cost: Callable[[Run], Value],
    measure: Measure,
    look: tuple[str, str, bool],
) -> None:
    """Draw one line: at each cost the median of the seeds, with a bar from the smallest to the largest."""
    points = []
    for seeds in grouped(runs, Run.key):
        value, place = spread(map(measure.value, seeds)), spread(map(cost, seeds))
        if value and place:
            points.append((place[0], *value, len(seeds)))
    if not points:
        return
    x, y, low, high, count = (np.array(column) for column in zip(*sorted(points), strict=True))
    ink, mark, hollow = look
    bars = np.abs(np.stack([y - low, high - y]))
    marks = {"mfc": "white", "mec": ink, "mew": 0.8} if hollow else {"mec": "white", "mew": 0.3}
    lines = {"lw": 1.0, "elinewidth": 1.0, "capsize": 1.8, "capthick": 0.8}
    axes.errorbar(x, y, bars, color=ink, marker=mark, ms=4.2, **marks, **lines, zorder=3)
    sheet.record(panel, "point", name, (x, x), y, (high - low) / 2, count)


def _finish(axes: Axes, runs: Sequence[Run], measure: Measure, cost: Callable[[Run], Value]) -> None:
    """Set both axes to logarithms that hold all runs, and draw truth against truth."""
    logarithmic(axes.xaxis, [cost(run) for run in runs], 1.3)
    low = spread(map(measure.floor, runs))
    logarithmic(axes.yaxis, [*map(measure.value, runs), low and low[0]], 1.4)
    if low:
        axes.axhline(low[0], color=TRUTH, lw=0.8, ls=DASHED, zorder=1)
        axes.axhspan(axes.get_ylim()[0], low[0], color=TRUTH_FILL, lw=0, alpha=0.5, zorder=0)


def logarithmic(axis: Axis, values: Iterable[Value], room: float) -> None:
    """Make an axis a logarithm that holds the values with some room, with plain numbers at its ticks."""
    known = [value for value in values if value]
    axes, name = axis.axes, axis.axis_name
    if not known:
        return
    low, high = min(known) / room, max(known) * room
    getattr(axes, f"set_{name}scale")("log")
    getattr(axes, f"set_{name}lim")(low, high)
    steps = (1.0,) if high / low > 300 else (1.0, 3.0) if high / low > 12 else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1e4 else f"$10^{{{np.log10(x):.0f}}}$"))
    axis.set_minor_formatter(NullFormatter())
