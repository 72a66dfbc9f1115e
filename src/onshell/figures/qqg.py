"""e+ e- -> q qbar g: fig06 to fig10."""

import math
from dataclasses import replace

from onshell.evaluation.observables import LOG_TAU_MAX, observable, of_places
from onshell.figures.canvas import Canvas
from onshell.figures.dalitz import dalitz_row, plane
from onshell.figures.data import NOISY_TRUTH, FigureData
from onshell.figures.laws import decades, thrust_law, uniform_law
from onshell.figures.panels import TITLED, Panel, draw_row, legend
from onshell.figures.samples import Sample, linear_panels, truth_and_models
from onshell.figures.series import DOTTED, Array, Law, Series, colours
from onshell.physics import analytic

PLANE = {"cos_theta_plane": Law("exact", analytic.qqg_plane_pdf)}


def fig06(data: FigureData) -> Canvas:
    """Return the Dalitz planes of qqg truth, one for every cutoff."""
    canvas = Canvas(top=0.02)
    dalitz_row(canvas, [plane(data.cut(name), data.truth(name)) for name in data.datasets], log=True)
    return canvas


def fig07(data: FigureData) -> Canvas:
    """Return the Dalitz planes of qqg: truth, Q3 and uniform."""
    canvas = Canvas(top=0.02)
    p = data.truth(data.dataset_of("Q3"))
    shown = [plane("truth", p), plane(data.model("Q3"), data.sample("Q3"), model=True)]
    dalitz_row(canvas, [*shown, plane("uniform", data.uniform_like(p))], log=True)
    return canvas


def fig08(data: FigureData) -> Canvas:
    """Return the energies of all particles, pooled: truth and model, one panel a cutoff."""
    canvas, drawn, of = Canvas(top=TITLED), {}, observable("log10_E")
    for role in data.roles:
        dataset = data.dataset_of(role)
        truth, model = Sample("truth", data.truth(dataset), "truth"), Sample(data.model(role), data.sample(role))
        drawn[dataset] = [truth.series(of), model.series(of)]
    edges = decades([s.values for series in drawn.values() for s in series], high=of.high)
    legend(canvas, next(iter(drawn.values())))
    style = {"log_x": True, "log_y": True}
    panels = [Panel(name, series, edges, of.axis, title=data.cut(name), **style) for name, series in drawn.items()]
    draw_row(canvas, panels, 1.7, one_height=True)
    return canvas


def fig09(data: FigureData) -> Canvas:
    """Return cos theta and phi of each particle and of the event plane: truth, with its exact plane, and Q3."""
    canvas = Canvas()
    samples = truth_and_models(data, ["Q3"], [data.model("Q3")])
    rows = [linear_panels(samples, [*of_places(kind, 3), f"{kind}_plane"], 25, PLANE) for kind in ("cos_theta", "phi")]
    legend(canvas, rows[0][0].series, [PLANE["cos_theta_plane"]])
    for panels in rows:
        draw_row(canvas, panels, 1.15)
    return canvas


def above(log10_tau: Array, start: float) -> float:
    """Return the factor that gives a histogram of log10 tau unit area above tau = `start`; 1 where nothing is there."""
    share = float((10.0**log10_tau >= start).mean())
    return 1.0 / share if share else 1.0


def fig10(data: FigureData) -> Canvas:
    """Return tau: left truth for every cutoff, right the models, with (19) and (20).

    Dotted is truth with the noise of the last reverse step alone, for models that are sampled with it. Every histogram
    and curve has unit area above the largest of the cuts tau > m^2_cut / 2; ratios are to (19).
    """
    canvas, tau = Canvas(top=TITLED), observable("log10_tau")
    cuts = {name: data.cutoff("events", name) / 2 for name in data.datasets}
    start = max(cuts.values())
    colour_of = dict(zip(cuts, colours(len(cuts)), strict=True))

    def drawn(dataset: str, values: Array, role: str) -> Series:
        style = {"scale": above(values, start), "start": math.log10(cuts[dataset])}
        return Series(data.cut(dataset), values, role, colour_of[dataset], **style)

    left = [drawn(name, tau(data.truth(name)), "line") for name in cuts]
    right = [drawn(data.dataset_of(role), tau(data.sample(role)), "model") for role in data.roles]
    noisy = [(role, events) for role in data.roles for events in [data.noisy_truth(role)] if events is not None]
    dotted = [replace(drawn(data.dataset_of(role), tau(p), "model"), style=DOTTED) for role, p in noisy]
    right += dotted
    edges = decades([s.values for s in (*left, *right)], high=LOG_TAU_MAX)
    law, flat = thrust_law(start, 10.0 ** edges[0]), uniform_law(start, dash=DOTTED)
    legend(canvas, [*left, *(replace(one, label=NOISY_TRUTH) for one in dotted[:1])], [law, flat])
    panel = Panel("truth", left, edges, tau.axis, law, title="truth", log_x=True, log_y=True)
    models = replace(panel, name="models", series=right, guides=[flat], title=data.model(data.roles[0]))
    draw_row(canvas, [panel, models], 2.4, one_height=True, ratio_height=0.7)
    return canvas
