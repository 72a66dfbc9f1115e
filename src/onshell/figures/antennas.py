"""The ten-particle antennas: energies and q (fig11), tau (fig12, fig13), conservation (fig14)."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.observables import E_CM, observable
from onshell.figures.canvas import Canvas
from onshell.figures.data import NOISY_TRUTH, FigureData
from onshell.figures.laws import RADIAL, decades, in_log10, scaled
from onshell.figures.panels import TITLED, Panel, draw_row, handles, legend
from onshell.figures.series import (
    DASH_DOTTED,
    DASHED,
    DOTTED,
    MODEL_COLOURS,
    TRUTH_FILL,
    Array,
    Law,
    Series,
    colours,
)
from onshell.physics import analytic
from onshell.physics.kinematics import energies, violation

TAU, ENERGY = observable("log10_tau"), observable("log10_E")

GUIDE = (-10.5, -8.5)
"""Range of ln tau in which (23) follows truth at ten particles."""

LEAST = -17.0
"""log10 of the smallest violation drawn as it is; the bin of one decade below holds the rest and exact zeros."""

BINS = 4
"""Bins a decade of violations."""

E_MEDIAN = r"\tilde{E}"
COMPONENTS = {
    "energy": rf"$|\sum E - 1|\,/\,{E_MEDIAN}$",
    **{f"p{axis}": rf"$|\sum p_{axis}|\,/\,{E_MEDIAN}$" for axis in "xyz"},
}
"""The violations that are drawn, in units of the median single-particle energy, and their axis labels."""


def fig11(data: FigureData) -> Canvas:
    """Return the antennas' energies for every cutoff, and for one of them E against |q| of its training set."""
    canvas, found = Canvas(top=0.08), []
    for colour, dataset in zip(colours(len(data.datasets)), data.datasets, strict=True):
        found.append(Series(data.xi("events", dataset), ENERGY(data.truth(dataset)), "line", colour))
    name = data.names("embedded")[0]
    cutoff = data.cutoff("embedded", name)
    cutoffs = [data.cutoff("events", dataset) for dataset in data.datasets]
    if cutoff not in cutoffs:
        there = ", ".join(f"{c:g}" for c in cutoffs)
        raise OnshellError(f"embedded: {name} has xi = {cutoff:g}, the figure's `events` have {there}; add its dataset")
    pair = [
        Series("$E$", found[cutoffs.index(cutoff)].values, "truth"),
        Series("$|q|$", ENERGY(data.embedded(name)), "line", MODEL_COLOURS[1]),
    ]
    label = rf"$E$ [{E_CM}] and $|q|$, {data.xi('embedded', name)}"
    panels = [Panel("E", found, decades([s.values for s in found]), ENERGY.axis, log_x=True)]
    panels += [Panel("E and q", pair, decades([s.values for s in pair]), label, RADIAL, log_x=True)]
    for (axes, _), drawn in zip(draw_row(canvas, panels, 2.4, ratio_height=None), panels, strict=True):
        axes.legend(handles=handles(drawn.series, [drawn.law] if drawn.law else []), loc="upper left")
    return canvas


def model_styles(data: FigureData) -> dict[str, dict[str, Any]]:
    """Return how the models are drawn, by role: each in its colour, flow matching dashed, for models that coincide."""
    found = zip(data.roles, colours(len(data.roles)), strict=True)
    return {role: {"colour": colour, "style": DASHED if "flow" in data.model(role) else "-"} for role, colour in found}


def guide(log10_tau: Array, n_particles: int) -> Law:
    """Return (23) in `GUIDE` as a law of log10 tau, with the area that the truth `log10_tau` has there."""
    low, high = (end / math.log(10.0) for end in GUIDE)
    share = float(((log10_tau >= low) & (log10_tau < high)).mean())
    power = 2 * n_particles - 4
    factor = share * power / (GUIDE[0] ** power - GUIDE[1] ** power)
    pdf = in_log10(scaled(analytic.antenna_tau, factor, n_particles))
    return Law("(23), scaled", pdf, colour=MODEL_COLOURS[1], dash=DASH_DOTTED, extent=(low, high))


def thermal(n_particles: int) -> list[Law]:
    """Return (24), the large-N law of log10 tau on uniform phase space, as published and improved."""
    forms = {"(24)": ("paper", DOTTED), "(24), improved": ("improved", DASHED)}
    return [
        Law(name, in_log10(scaled(analytic.thermal_tau_pdf, 1.0, n_particles, form)), dash=dash)
        for name, (form, dash) in forms.items()
    ]


def named(data: FigureData, role: str) -> str:
    """Return what the model in `role` is called: its kind, or the role itself where several are of that kind."""
    kind = data.model(role)
    return role if sum(data.model(other) == kind for other in data.roles) > 1 else kind


def _noisy(data: FigureData, role: str, colour: str) -> list[Series]:
    """Return truth with the noise of the last reverse step alone, dotted, if the model in `role` is sampled with it."""
    events = data.noisy_truth(role)
    return [] if events is None else [Series(NOISY_TRUTH, TAU(events), colour=colour, style=DOTTED)]


def fig12(data: FigureData) -> Canvas:
    """Return tau of the antennas: truth, model and uniform, with (24) and (23), one panel a cutoff."""
    canvas, drawn = Canvas(top=TITLED), {}
    for role in data.roles:
        dataset = data.dataset_of(role)
        p = data.truth(dataset)
        truth, uniform = Series("truth", TAU(p), "truth"), Series("uniform", TAU(data.uniform_like(p)), "uniform")
        laws = [*thermal(p.shape[1]), guide(truth.values, p.shape[1])]
        model = Series(data.model(role), TAU(data.sample(role)))
        series = [truth, model, *_noisy(data, role, MODEL_COLOURS[2]), uniform]
        title = data.xi("events", dataset)
        drawn[dataset] = Panel(dataset, series, truth.values, TAU.axis, None, laws, title, log_x=True, log_y=True)
    edges = decades([s.values for panel in drawn.values() for s in panel.series], 8)
    first = next(iter(drawn.values()))
    legend(canvas, first.series, first.guides)
    draw_row(canvas, [replace(panel, edges=edges) for panel in drawn.values()], 2.0, one_height=True, ratio_height=0.6)
    return canvas


def fig13(data: FigureData) -> Canvas:
    """Return tau of the antennas at one cutoff: truth against diffusion and flow matching in q- and in p-space."""
    canvas = Canvas()
    dataset = data.shared_dataset(data.roles)
    drawn = [Series("truth", TAU(data.truth(dataset)), "truth")]
    for role, style in model_styles(data).items():
        label, noisy = named(data, role), _noisy(data, role, style["colour"])
        drawn += [Series(label, TAU(data.sample(role)), **style)]
        # A legend of two rows has room for a letter.
        drawn += [replace(one, label=f"{NOISY_TRUTH}, {label.removesuffix('-space diffusion')}") for one in noisy]
    edges = decades([drawn[0].values], 6, share=1e-5, least=9)
    legend(canvas, drawn)
    draw_row(canvas, [Panel(dataset, drawn, edges, TAU.axis, log_x=True, log_y=True)], 2.7, ratio_height=0.9)
    return canvas


def violations(p: Tensor) -> dict[str, Array]:
    """Return log10 of |sum E - 1| and |sum p_x,y,z| [n] over the sample's median energy, by name, for fig14.

    What is smaller than 10^LEAST, exact zeros too, is half a decade below that.
    """
    excess, total = violation(p)
    median = float(energies(p).flatten().median())
    found = {"energy": excess, **{f"p{axis}": total[:, i] for i, axis in enumerate("xyz")}}
    sizes = {name: value.abs().numpy() / median for name, value in found.items()}
    small = 10.0 ** (LEAST - 0.5)
    return {name: np.log10(np.where(size < 10.0**LEAST, small, size)) for name, size in sizes.items()}


def fig14(data: FigureData) -> Canvas:
    """Return the violation of energy and momentum conservation: truth, and the models of q- and of p-space."""
    canvas = Canvas()
    drawn = [("truth", violations(data.truth(data.shared_dataset(data.roles))), {"role": "truth"})]
    styles = model_styles(data).items()
    drawn += [(data.model(role), violations(data.sample(role)), style) for role, style in styles]
    top = max(float(np.ceil(values.max())) for _, sample, _ in drawn for values in sample.values())
    edges = np.append(LEAST - 1.0, np.linspace(LEAST, top, round((top - LEAST) * BINS) + 1))
    series = {name: [Series(label, s[name], **style) for label, s, style in drawn] for name in COMPONENTS}
    panels = [Panel(name, series[name], edges, label, log_x=True) for name, label in COMPONENTS.items()]
    legend(canvas, panels[0].series)
    for pair in (panels[:2], panels[2:]):
        for main, _ in draw_row(canvas, pair, 1.35, ratio_height=None):
            main.axvline(LEAST, color=TRUTH_FILL, lw=0.6, zorder=0)
            main.set_xticks([LEAST - 0.5, *main.get_xticks()], ["0", *(t.get_text() for t in main.get_xticklabels())])
    return canvas
