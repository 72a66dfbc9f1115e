"""Events of studies against truth: the figures `tails` (tau over all its decades) and `spectra` (energies)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from onshell.figures.compared_runs import Run
from onshell.figures.data import FigureData
from onshell.figures.labels import E_CM
from onshell.figures.logs import ENERGY, LOG_HALF, TAU, decades, lengths, taus
from onshell.figures.panels import histogram, legend, span
from onshell.figures.rows import TITLED, Panel, row
from onshell.figures.run_groups import grouped, inks, labels, longest
from onshell.figures.series import Array, Series
from onshell.figures.sheet import Sheet
from onshell.physics.kinematics import energies
from onshell.physics.observables import LOG_FLOOR
from onshell.physics.process import labelled

ACROSS = 3
"""Panels side by side."""

Observe = Callable[[Tensor], Array]


@dataclass(frozen=True)
class Events:
    """Truth of a dataset, and the events of one run of each recipe, with their labels and colours."""

    dataset: str
    truth: Tensor
    models: Sequence[tuple[str, str, Tensor]]

    def series(self, observe: Observe) -> list[Series]:
        """Return the entries of an observable, truth first."""
        found = [Series("truth", observe(self.truth), "truth")]
        return found + [Series(label, observe(p), "model", ink) for label, ink, p in self.models]


def gathered(data: FigureData) -> list[Events]:
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
    look = dict(zip(every, inks(len(every)), strict=True))
    found = []
    for dataset in dict.fromkeys(run.dataset for run in runs):
        ours = [(name, group[0]) for name, group in zip(names, groups, strict=True) if group[0].dataset == dataset]
        models = [(name, look[name], data.sample(run.role)) for name, run in ours]
        found.append(Events(dataset, data.truth(dataset), models))
    return found


def _legend(sheet: Sheet, sets: Sequence[Events]) -> None:
    """Draw the legend of all datasets."""
    looks = {label: (label, np.zeros(1), "model", ink) for one in sets for label, ink, _ in one.models}
    legend(sheet, [Series("truth", np.zeros(1), "truth"), *(Series(*look) for look in looks.values())])


def tails(data: FigureData) -> Sheet:
    """Return tau over all decades that truth reaches, with the ratio to it: one panel a dataset."""
    sheet = Sheet("tails", top=TITLED)
    sets = gathered(data)
    _legend(sheet, sets)
    panels = []
    for one in sets:
        n = one.truth.shape[1]
        series = one.series(taus)
        # tau of N particles is at most that of the most even event, 1/(N (N - 1)).
        top = -math.log10(n * (n - 1))
        low = min(decades([s.values], share=1e-3 if s.role == "model" else 1e-5, high=top)[0] for s in series)
        edges = np.linspace(low, top, round(4 * (top - low)) + 1)
        panels.append(Panel(one.dataset, series, edges, TAU, title=one.dataset, log_y=True))
    for start in range(0, len(panels), ACROSS):
        row(sheet, panels[start : start + ACROSS], 1.7, ratio_height=0.7)
    return sheet


def spectra(data: FigureData) -> Sheet:
    """Return energies, with the ratio to truth: of each particle if they have labels, else of all, largest, least."""
    sheet = Sheet("spectra", top=TITLED)
    sets = gathered(data)
    _legend(sheet, sets)
    for one in sets:
        named = labelled(data.process(one.dataset))
        _row(sheet, one.dataset, _labelled(one) if named else _alike(one), log_y=not named)
    return sheet


@dataclass(frozen=True)
class Shown:
    """A panel of energies: its name, samples and bins, its label, and whether these are of log10 E."""

    name: str
    series: Sequence[Series]
    edges: Array
    label: str
    log: bool = False


def _row(sheet: Sheet, title: str, panels: Sequence[Shown], *, log_y: bool) -> None:
    """Draw panels side by side, ratios on one scale."""
    common = span([(panel.series, panel.edges) for panel in panels])
    for i, (axes, panel) in enumerate(zip(sheet.row(len(panels), 1.25, title=True), panels, strict=True)):
        histogram(
            *(sheet, axes, f"{title} {panel.name}", panel.series, panel.edges),
            label=panel.label,
            log_x=panel.log,
            log_y=log_y,
            first=i == 0,
            ratio_span=common,
        )
        axes[0].set_title(title if i == 0 else "")


def _labelled(one: Events) -> list[Shown]:
    """Return the energy of each particle."""
    edges = np.linspace(0.0, 0.5, 41)
    which = range(one.truth.shape[1])
    return [Shown(f"E_{i + 1}", one.series(_of(i)), edges, f"$E_{i + 1}$ [{E_CM}]") for i in which]


def _alike(one: Events) -> list[Shown]:
    """Return the energies of all particles, and of the one with the most and with the least."""
    n = one.truth.shape[1]
    most, least = (rf"$E_{{\mathrm{{{name}}}}}$ [{E_CM}]" for name in ("max", "min"))
    series = {"E": one.series(lengths), "E_max": one.series(_largest), "E_min": one.series(_smallest)}
    values = {name: [s.values for s in found] for name, found in series.items()}
    low = min(float(np.quantile(found, 1e-4)) for found in values["E_max"])
    return [
        Shown("E", series["E"], decades(values["E"], 8, share=1e-3, high=LOG_HALF), ENERGY, log=True),
        Shown("E_max", series["E_max"], np.linspace(math.floor(20 * low) / 20, 0.5, 31), most),
        Shown("E_min", series["E_min"], decades(values["E_min"], 8, share=1e-3, high=-math.log10(n)), least, log=True),
    ]


def _of(i: int) -> Observe:
    """Return the function that takes the energy of particle i from events."""
    return lambda p: energies(p)[:, i].double().numpy()


def _largest(p: Tensor) -> Array:
    """Return the largest energy [n] of events."""
    return energies(p).amax(-1).double().numpy()


def _smallest(p: Tensor) -> Array:
    """Return log10 of the smallest energy [n] of events."""
    return np.log10(energies(p).amin(-1).double().numpy().clip(LOG_FLOOR))
