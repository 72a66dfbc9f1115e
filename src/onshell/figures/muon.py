"""Muon decay: Dalitz planes, one-dimensional distributions, augmentations, training sets in q-space."""

import numpy as np

from onshell.evaluation.observables import observable, of_places
from onshell.figures.canvas import Canvas, Numbers
from onshell.figures.dalitz import dalitz_row, plane, unit_row, unit_square
from onshell.figures.data import FigureData
from onshell.figures.laws import P_REF
from onshell.figures.panels import Panel, draw_row, legend
from onshell.figures.samples import linear_panels, truth_and_models
from onshell.figures.series import Law, Series, colours
from onshell.physics import analytic
from onshell.physics.kinematics import energies
from onshell.physics.observables import cos_theta, phi

ENERGIES = of_places("E", 3)
COSINES = [*of_places("cos_theta", 3), "cos_theta_plane"]
AZIMUTHS = [*of_places("phi", 3), "phi_plane"]
EXACT = {
    "ln_f": Law("exact", None, analytic.log_dalitz_cdf, ratio=False),
    "E_1": Law("exact", analytic.electron_pdf),
    "E_2": Law("exact", analytic.electron_pdf),
    "E_3": Law("exact", analytic.antineutrino_pdf),
}
RADIUS = Law(P_REF, analytic.prior_radius_pdf, analytic.prior_radius_cdf)


def fig01(data: FigureData) -> Canvas:
    """Return the Dalitz planes of muon decay: truth, M1 and uniform."""
    canvas = Canvas(top=0.02)
    shown = [plane("truth", data.truth(data.dataset)), plane(data.model("M1"), data.sample("M1"), model=True)]
    dalitz_row(canvas, [*shown, plane("uniform", data.truth(data.uniform))])
    return canvas


def fig02(data: FigureData) -> Canvas:
    """Return the histogram of ln f, the Dalitz density at each event: truth, its exact law and M1; W1 by its floor."""
    canvas, name = Canvas(), data.model("M1")
    (panel,) = linear_panels(truth_and_models(data, ["M1"], [name]), ["ln_f"], 60, EXACT, log_y=True)
    legend(canvas, panel.series, [EXACT["ln_f"]])
    ((main, _),) = draw_row(canvas, [panel], 2.2, ratio_height=0.6)
    found = data.metrics("M1")["observables"]["ln_f"]
    lines, where = [f"$W_1 = {found['w1']:.4f}$"], ([observable("ln_f").low], [observable("ln_f").high])
    canvas.record("ln_f", "w1", name, Numbers(where, [found["w1"]]))
    if "floor_w1_mean" in found:
        mean, sd = found["floor_w1_mean"], found["floor_w1_sd"]
        lines.append(rf"floor ${mean:.4f} \pm {sd:.4f}$")
        canvas.record("ln_f", "w1", "floor", Numbers(where, [mean], [sd]))
    main.text(0.02, 0.94, "\n".join(lines), transform=main.transAxes, va="top", linespacing=1.5)
    return canvas


def fig03(data: FigureData) -> Canvas:
    """Return the energies: truth with the exact curves of (16), M1 and uniform."""
    canvas = Canvas()
    samples = truth_and_models(data, ["M1"], [data.model("M1")], uniform=True)
    panels = linear_panels(samples, ENERGIES, laws=EXACT)
    legend(canvas, panels[0].series, [EXACT["E_1"]])
    draw_row(canvas, panels, 1.65)
    return canvas


def fig04(data: FigureData) -> Canvas:
    """Return u_1 and u_2 of (16), each alone and both together: truth and M1."""
    canvas, name = Canvas(), data.model("M1")
    samples = truth_and_models(data, ["M1"], [name])
    panels = linear_panels(samples, ["u_1", "u_2"])
    legend(canvas, panels[0].series)
    draw_row(canvas, panels, 1.35)
    unit_row(canvas, [unit_square(one.label, one.p, model=one.role == "model") for one in samples])
    return canvas


def fig05(data: FigureData) -> Canvas:
    """Return cos theta and phi of each particle and of the event plane: truth and M1."""
    canvas = Canvas()
    rows = [
        linear_panels(truth_and_models(data, ["M1"], [data.model("M1")]), names, 25) for names in (COSINES, AZIMUTHS)
    ]
    legend(canvas, rows[0][0].series)
    for panels in rows:
        draw_row(canvas, panels, 1.15)
    return canvas


def fig15(data: FigureData) -> Canvas:
    """Return E_3, cos theta_3 and phi_3 for all augmentations."""
    canvas = Canvas()
    samples = truth_and_models(data, data.roles, [data.augmentation(role) for role in data.roles])
    panels = linear_panels(samples, ["E_3", "cos_theta_3", "phi_3"], 30)
    legend(canvas, panels[0].series)
    draw_row(canvas, panels, 1.8, ratio_height=1.0, one_ratio=False)
    return canvas


def fig16(data: FigureData) -> Canvas:
    """Return the radial and angular distributions of training sets in q-space against p_ref."""
    canvas, panels = Canvas(), []
    sets = {name.rpartition(".")[2]: data.embedded(name) for name in data.names("embedded")}
    for name, label, low, high, function, law in (
        ("q", "$|q|$", 0.0, 10.0, energies, RADIUS),
        ("cos_theta", r"$\cos\theta_q$", -1.0, 1.0, cos_theta, _flat(-1.0, 1.0)),
        ("phi", r"$\phi_q$", -np.pi, np.pi, phi, _flat(-np.pi, np.pi)),
    ):
        styles = zip(sets.items(), colours(len(sets)), strict=True)
        series = [Series(key, function(q).numpy().ravel(), "line", colour) for (key, q), colour in styles]
        panels.append(Panel(name, series, np.linspace(low, high, 41), label, law))
    legend(canvas, panels[0].series, [panels[0].law])
    draw_row(canvas, panels, 1.65)
    return canvas


def _flat(low: float, high: float) -> Law:
    """Return p_ref's uniform law of an angle on [low, high]."""
    width = high - low
    return Law(P_REF, lambda x: np.full_like(x, 1.0 / width), lambda x: (x - low) / width)


def fig17(data: FigureData) -> Canvas:
    """Return all one-dimensional distributions of two augmentations: M1 against M3."""
    canvas = Canvas()
    samples = truth_and_models(data, ["M1", "M3"], [data.augmentation(role) for role in ("M1", "M3")])
    rows = [linear_panels(samples, names, 40) for names in (ENERGIES, ["u_1", "u_2"])]
    rows += [linear_panels(samples, names, 25) for names in (COSINES, AZIMUTHS)]
    legend(canvas, rows[0][0].series)
    for panels in rows:
        draw_row(canvas, panels, 1.05)
    return canvas


def fig18(data: FigureData) -> Canvas:
    """Return the Dalitz and (u_1, u_2) planes of muon decay: truth, M1 and M3."""
    canvas = Canvas(top=0.02)
    samples = truth_and_models(data, ["M1", "M3"], [data.augmentation(role) for role in ("M1", "M3")])
    dalitz_row(canvas, [plane(one.label, one.p, model=one.role == "model") for one in samples])
    unit_row(canvas, [unit_square(one.label, one.p, model=one.role == "model") for one in samples])
    return canvas
