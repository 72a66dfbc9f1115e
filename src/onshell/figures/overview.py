"""The picture of one event table, whatever it holds: what `onshell show --plot` draws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.ticker import LogLocator
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.files import whole
from onshell.core.rng import stream
from onshell.evaluation.weights import Weights, per_value, weights_of
from onshell.events.checks import TOLERANCE
from onshell.events.table import Events
from onshell.figures.any_process import MASS, PLACES, Observe, hardest, pair, place, softest
from onshell.figures.dalitz import DALITZ, bins, plane
from onshell.figures.labels import E_CM
from onshell.figures.logs import ENERGY, LENGTH, LOG_HALF, RADIAL, TAU, decades, lengths, taus
from onshell.figures.maps import maps
from onshell.figures.panels import angle_ticks, histogram, legend
from onshell.figures.series import Array, Law, Series, colours
from onshell.figures.sheet import Sheet, styled
from onshell.physics import rambo
from onshell.physics.kinematics import energies, norm, violation
from onshell.physics.observables import cos_theta, phi

HEIGHT = 1.3
MOST = 200_000
"""Events that are drawn, the first of a table: more change no picture."""

FORMATS = (".png", ".pdf", ".svg")
"""Suffixes of pictures."""

Panel = tuple[str, Sequence[Series], Array, str, bool]
"""Name, samples, edges of the bins, axis label, and whether all of it is in log10."""


def overview(events: Events, label: str) -> Sheet:
    """Return the picture of a table.

    Events: energies, angles, pair masses and tau beside uniform phase space, for N = 3 the Dalitz plane too, and how
    far off the shell they are if they are. Points of q-space: |q| and directions beside p_ref (6), b, x and tau. States
    at several times: |q|, or energies, and tau at each. `label` names the events in the legend.
    """
    events = first(events, MOST)
    sheet, weights = Sheet("overview"), weights_of(events)
    if "time" in events.columns:
        _states(sheet, events)
    elif events.space == "q":
        _points(sheet, events, label, weights)
    else:
        _events(sheet, events, label, weights)
    return sheet


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


def _row(sheet: Sheet, panels: Sequence[Panel], laws: Sequence[Law | None] | None = None) -> None:
    """Draw panels side by side without ratios, each with the law beside it, if any."""
    places = sheet.row(len(panels), HEIGHT, ratio=False)
    for i, ((axes, _), (name, series, edges, label, log)) in enumerate(zip(places, panels, strict=True)):
        law = laws[i] if laws else None
        options = {"label": label, "law": law, "log_x": log, "log_y": log, "first": i == 0}
        histogram(sheet, (axes, None), name, series, edges, **options)
        if edges[-1] == np.pi:
            angle_ticks(axes)
        if log:
            axes.yaxis.set_major_locator(LogLocator(numticks=6))


def _events(sheet: Sheet, events: Events, label: str, weights: Weights) -> None:
    """Draw events of phase space beside uniform phase space; those of other units or frames as the map takes them."""
    p, n = events.momenta, events.n_particles
    excess, total = violation(p)
    off = max(float(excess.abs().max()), float(norm(total).max())) > TOLERANCE
    if off and events.metadata.get("conserves", True):
        p, label = rambo.to_p(p), f"{label}, projected"
        if not torch.isfinite(p).all():
            raise OnshellError(f"{label}: some events have no mass, so none on the shell is near them; leave them out")
    even = rambo.to_p(rambo.sample_prior(min(max(len(p), 10_000), 50_000), n, stream(0, "overview", n)))
    ink = colours(1)[0]

    def both(observe: Observe) -> list[Series]:
        values = observe(p)
        mine = Series(label, values, colour=ink, weights=per_value(weights, values, len(p)))
        return [mine, Series("uniform phase space", observe(even), "uniform")]

    count = int(np.clip(0.4 * len(p) ** 0.5, 10, 50))

    def flat(name: str, observe: Observe, axis: str, low: float, high: float) -> Panel:
        return name, both(observe), np.linspace(low, high, count + 1), axis, False

    def decade(name: str, observe: Observe, axis: str, high: float) -> Panel:
        series, per_decade = both(observe), 8 if count > 20 else 4
        # Events off the shell may all lie beyond the end of phase space.
        beyond = np.floor(np.quantile(series[0].values, 1e-3)) >= high
        edges = decades([series[0].values], per_decade, high=None if beyond else high, share=1e-3)
        return name, series, edges, axis, True

    legend(sheet, both(taus))
    if bool(events.metadata.get("ordered", n <= 3)) and n <= PLACES:
        _row(sheet, [flat(f"E_{i + 1}", place(energies, i), f"$E_{i + 1}$ [{E_CM}]", 0.0, 0.5) for i in range(n)])
    else:
        low = rf"$E_{{\mathrm{{min}}}}$ [{E_CM}]"
        high = rf"$E_{{\mathrm{{max}}}}$ [{E_CM}]"
        panels = [decade("E", lengths, ENERGY, LOG_HALF), decade("E_min", softest, low, float(np.log10(1.0 / n)))]
        _row(sheet, [*panels, flat("E_max", hardest, high, 1.0 / n, 0.5)])
    angles = [flat("cos_theta", place(cos_theta, -1), r"$\cos\theta$", -1.0, 1.0)]
    _row(sheet, [*angles, flat("phi", place(phi, -1), r"$\phi$", -np.pi, np.pi)])
    most = float(np.log10(1.0 / (n * (n - 1))))
    _row(sheet, [decade("s", pair(-1), rf"$s_{{IJ}}$ {MASS}", 0.0), decade("tau", taus, TAU, most)])
    if off:
        _shortfalls(sheet, label, excess, total)
    if n == 3:
        shown = [plane(label, p, weights=weights), plane("uniform phase space", even)]
        maps(sheet, shown, DALITZ, bins=bins(shown, 60.0, share=0.5), log=True)


def _shortfalls(sheet: Sheet, label: str, excess: Tensor, total: Tensor) -> None:
    """Draw how far events are from energy and momentum conservation, in decades."""
    panels: list[Panel] = []
    for name, values in ((r"$|\sum E - 1|$", excess.abs()), (r"$|\sum p|$", norm(total))):
        series = [Series(label, values.clamp_min(1e-18).log10().numpy(), colour=colours(1)[0])]
        panels.append((words_of(name), series, decades([series[0].values], 4, share=1e-3), f"{name} [{E_CM}]", True))
    _row(sheet, panels)


def _points(sheet: Sheet, events: Events, label: str, weights: Weights) -> None:
    """Draw points of q-space beside p_ref, the fibre (b, x) above their events, and tau of these."""
    q, n, ink = events.momenta, events.n_particles, colours(1)[0]
    even = rambo.sample_prior(min(max(len(q), 10_000), 50_000), n, stream(0, "overview", n))

    def both(observe: Observe) -> list[Series]:
        values = observe(q)
        mine = Series(label, values, colour=ink, weights=per_value(weights, values, len(q)))
        return [mine, Series(r"$p_{\mathrm{ref}}$", observe(even), "uniform")]

    def decade(name: str, observe: Observe, axis: str) -> Panel:
        series = both(observe)
        return name, series, decades([s.values for s in series], 8, share=1e-3), axis, True

    legend(sheet, both(lengths))
    flat = [("cos_theta", place(cos_theta, -1), r"$\cos\theta$ of $q$", 1.0)]
    flat += [("phi", place(phi, -1), r"$\phi$ of $q$", np.pi)]
    sides: list[Panel] = [(name, both(of), np.linspace(-end, end, 41), axis, False) for name, of, axis, end in flat]
    _row(sheet, [decade("|q|", lengths, LENGTH), *sides])
    fibre = [("|b|", lambda x: norm(rambo.frame(x)[0]).log10().clamp_min(-8).numpy(), "$|b|$")]
    fibre += [("x", lambda x: rambo.frame(x)[1].log10().numpy(), "$x$")]
    fibre += [("tau", lambda x: taus(rambo.to_p(x)), TAU)]
    _row(sheet, [decade(*each) for each in fibre])


def _states(sheet: Sheet, events: Events) -> None:
    """Draw states at several times: |q| (or the energy) of all particles, and tau of the events that they stand for."""
    times = np.unique(events.columns["time"])[::-1]
    states, inks = [], colours(len(times))
    for time in times:
        states.append(events.momenta[torch.from_numpy(np.flatnonzero(events.columns["time"] == time))])
    labels = [f"time {time:g}" for time in times]
    below = rambo.to_p if events.space == "q" else lambda x: x
    panels: list[Panel] = []
    for name, of, axis in (
        ("|q|", lengths, LENGTH if events.space == "q" else ENERGY),
        ("tau", lambda x: taus(below(x)), TAU),
    ):
        series = [Series(s, of(x), colour=ink) for s, x, ink in zip(labels, states, inks, strict=True)]
        panels.append((name, series, decades([s.values for s in series], 8, share=1e-3), axis, True))
    laws = [RADIAL if events.space == "q" else None, None]
    legend(sheet, panels[0][1], [law for law in laws if law])
    _row(sheet, panels, laws)


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
        page = overview(events, label).finish()
        with whole(out) as part:
            page.savefig(part, format=out.suffix[1:].lower())


def words_of(label: str) -> str:
    """Return the name of a panel in the drawn numbers."""
    return label.strip("$").replace(r"\sum", "sum")
