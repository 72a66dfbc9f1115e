"""One change at a time: the figure `changes` of an ablation, a row of dots for every recipe."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from onshell.figures.compared_runs import Run, read_runs, spread
from onshell.figures.data import FigureData
from onshell.figures.quality import MEASURES, Measure, logarithmic
from onshell.figures.run_groups import grouped, labels
from onshell.figures.series import DASHED, MODEL_COLOURS, TRUTH, TRUTH_FILL
from onshell.figures.sheet import BOTTOM, RIGHT, ROW_GAP, TITLE, WIDTH, Sheet

NAMES, GAP, LINE = 1.55, 0.26, 0.2
"""Inches: room for the names of the changes, between panels, and from one change to the next."""


def changes(data: FigureData) -> Sheet:
    """Return the quality of every recipe, one panel a measure and one block a dataset: lines are the first recipe's."""
    runs = read_runs(data)
    sheet = Sheet("changes", top=0.06)
    for dataset in dict.fromkeys(run.dataset for run in runs):
        groups = grouped([run for run in runs if run.dataset == dataset], Run.key)
        names = labels(groups)
        width = (WIDTH - NAMES - (len(MEASURES) - 1) * GAP - RIGHT) / len(MEASURES)
        height = LINE * (len(groups) + 0.4)
        bottom = sheet.cursor + TITLE + height
        for k, measure in enumerate(MEASURES):
            axes = sheet.axes(NAMES + k * (width + GAP), bottom, width, height)
            for y, (name, group) in enumerate(zip(names, groups, strict=True)):
                _dots(sheet, axes, f"{dataset} {measure.name}", name, group, measure, y)
            _reference(axes, groups, measure)
            axes.set_title(measure.title)
            axes.set_ylim(len(groups) - 0.3, -0.7)
            axes.set_yticks(range(len(groups)), names if k == 0 else [""] * len(groups))
            axes.tick_params(axis="y", which="both", left=False, right=False)
            axes.minorticks_on()
            axes.tick_params(axis="y", which="minor", left=False, right=False)
        # The name of the dataset stands above those of the changes.
        left = sheet.boxes[-len(MEASURES)][0]
        left.text(-NAMES / width + 0.05, 1.04, dataset, transform=left.transAxes, weight="bold", va="bottom")
        sheet.cursor = bottom + BOTTOM + ROW_GAP
    return sheet


def _dots(sheet: Sheet, axes: Axes, panel: str, name: str, runs: Sequence[Run], measure: Measure, place: int) -> None:
    """Draw the seeds of a recipe, and their median larger."""
    values = [value for run in runs if (value := measure.value(run)) is not None]
    found = spread(values)
    if found is None:
        return
    ink = TRUTH if place == 0 else MODEL_COLOURS[0]
    axes.plot([found[1], found[2]], [place, place], color=ink, lw=0.8, zorder=2)
    if len(values) > 1:
        axes.plot(values, [place] * len(values), "|", color=ink, ms=5, mew=0.8, zorder=2)
    axes.plot(found[0], place, "o", color=ink, ms=4, mec="white", mew=0.4, zorder=3)
    sheet.record(panel, "point", name, ([found[0]], [found[0]]), [found[0]], [(found[2] - found[1]) / 2], [len(values)])


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
