"""Diffusion and its reverse in q-space and in phase space: fig19 to fig22."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.colors import to_hex
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.observables import LOG_TAU_MAX, OBSERVABLES, Observable, observable
from onshell.events.augment import embed_chunks, frames
from onshell.events.table import Events
from onshell.figures.canvas import Canvas
from onshell.figures.data import FigureData
from onshell.figures.laws import RADIAL, decades, thrust_law, uniform_law
from onshell.figures.panels import TITLED, Panel, draw_row, legend
from onshell.figures.samples import Sample
from onshell.figures.series import DASH_DOTTED, Series, colours
from onshell.physics import rambo

CLOSE = 5e-3
"""How far a snapshot may be from the normalised time that is asked for: one step of a short process."""

COLOURS = "viridis"
TAU, ENERGY, LENGTH = observable("log10_tau"), observable("log10_E"), OBSERVABLES["log10_|q|"]
TAU_BELOW = OBSERVABLES["log10_tau_below"]


def at(data: FigureData, role: str, time: float) -> Tensor:
    """Return the state [n, N, 3] of a model's reverse process at a normalised time."""
    states = data.trajectory(role)
    nearest = min(states, key=lambda t: abs(t - time))
    if abs(nearest - time) > CLOSE:
        there = ", ".join(f"{t:g}" for t in states)
        path = data.path("trajectories", data.run(role))
        raise OnshellError(f"{path}: no snapshot at time {time:g} (there: {there}); sample it again with that time")
    return states[nearest]


def process_names(data: FigureData, kind: str, names: Sequence[str]) -> list[str]:
    """Return what distinguishes processes, such as "T = 1000, single"; their own names where nothing does."""
    found = [_describe(data.metadata(kind, name)) or name for name in names]
    return found if len(set(found)) == len(found) else list(names)


def _describe(metadata: Mapping[str, Any]) -> str:
    """Return the number of steps of a table's process and the augmentation of its training set, as far as known."""
    spec = metadata.get("spec") or {}
    schedule = spec.get("schedule") or metadata.get("schedule") or {}
    augmentation = (metadata.get("augmentation") or {}).get("name") or spec.get("augmentation")
    steps = schedule.get("steps", 0) + (schedule.get("geometric") or {}).get("steps", 0)
    return ", ".join(filter(None, (f"$T = {steps}$" if steps else "", augmentation)))


def ends(states: Mapping[float, Tensor]) -> list[Sample]:
    """Return the start of a forward process, filled, and its end."""
    return [Sample("start", states[min(states)], "truth"), Sample("end", states[max(states)], "line")]


def end_panels(samples: Mapping[str, Sequence[Sample]], of: Observable, high: float | None = None) -> list[Panel]:
    """Return a panel for each forward process, on common bins; ratios are to a law alone."""
    series = {name: [one.series(of) for one in both] for name, both in samples.items()}
    edges = decades([s.values for both in series.values() for s in both], 8, high=high)
    return [
        Panel(name, [replace(s, ratio=False) if s.role == "truth" else s for s in both], edges, of.axis, log_x=True)
        for name, both in series.items()
    ]


def fig19(data: FigureData) -> Canvas:
    """Return |q| and tau at the start and at the end of forward processes against uniform phase space."""
    canvas, flat = Canvas(top=TITLED), uniform_law()
    names = data.names("forward")
    samples = {name: ends(data.forward(name)) for name in names}
    radial = end_panels(samples, LENGTH)
    tau = end_panels(samples, TAU_BELOW, LOG_TAU_MAX)
    legend(canvas, radial[0].series, [RADIAL, flat])
    titles = process_names(data, "forward", names)
    radial = [replace(p, name=f"q {p.name}", law=RADIAL, title=t) for p, t in zip(radial, titles, strict=True)]
    draw_row(canvas, radial, 1.35, one_height=True)
    tau = [replace(p, name=f"tau {p.name}", law=flat, log_y=True) for p in tau]
    draw_row(canvas, tau, 1.35, one_height=True)
    return canvas


def embedded(data: FigureData, roles: Sequence[str], dataset: str) -> Tensor:
    """Return truth [n, N, 3] in q-space, embedded as the training set of the models in `roles` was."""
    found = [data.metadata("trajectories", data.run(role)).get("augmentation") for role in roles]
    path = data.path("trajectories", data.run(roles[0]))
    if not found[0]:
        raise OnshellError(f"{path}: no augmentation in its metadata; sample it again with its model")
    if any(each != found[0] for each in found):
        raise OnshellError(f"runs: {', '.join(map(data.run, roles))} differ in augmentation; name runs that share one")
    p = data.truth(dataset)
    known = {"process": data.process(dataset), "n_particles": p.shape[1], "seed": found[0]["seed"]}
    chosen = frames(found[0]["spec"], name=found[0]["name"], **known)
    return torch.cat([q for q, _ in embed_chunks([Events(p)], chosen, chosen.copies * len(p))])


def fig20(data: FigureData) -> Canvas:
    """Return |q| half-way and at the end of the reverse process, and tau at the end: Q3 against S1."""
    canvas = Canvas(top=TITLED)
    roles = ["Q3", "S1"]
    dataset = data.shared_dataset(roles)
    names = process_names(data, "trajectories", [data.run(role) for role in roles])
    p, q = data.truth(dataset), embedded(data, roles, dataset)

    def models(time: float, of: Observable) -> list[Series]:
        styles = zip(names, roles, colours(len(names)), strict=True)
        return [Sample(name, at(data, role, time), "model", colour).series(of) for name, role, colour in styles]

    middle = models(0.5, LENGTH)
    last = [Series("truth", LENGTH(q), "truth"), *models(0.0, LENGTH)]
    tau = [Series("truth", TAU(p), "truth"), *models(0.0, TAU_BELOW)]
    edges = decades([s.values for s in (*middle, *last)], 8)
    tau_edges = decades([s.values for s in tau], 8, high=LOG_TAU_MAX)
    edge = data.cutoff("events", dataset) / 2
    law = thrust_law(edge, edge, dash=DASH_DOTTED)
    legend(canvas, last, [RADIAL, law])
    panels = [
        Panel("q half-way", middle, edges, LENGTH.axis, RADIAL, title="$t = 0.5$", log_x=True),
        Panel("q end", last, edges, LENGTH.axis, guides=[RADIAL], title="$t = 0$", log_x=True),
        Panel("tau end", tau, tau_edges, TAU.axis, guides=[law], title="$t = 0$", log_x=True, log_y=True),
    ]
    draw_row(canvas, panels, 1.9)
    return canvas


def fig21(data: FigureData) -> Canvas:
    """Return snapshots of the reverse process of S2: |q| in q-space, E and tau in phase space."""
    canvas = Canvas()
    states = data.trajectory("S2")
    truth = data.truth(data.dataset_of("S2"))
    uniform = data.uniform_like(truth)
    times = sorted(states, reverse=True)
    shades = [to_hex(colour) for colour in mpl.colormaps[COLOURS](np.linspace(0.9, 0.0, len(times)))]
    mapped = {time: rambo.to_p(q) for time, q in states.items()}

    def shown(of_time: Mapping[float, Tensor], of: Observable) -> list[Series]:
        styles = zip(times, shades, strict=True)
        return [Series(f"$t = {t:g}$", of(of_time[t]), "line", c, ratio=t == times[-1]) for t, c in styles]

    def physical(of: Observable, high: float) -> Panel:
        series = [Series("truth", of(truth), "truth"), *shown(mapped, of), Series("uniform", of(uniform), "uniform")]
        edges = decades([s.values for s in series], 8, high=high)
        return Panel(of.panel, series, edges, of.axis, log_x=True, log_y=True)

    q = [Series("truth", LENGTH(embedded(data, ["S2"], data.dataset_of("S2"))), "truth"), *shown(states, LENGTH)]
    panels = [
        Panel("q", q, decades([s.values for s in q], 8), LENGTH.axis, guides=[RADIAL], log_x=True),
        physical(ENERGY, ENERGY.high),
        physical(TAU, LOG_TAU_MAX),
    ]
    legend(canvas, panels[1].series, [RADIAL])
    draw_row(canvas, panels, 1.9)
    return canvas


def fig22(data: FigureData) -> Canvas:
    """Return |q| at the start and at the end of the antennas' forward process against p_ref, one panel a cutoff."""
    canvas = Canvas(top=TITLED)
    panels = end_panels({name: ends(data.forward(name)) for name in data.names("forward")}, LENGTH)
    legend(canvas, panels[0].series, [RADIAL])
    panels = [replace(panel, law=RADIAL, title=data.xi("forward", panel.name)) for panel in panels]
    draw_row(canvas, panels, 1.6)
    return canvas
