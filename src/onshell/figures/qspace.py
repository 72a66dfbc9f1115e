"""Training data in q-space: fig11 and fig16."""

import numpy as np

from onshell.core.errors import OnshellError
from onshell.figures.data import FigureData
from onshell.figures.labels import E_CM, power_of_ten
from onshell.figures.logs import ENERGY, P_REF, RADIAL, decades, lengths
from onshell.figures.panels import angle_ticks, handles, histogram, legend, span
from onshell.figures.series import MODEL_COLOURS, Law, Series, colours
from onshell.figures.sheet import Sheet
from onshell.physics import analytic
from onshell.physics.kinematics import energies
from onshell.physics.observables import cos_theta, phi


def fig11(data: FigureData) -> Sheet:
    """Return the antennas' energies for every cutoff, and for one of them E against |q| of its training set."""
    sheet = Sheet("fig11", top=0.08)
    found = []
    for colour, dataset in zip(colours(len(data.datasets)), data.datasets, strict=True):
        cutoff = power_of_ten(data.cutoff("events", dataset))
        found.append(Series(rf"$\xi = {cutoff}$", lengths(data.truth(dataset)), "line", colour))
    left, right = (pair[0] for pair in sheet.row(2, 2.4, ratio=False))
    histogram(sheet, (left, None), "E", found, decades([s.values for s in found]), label=ENERGY, log_x=True)
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
        law=RADIAL,
        log_x=True,
        first=False,
    )
    right.legend(handles=handles(pair, [RADIAL]), loc="upper left")
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
    legend(sheet, drawn[0][0], [drawn[0][2]])
    axes = sheet.row(3, 1.65)
    for i, (pair, (panel, label, *_), (series, edges, law)) in enumerate(zip(axes, panels, drawn, strict=True)):
        histogram(sheet, pair, panel, series, edges, label=label, law=law, first=i == 0, ratio_span=common)
    angle_ticks(axes[2][1])
    return sheet


def _flat(low: float, high: float) -> Law:
    """Return p_ref's uniform law of an angle on [low, high]."""
    width = high - low
    return Law(P_REF, lambda x: np.full_like(x, 1.0 / width), lambda x: (x - low) / width)
