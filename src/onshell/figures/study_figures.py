"""Events of studies against truth: the figures `tails` (tau over all its decades) and `spectra` (energies)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from onshell.evaluation.observables import observable, of_places
from onshell.figures.canvas import Canvas
from onshell.figures.data import FigureData
from onshell.figures.laws import decades
from onshell.figures.panels import TITLED, Panel, draw_row, legend
from onshell.figures.samples import Sample, linear_panels, log_panel
from onshell.figures.study_groups import group_colours, grouped, labels, longest
from onshell.figures.study_runs import Run
from onshell.physics.process import labelled

ACROSS = 3
"""Panels side by side."""


@dataclass(frozen=True)
class Compared:
    """Truth of a dataset, and the events of one run of each recipe."""

    dataset: str
    samples: Sequence[Sample]

    @property
    def n_particles(self) -> int:
        """Return N."""
        return self.samples[0].p.shape[1]


def gathered(data: FigureData) -> list[Compared]:
    """Return the events of the entry's datasets; of the seeds and samplings of a recipe the first, trained longest."""
    about = {role: data.metadata("samples", data.run(role)) for role in data.roles}
    runs = [
        Run(role, data.run(role), {"dataset": found["dataset"], "generation": {"sampling": found["sampling"]}}, found)
        for role, found in about.items()
        if found["dataset"] in data.datasets
    ]
    groups = grouped(longest(runs), lambda run: run.recipe)
    names = labels(groups)
    every = list(dict.fromkeys(names))
    colour_of = dict(zip(every, group_colours(len(every)), strict=True))
    found = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        ours = [(name, group[0]) for name, group in zip(names, groups, strict=True) if group[0].dataset == dataset]
        models = [Sample(name, data.sample(run.role), "model", colour_of[name]) for name, run in ours]
        found.append(Compared(dataset, [Sample("truth", data.truth(dataset), "truth"), *models]))
    return found


def _legend(canvas: Canvas, sets: Sequence[Compared]) -> None:
    """Draw the legend of all datasets."""
    every = {sample.label: sample.series("log10_tau") for one in sets for sample in one.samples}
    legend(canvas, list(every.values()))


def tails(data: FigureData) -> Canvas:
    """Return tau over all decades that truth reaches, with the ratio to it: one panel a dataset."""
    canvas, sets, of = Canvas(top=TITLED), gathered(data), observable("log10_tau")
    _legend(canvas, sets)
    panels = []
    for one in sets:
        series = [sample.series(of) for sample in one.samples]
        top = of.bounds(one.n_particles)[1]
        low = min(decades([s.values], share=1e-3 if s.role == "model" else 1e-5, high=top)[0] for s in series)
        edges = np.linspace(low, top, round(4 * (top - low)) + 1)
        panels.append(Panel(one.dataset, series, edges, of.axis, title=one.dataset, log_x=True, log_y=True))
    for start in range(0, len(panels), ACROSS):
        draw_row(canvas, panels[start : start + ACROSS], 1.7, ratio_height=0.7)
    return canvas


def spectra(data: FigureData) -> Canvas:
    """Return energies, with the ratio to truth: of each particle if they have labels, else of all, largest, least."""
    canvas, sets = Canvas(top=TITLED), gathered(data)
    _legend(canvas, sets)
    for one in sets:
        named = labelled(data.process(one.dataset))
        panels = linear_panels(one.samples, of_places("E", one.n_particles)) if named else _pooled(one)
        panels = [replace(panel, name=f"{one.dataset} {panel.name}") for panel in panels]
        panels[0] = replace(panels[0], title=one.dataset)
        draw_row(canvas, panels, 1.25)
    return canvas


def _pooled(one: Compared) -> list[Panel]:
    """Return the energies of all particles, and of the one with the most and with the least."""
    most = observable("E_max")
    series = [sample.series(most) for sample in one.samples]
    low = min(float(np.quantile(s.values, 1e-4)) for s in series)
    edges = np.linspace(math.floor(20 * low) / 20, most.high, 31)
    hardest = Panel(most.panel, series, edges, most.axis, log_y=True)
    return [log_panel(one.samples, "log10_E"), hardest, log_panel(one.samples, "log10_E_min")]
