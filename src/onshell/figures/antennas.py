"""tau of the ten-particle antennas: fig12 and fig13."""

import math
from dataclasses import replace
from typing import Any

from onshell.figures.data import FigureData
from onshell.figures.labels import power_of_ten
from onshell.figures.logs import NOISY_TRUTH, TAU, decades, in_log10, scaled, taus
from onshell.figures.panels import legend
from onshell.figures.rows import TITLED, Panel, row
from onshell.figures.series import DASH_DOTTED, DASHED, DOTTED, MODEL_COLOURS, Array, Law, Series, colours
from onshell.figures.sheet import Sheet
from onshell.physics import analytic

GUIDE = (-10.5, -8.5)
"""Range of ln tau in which (23) follows truth at ten particles."""


def xi(data: FigureData, dataset: str) -> str:
    """Return the cutoff of a dataset as a label."""
    return rf"$\xi = {power_of_ten(data.cutoff('events', dataset))}$"


def kinds(data: FigureData) -> dict[str, dict[str, Any]]:
    """Return how the models are drawn, by role: each in its colour, flow matching dashed, for models that coincide."""
    inks = zip(data.roles, colours(len(data.roles)), strict=True)
    return {role: {"colour": ink, "style": DASHED if "flow" in data.model(role) else "-"} for role, ink in inks}


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
    forms = {"(24)": ("paper", {"dash": DOTTED}), "(24), improved": ("improved", {})}
    return [
        Law(name, in_log10(scaled(analytic.thermal_tau_pdf, 1.0, n_particles, form)), **looks)
        for name, (form, looks) in forms.items()
    ]


def named(data: FigureData, role: str) -> str:
    """Return what the model in `role` is called: its kind, or the role itself where several are of that kind."""
    kind = data.model(role)
    return role if sum(data.model(other) == kind for other in data.roles) > 1 else kind


def _noisy(data: FigureData, role: str, colour: str) -> list[Series]:
    """Return truth with the noise of the last reverse step alone, dotted, if the model in `role` is sampled with it."""
    events = data.noisy_truth(role)
    return [] if events is None else [Series(NOISY_TRUTH, taus(events), colour=colour, style=DOTTED)]


def fig12(data: FigureData) -> Sheet:
    """Return tau of the antennas: truth, model and uniform, with (24) and (23), one panel a cutoff."""
    sheet = Sheet("fig12", top=TITLED)
    drawn: dict[str, tuple[list[Series], list[Law]]] = {}
    for role in data.roles:
        dataset = data.dataset_of(role)
        p = data.truth(dataset)
        truth = Series("truth", taus(p), "truth")
        uniform = Series("uniform", taus(data.uniform_like(p)), "uniform", ratio=False)
        laws = [*thermal(p.shape[1]), guide(truth.values, p.shape[1])]
        model = Series(data.model(role), taus(data.sample(role)))
        drawn[dataset] = [truth, model, *_noisy(data, role, MODEL_COLOURS[2]), uniform], laws
    edges = decades([s.values for series, _ in drawn.values() for s in series], 8)
    legend(sheet, *next(iter(drawn.values())))
    panels = [
        Panel(name, series, edges, TAU, None, laws, xi(data, name), log_y=True)
        for name, (series, laws) in drawn.items()
    ]
    row(sheet, panels, 2.0, one_height=True, ratio_height=0.6)
    return sheet


def fig13(data: FigureData) -> Sheet:
    """Return tau of the antennas at one cutoff: truth against diffusion and flow matching in q- and in p-space."""
    sheet = Sheet("fig13")
    dataset = data.shared_dataset(data.roles)
    drawn = [Series("truth", taus(data.truth(dataset)), "truth")]
    for role, looks in kinds(data).items():
        label, noisy = named(data, role), _noisy(data, role, looks["colour"])
        drawn += [Series(label, taus(data.sample(role)), **looks)]
        # A legend of two rows has room for a letter.
        drawn += [replace(one, label=f"{NOISY_TRUTH}, {label.removesuffix('-space diffusion')}") for one in noisy]
    edges = decades([drawn[0].values], 6, share=1e-5, least=9)
    legend(sheet, drawn)
    row(sheet, [Panel(dataset, drawn, edges, TAU, log_y=True)], 2.7, ratio_height=0.9)
    return sheet
