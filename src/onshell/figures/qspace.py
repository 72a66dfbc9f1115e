"""q-space and the antennas: fig11, fig16 and fig22."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from onshell.errors import OnshellError
from onshell.figures.data import FigureData
from onshell.figures.labels import E_CM, power_of_ten
from onshell.figures.panels import MODEL_COLOURS, Law, Series, angle_ticks, colours, handles, histogram, legend, span
from onshell.figures.sheet import Sheet
from onshell.physics import analytic
from onshell.physics.kinematics import energies
from onshell.physics.observables import cos_theta, phi

P_REF = r"$p_{\mathrm{ref}}$"
LOG_BINS = 10
"""Bins a decade on a logarithmic axis."""


def lengths(p: Tensor) -> np.ndarray:
    """Return log10 of |p_I| of all particles of events [n, N, 3], pooled [n N]."""
    return np.log10(energies(p).numpy().ravel().clip(1e-300))


def decades(samples: Sequence[np.ndarray], bins: int = LOG_BINS) -> np.ndarray:
    """Return bin edges over whole decades that hold all but about one in 10^4 entries of each log10 sample."""
    low = min(np.floor(np.quantile(sample, 1e-4)) for sample in samples)
    high = max(np.ceil(np.quantile(sample, 1 - 1e-4)) for sample in samples)
    return np.linspace(low, high, round(high - low) * bins + 1)


def log_radius_pdf(log10_r: np.ndarray) -> np.ndarray:
    """Return the density of log10 |q| under p_ref (6)."""
    r = 10.0**log10_r
    return analytic.prior_radius_pdf(r) * r * np.log(10.0)


def log_radius_cdf(log10_r: np.ndarray) -> np.ndarray:
    """Return the distribution function of log10 |q| under p_ref (6)."""
    return analytic.prior_radius_cdf(10.0**log10_r)


def fig11(data: FigureData) -> Sheet:
    """Return the antennas' energies for every cutoff, and for one of them E against |q| of its training set."""
    sheet = Sheet("fig11", top=0.08)
    found = []
    for colour, dataset in zip(colours(len(data.datasets)), data.datasets, strict=True):
        cutoff = power_of_ten(data.cutoff("events", dataset))
        found.append(Series(rf"$\xi = {cutoff}$", lengths(data.truth(dataset)), "line", colour))
    left, right = (pair[0] for pair in sheet.row(2, 2.4, ratio=False))
    label = f"$E$ [{E_CM}]"
    histogram(sheet, (left, None), "E", found, decades([s.values for s in found]), label=label, log_x=True)
    left.legend(handles=handles(found), loc="upper left")
    name = data.names("embedded")[0]
    cutoff = data.cutoff("embedded", name)
    cutoffs = [data.cutoff("events", dataset) for dataset in data.datasets]
    if cutoff not in cutoffs:
        there = ", ".join(f"{c:g}" for c in cutoffs)
        raise OnshellError(f"embedded: {name} has xi = {cutoff:g}, the figure's `events` have {there}; add its dataset")
    pair = [
        Series("$E$", found[cutoffs.index(cutoff)].values, "truth"),
        Series("$|q|$", lengths(data.embedded(name)), "line", MODEL_COLOURS[1]),
    ]
    histogram(
        *(sheet, (right, None), "E and q", pair, decades([s.values for s in pair])),
        label=rf"$E$ [{E_CM}] and $|q|$, $\xi = {power_of_ten(cutoff)}$",
        law=Law(P_REF, log_radius_pdf),
        log_x=True,
        first=False,
    )
    right.legend(handles=handles(pair, [P_REF]), loc="upper left")
    for axes in (left, right):
        axes.set_ylabel(r"density per decade" if axes is left else "")
    return sheet


def fig16(data: FigureData) -> Sheet:
    """Return the radial and angular distributions of training sets in q-space against p_ref."""
    sheet = Sheet("fig16")
    sets = {name.rpartition(".")[2]: data.embedded(name) for name in data.names("embedded")}
    panels = [
        ("q", "$|q|$", (0.0, 10.0), energies, Law(P_REF, analytic.prior_radius_pdf, analytic.prior_radius_cdf)),
        ("cos_theta", r"$\cos\theta_q$", (-1.0, 1.0), cos_theta, _flat(-1.0, 1.0)),
        ("phi", r"$\phi_q$", (-np.pi, np.pi), phi, _flat(-np.pi, np.pi)),
    ]
    drawn = []
    for _, _, extent, function, law in panels:
        values = [(name, function(q).numpy().ravel()) for name, q in sets.items()]
        series = [Series(name, v, "line", c) for (name, v), c in zip(values, colours(len(values)), strict=True)]
        drawn.append((series, np.linspace(*extent, 41), law))
    common = max(span([(series, edges)], law) for series, edges, law in drawn)
    legend(sheet, drawn[0][0], [P_REF])
    axes = sheet.row(3, 1.65)
    for i, (pair, (panel, label, *_), (series, edges, law)) in enumerate(zip(axes, panels, drawn, strict=True)):
        histogram(sheet, pair, panel, series, edges, label=label, law=law, first=i == 0, ratio_span=common)
    angle_ticks(axes[2][1])
    return sheet


def fig22(data: FigureData) -> Sheet:
    """Return |q| at the start and at the end of the antennas' forward process against p_ref, one panel a cutoff."""
    sheet = Sheet("fig22", top=0.22)
    law = Law(P_REF, log_radius_pdf, log_radius_cdf)
    drawn = {}
    for name in data.names("forward"):
        steps = data.forward(name)
        start, end = lengths(steps[min(steps)]), lengths(steps[max(steps)])
        drawn[name] = [Series("start", start, "truth", ratio=False), Series("end", end, "line")]
    edges = decades([s.values for series in drawn.values() for s in series], 8)
    common = span([(series, edges) for series in drawn.values()], law)
    legend(sheet, next(iter(drawn.values())), [P_REF])
    row = sheet.row(len(drawn), 1.6, title=True)
    for i, (pair, (name, series)) in enumerate(zip(row, drawn.items(), strict=True)):
        histogram(
            *(sheet, pair, name, series, edges),
            label="$|q|$",
            law=law,
            log_x=True,
            first=i == 0,
            ratio_span=common,
        )
        pair[0].set_title(rf"$\xi = {power_of_ten(data.cutoff('forward', name))}$")
        pair[0].set_ylabel("density per decade" if i == 0 else "")
    return sheet


def _flat(low: float, high: float) -> Law:
    """Return p_ref's uniform law of an angle on [low, high]."""
    width = high - low
    return Law(P_REF, lambda x: np.full_like(x, 1.0 / width), lambda x: (x - low) / width)
