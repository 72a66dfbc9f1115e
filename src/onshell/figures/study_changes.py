"""Quality of the runs of a study: against training time, evaluations of the network, and change by change."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from onshell.core.errors import OnshellError
from onshell.figures.canvas import BOTTOM, RIGHT, ROW_GAP, TITLE, WIDTH, Canvas, Numbers
from onshell.figures.data import FigureData
from onshell.figures.series import DASHED, MODEL_COLOURS, TRUTH, TRUTH_FILL, Array
from onshell.figures.study_groups import group_colours, grouped, labels, longest, usual
from onshell.figures.study_runs import Run, Value, read_runs, spread

FAR = 1e-3
"""The smallest AUC - 1/2 that is drawn: below it nothing is distinguished."""

MARKS = "osD^vP<>"
LEGEND_COLUMNS, LEGEND_LINE = 5, 0.17
"""Entries in a line of the legend, and the height in inches of each line but the first."""

NAMES, GAP, LINE = 1.55, 0.26, 0.2
"""Inches: room for the names of the changes, between panels, and from one change to the next."""


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


def _chance(which: str) -> Callable[[Run], Value]:
    """Return the mean of worst or mean of truth against truth, over the floor; 1 where it is not known."""
    return lambda run: run.number("all", which, "floor_mean") or 1.0


MEASURES = [
    Measure("mean_w1", "mean $W_1$ / floor", lambda run: run.mean.ratio, _chance("mean")),
    Measure("worst_w1", "worst $W_1$ / floor", lambda run: run.worst.ratio, _chance("worst")),
    Measure("tau_w1", r"$W_1$ of $\log\tau$ / floor", lambda run: run.tau.ratio, lambda run: 1.0),
    Measure("auc", r"AUC $-\,1/2$", lambda run: excess(run.auc), lambda run: run.auc_noise),
]


def budgets(data: FigureData) -> Canvas:
    """Return quality against the CPU time of the training: trainings that differ in their length alone are joined."""
    runs = usual(read_runs(data))
    return _against(runs, Cost("training [CPU minutes]", lambda run: run.minutes), lambda run: run.key(training=False))


def evaluations(data: FigureData) -> Canvas:
    """Return quality against evaluations of the network per event: samplings that differ in their steps are joined."""
    runs = longest(read_runs(data))
    return _against(runs, Cost("evaluations per event", lambda run: run.evaluations), lambda run: run.key(steps=False))


@dataclass(frozen=True)
class Cost:
    """What a run costs, and the label of its axis."""

    label: str
    value: Callable[[Run], Value]


def _against(runs: Sequence[Run], cost: Cost, curve: Callable[[Run], str]) -> Canvas:
    """Return the panels of all measures over a cost, one row a dataset, one line for the runs of a `curve`.

    Datasets of a single point are left out where others have more. Marks are open where events are fewer than others':
    their floor is higher.
    """
    known = [run for run in runs if cost.value(run) is not None]
    several = {group[0].dataset for group in grouped(known, lambda run: "") if len(grouped(group, Run.key)) > 1}
    runs = [run for run in known if run.dataset in several] or known
    if not runs:
        raise OnshellError(f"runs: none has {cost.label}; sample them again, or make their metrics with --extended")
    curves = grouped(runs, curve)
    names = labels(curves)
    every = list(dict.fromkeys(names))
    styles = dict(zip(every, zip(group_colours(len(every)), cycle(MARKS), strict=False), strict=True))
    lines = [Line2D([], [], color=colour, marker=mark, ms=4.2, label=name) for name, (colour, mark) in styles.items()]
    floor = Line2D([], [], color=TRUTH, lw=0.8, ls=DASHED, label="truth against truth")
    rows = -(-(len(lines) + 1) // LEGEND_COLUMNS)
    canvas = Canvas(top=0.28 + (rows - 1) * LEGEND_LINE)
    canvas.figure.legend(handles=[*lines, floor], loc="upper center", ncol=-(-(len(lines) + 1) // rows))
    sets = list(dict.fromkeys(run.dataset for run in runs))
    for dataset in sets:
        drawn = [(name, group) for name, group in zip(names, curves, strict=True) if group[0].dataset == dataset]
        most = max(run.events or 0 for _, group in drawn for run in group)
        places = canvas.row(len(MEASURES), 1.3, ratio=False, title=dataset == sets[0])
        for k, ((axes, _), measure) in enumerate(zip(places, MEASURES, strict=True)):
            for name, group in drawn:
                hollow = (group[0].events or 0) < most
                points = _points(group, cost, measure)
                if points is not None:
                    _line(axes, points, *styles[name], hollow=hollow)
                    x, y, low, high, count = points
                    numbers = Numbers((x, x), y, (high - low) / 2, count)
                    canvas.record(f"{dataset} {measure.name}", "point", name, numbers)
            _decorate(axes, [run for _, group in drawn for run in group], measure, cost)
            axes.set_title(measure.title if dataset == sets[0] else "")
            axes.set_xlabel(cost.label if dataset == sets[-1] else "")
            axes.set_ylabel(dataset if k == 0 else "")
    return canvas


def _points(runs: Sequence[Run], cost: Cost, measure: Measure) -> list[Array] | None:
    """Return the points of a line: costs, and of the seeds there the median, least and largest, and their number."""
    points = []
    for seeds in grouped(runs, Run.key):
        value, place = spread(map(measure.value, seeds)), spread(map(cost.value, seeds))
        if value and place:
            points.append((place[0], *value, len(seeds)))
    return [np.array(column) for column in zip(*sorted(points), strict=True)] if points else None


def _line(axes: Axes, points: Sequence[Array], colour: str, mark: str, *, hollow: bool) -> None:
    """Draw one line: at each cost the median of the seeds, with a bar from the smallest to the largest."""
    x, y, low, high, _ = points
    bars = np.abs(np.stack([y - low, high - y]))
    marks = {"mfc": "white", "mec": colour, "mew": 0.8} if hollow else {"mec": "white", "mew": 0.3}
    lines = {"lw": 1.0, "elinewidth": 1.0, "capsize": 1.8, "capthick": 0.8}
    axes.errorbar(x, y, bars, color=colour, marker=mark, ms=4.2, **marks, **lines, zorder=3)


def _decorate(axes: Axes, runs: Sequence[Run], measure: Measure, cost: Cost) -> None:
    """Set both axes to logarithms that hold all runs, and draw truth against truth."""
    logarithmic(axes.xaxis, [cost.value(run) for run in runs], 1.3)
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


def changes(data: FigureData) -> Canvas:
    """Return the quality of every recipe, one panel a measure and one block a dataset: lines are the first recipe's."""
    runs = read_runs(data)
    canvas = Canvas(top=0.06)
    for dataset in dict.fromkeys(run.dataset for run in runs):
        groups = grouped([run for run in runs if run.dataset == dataset], Run.key)
        names = labels(groups)
        width = (WIDTH - NAMES - (len(MEASURES) - 1) * GAP - RIGHT) / len(MEASURES)
        height = LINE * (len(groups) + 0.4)
        bottom = canvas.bottom + TITLE + height
        for k, measure in enumerate(MEASURES):
            axes = canvas.axes(NAMES + k * (width + GAP), bottom, width, height)
            for y, (name, group) in enumerate(zip(names, groups, strict=True)):
                found = _dots(axes, group, measure, y)
                if found:
                    canvas.record(f"{dataset} {measure.name}", "point", name, found)
            _reference(axes, groups, measure)
            axes.set_title(measure.title)
            axes.set_ylim(len(groups) - 0.3, -0.7)
            axes.set_yticks(range(len(groups)), names if k == 0 else [""] * len(groups))
            axes.tick_params(axis="y", which="both", left=False, right=False)
            axes.minorticks_on()
            axes.tick_params(axis="y", which="minor", left=False, right=False)
        # The name of the dataset stands above those of the changes.
        left = canvas.boxes[-len(MEASURES)][0]
        left.text(-NAMES / width + 0.05, 1.04, dataset, transform=left.transAxes, weight="bold", va="bottom")
        canvas.bottom = bottom + BOTTOM + ROW_GAP
    return canvas


def _dots(axes: Axes, runs: Sequence[Run], measure: Measure, place: int) -> Numbers | None:
    """Draw the seeds of a recipe, and their median larger; return what is drawn."""
    values = [value for run in runs if (value := measure.value(run)) is not None]
    found = spread(values)
    if found is None:
        return None
    middle, low, high = found
    colour = TRUTH if place == 0 else MODEL_COLOURS[0]
    axes.plot([low, high], [place, place], color=colour, lw=0.8, zorder=2)
    if len(values) > 1:
        axes.plot(values, [place] * len(values), "|", color=colour, ms=5, mew=0.8, zorder=2)
    axes.plot(middle, place, "o", color=colour, ms=4, mec="white", mew=0.4, zorder=3)
    return Numbers(([middle], [middle]), [middle], [(high - low) / 2], [len(values)])


def _reference(axes: Axes, groups: Sequence[Sequence[Run]], measure: Measure) -> None:
    """Draw the line of the first recipe and the band of truth against truth, on a logarithmic axis that holds all."""
    every = [run for group in groups for run in group]
    low = spread(map(measure.floor, every))
    logarithmic(axes.xaxis, [*map(measure.value, every), low and low[0]], 1.5)
    if low:
        axes.axvspan(axes.get_xlim()[0], low[0], color=TRUTH_FILL, lw=0, alpha=0.5, zorder=0)
        axes.axvline(low[0], color=TRUTH, lw=0.8, ls=DASHED, zorder=1)
    first = spread(map(measure.value, groups[0]))
    if first:
        axes.axvline(first[0], color=TRUTH, lw=0.5, zorder=1)
    for y in np.arange(1, len(groups)):
        axes.axhline(y - 0.5, color=TRUTH_FILL, lw=0.5, zorder=0)
