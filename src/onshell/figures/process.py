"""Any process, a user-defined one above all, and any event table: what `process` and `onshell show --plot` draw."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from matplotlib.ticker import LogLocator
from torch import Tensor

from onshell.config import RUN_NAME
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.observables import E_CM, OBSERVABLES, of_pairs, of_places
from onshell.evaluation.weights import Weights, weights_of
from onshell.events.checks import TOLERANCE
from onshell.events.table import Events
from onshell.figures.canvas import Canvas, styled
from onshell.figures.dalitz import DALITZ, bins, dalitz_row, plane
from onshell.figures.data import FigureData
from onshell.figures.laws import RADIAL, decades
from onshell.figures.maps import maps
from onshell.figures.panels import Panel, draw_row, legend
from onshell.figures.samples import Sample, linear_panels, log_panel, suitable_bins
from onshell.figures.series import Series, colours
from onshell.physics import masses, rambo
from onshell.physics.kinematics import norm, violation

PLACES = 4
"""Up to so many particles each has panels of its own, where their order has a meaning."""

PLANES = 3
"""Models whose Dalitz planes fit side by side."""

HEIGHT = 1.3
MOST = 200_000
"""Events of a table that are drawn, the first ones: more change no picture."""

FORMATS = (".png", ".pdf", ".svg")
"""Suffixes of pictures."""


def samples(data: FigureData) -> list[Sample]:
    """Return truth and the models of one dataset, ready to be drawn."""
    dataset = data.shared_dataset(data.roles)
    found = [Sample("truth", data.truth(dataset), "truth", weights=data.truth_weights(dataset))]
    for role, label, colour in zip(data.roles, labels(data), colours(len(data.roles)), strict=True):
        found.append(Sample(label, data.sample(role), "model", colour, data.sample_weights(role)))
    return found


def labels(data: FigureData) -> list[str]:
    """Return what distinguishes the models: their kind, and their variant where that is not enough."""
    kinds = [data.model(role) for role in data.roles]
    found = []
    for role, kind in zip(data.roles, kinds, strict=True):
        match = RUN_NAME.match(data.run(role))
        variant = match and match["variant"]
        found.append(f"{kind}, {variant}" if kinds.count(kind) > 1 and variant else kind)
    return found


def process(data: FigureData) -> Canvas:
    """Return truth and all models of one process: energies, angles, pair masses, tau and, if N = 3, Dalitz planes."""
    drawn = samples(data)
    return beside(drawn, ordered=bool(data.metadata("events", data.dataset).get("ordered", drawn[0].p.shape[1] <= 3)))


def beside(drawn: Sequence[Sample], *, ordered: bool) -> Canvas:
    """Return samples of one process beside the first of them; `ordered`: particle by particle."""
    canvas = Canvas()
    n, count = drawn[0].p.shape[1], suitable_bins(drawn)
    per_decade = 4 if count < 20 else 8
    legend(canvas, [one.series("log10_tau") for one in drawn])
    each = ordered and n <= PLACES
    if each:
        for kind in ("E", "cos_theta", "phi"):
            draw_row(canvas, linear_panels(drawn, of_places(kind, n), count), 1.15)
    else:
        draw_row(canvas, [log_panel(drawn, name, per_decade) for name in ("log10_E", "log10_E_min")], 1.35)
        draw_row(canvas, linear_panels(drawn, ["E_max", "cos_theta", "phi"], count), 1.15)
    pairs = of_pairs(n) if each and n == 3 else ["log10_s"]
    draw_row(canvas, [log_panel(drawn, name, per_decade) for name in pairs], 1.35)
    draw_row(canvas, [log_panel(drawn, "log10_tau", per_decade)], 1.6)
    if n == 3 and not drawn[0].massive:
        shown = [plane(one.label, one.p, model=one.role == "model", weights=one.weights) for one in drawn[: PLANES + 1]]
        dalitz_row(canvas, shown, log=True)
    return canvas


def overview(events: Events, label: str) -> Canvas:
    """Return the picture of a table.

    Events: energies, angles, pair masses and tau beside uniform phase space, for N = 3 the Dalitz plane too, and how
    far off the shell they are if they are. Points of q-space: |q| and directions beside p_ref (6), b, x and tau. States
    at several times: |q|, or energies, and tau at each. `label` names the events in the legend.
    """
    events = first(events, MOST)
    canvas, weights = Canvas(), weights_of(events)
    if "time" in events.columns:
        _states(canvas, events)
    elif events.space == "q":
        _points(canvas, events, label, weights)
    else:
        _events(canvas, events, label, weights)
    return canvas


def first(events: Events, most: int) -> Events:
    """Return the first events of a table; of states at several times, of each time as many."""
    if len(events) <= most:
        return events
    rows = np.arange(most)
    if "time" in events.columns:
        times = np.unique(events.columns["time"])
        rows = np.concatenate([np.flatnonzero(events.columns["time"] == t)[: most // len(times)] for t in times])
    columns = {name: values[rows] for name, values in events.columns.items()}
    return Events(events.momenta[torch.from_numpy(rows)], columns, events.metadata, events.space)


def _row(canvas: Canvas, panels: Sequence[Panel]) -> None:
    """Draw panels side by side without ratios."""
    for (axes, _), panel in zip(draw_row(canvas, panels, HEIGHT, ratio_height=None), panels, strict=True):
        if panel.log_x:
            axes.yaxis.set_major_locator(LogLocator(numticks=6))


def _reference(p: Tensor) -> Tensor:
    """Return draws of p_ref [m, N, 3] to stand beside events or points [n, N, 3]."""
    n = p.shape[1]
    return rambo.sample_prior(min(max(len(p), 10_000), 50_000), n, stream(0, "overview", n))


def _uniform(p: Tensor) -> Sample:
    """Return uniform phase space beside events [n, N, 3], or [n, N, 4]: of their masses, in turn."""
    flat, weights = rambo.to_p(_reference(p)), None
    if p.shape[-1] == 4:
        flat = masses.to_massive(flat, p[torch.arange(len(flat)) % len(p), :, 3])
        weights = masses.log_volume_ratio(flat).exp().numpy()
    return Sample("uniform phase space", flat, "uniform", weights=weights)


def _events(canvas: Canvas, events: Events, label: str, weights: Weights) -> None:
    """Draw events of phase space beside uniform phase space; those of other units or frames as the map takes them."""
    p, n = events.momenta, events.n_particles
    excess, total = violation(p)
    off = max(float(excess.abs().max()), float(norm(total).max())) > TOLERANCE
    if off and events.metadata.get("conserves", True):
        p, label = masses.project(p), f"{label}, projected"
        if not torch.isfinite(p).all():
            raise OnshellError(f"{label}: some events have no mass, so none on the shell is near them; leave them out")
    mine = Sample(label, p, colour=colours(1)[0], weights=weights)
    both = [mine, _uniform(p)]
    count = int(np.clip(0.4 * len(p) ** 0.5, 10, 50))

    def decade(name: str) -> Panel:
        return log_panel(both, name, 8 if count > 20 else 4, range_of=[mine.series(name)])

    legend(canvas, [one.series("log10_tau") for one in both])
    if bool(events.metadata.get("ordered", n <= 3)) and n <= PLACES:
        _row(canvas, linear_panels(both, of_places("E", n), count))
    else:
        _row(canvas, [decade("log10_E"), decade("log10_E_min"), *linear_panels(both, ["E_max"], count)])
    _row(canvas, linear_panels(both, ["cos_theta", "phi"], count))
    _row(canvas, [decade("log10_s"), decade("log10_tau")])
    if off:
        panels = []
        for name, values in (("|sum E - 1|", excess.abs()), ("|sum p|", norm(total))):
            series = [Series(label, values.clamp_min(1e-18).log10().numpy(), colour=mine.colour)]
            edges = decades([series[0].values], 4, share=1e-3)
            axis = f"${name.replace('sum', chr(92) + 'sum')}$ [{E_CM}]"
            panels.append(Panel(name, series, edges, axis, log_x=True, log_y=True))
        _row(canvas, panels)
    if n == 3 and not mine.massive:
        shown = [plane(one.label, one.p, weights=one.weights) for one in both]
        maps(canvas, shown, DALITZ, bins=bins(shown, 60.0, share=0.5), log=True)


def _points(canvas: Canvas, events: Events, label: str, weights: Weights) -> None:
    """Draw points of q-space beside p_ref, the fibre (b, x) above their events, and tau of these."""
    mine = Sample(label, events.momenta, colour=colours(1)[0], weights=weights)
    both = [mine, Sample(r"$p_{\mathrm{ref}}$", _reference(events.momenta), "uniform")]
    radial, *fibre = (log_panel(both, f"log10_{name}") for name in ("|q|", "|b|", "x"))
    legend(canvas, radial.series)
    angles = [replace(panel, label=f"{panel.label} of $q$") for panel in linear_panels(both, ["cos_theta", "phi"])]
    _row(canvas, [radial, *angles])
    # Of points the range is that of the events alone: they are of any scale.
    _row(canvas, [*fibre, log_panel(both, replace(OBSERVABLES["log10_tau_below"], high=None))])


def _states(canvas: Canvas, events: Events) -> None:
    """Draw states at several times: |q| (or the energy) of all particles, and tau of the events that they stand for."""
    times, in_q = np.unique(events.columns["time"])[::-1], events.space == "q"
    drawn = []
    for time, colour in zip(times, colours(len(times)), strict=True):
        rows = torch.from_numpy(np.flatnonzero(events.columns["time"] == time))
        drawn.append(Sample(f"time {time:g}", events.momenta[rows], colour=colour))
    length = replace(OBSERVABLES["log10_|q|" if in_q else "log10_E"], name="log10_|q|", high=None)
    tau = replace(OBSERVABLES["log10_tau_below" if in_q else "log10_tau"], high=None)
    radial = replace(log_panel(drawn, length), law=RADIAL if in_q else None)
    legend(canvas, radial.series, [RADIAL] if in_q else [])
    _row(canvas, [radial, log_panel(drawn, tau)])


def draw_overview(events: Events, out: Path, label: str) -> None:
    """Write the picture of a table to `out`, in the format that its suffix names: one of `FORMATS`.

    Raises
    ------
    OnshellError
        For another suffix, and a table without events.
    """
    if out.suffix.lower() not in FORMATS:
        raise OnshellError(f"{out}: cannot draw a {out.suffix or 'file without suffix'}; use {', '.join(FORMATS)}")
    with styled():
        overview(events, label).save(out)


def draw_overlay(ours: tuple[str, Events], theirs: tuple[str, Events], out: Path) -> None:
    """Write the picture of two samples, each with its name, and of their ratio to `theirs`; formats as above."""
    if out.suffix.lower() not in FORMATS:
        raise OnshellError(f"{out}: cannot draw a {out.suffix or 'file without suffix'}; use {', '.join(FORMATS)}")
    (name, a), (other, b) = ((label, first(events, MOST)) for label, events in (ours, theirs))
    ordered = all(bool(events.metadata.get("ordered", events.n_particles <= 3)) for events in (a, b))
    drawn = [
        Sample(other, b.momenta, "truth", weights=weights_of(b)),
        Sample(name, a.momenta, "model", colours(1)[0], weights_of(a)),
    ]
    with styled():
        beside(drawn, ordered=ordered).save(out)
