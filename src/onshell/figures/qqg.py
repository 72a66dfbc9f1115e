"""e+ e- -> q qbar g: fig07 to fig10."""

import math
from dataclasses import replace

from onshell.figures.compared import Compared
from onshell.figures.dalitz import dalitz_row, plane
from onshell.figures.data import FigureData
from onshell.figures.labels import AZIMUTHS, COSINES, power_of_ten
from onshell.figures.logs import (
    ENERGY,
    LOG_HALF,
    LOG_TAU_MAX,
    NOISY_TRUTH,
    TAU,
    decades,
    lengths,
    taus,
    thrust_law,
    uniform_law,
)
from onshell.figures.panels import legend
from onshell.figures.rows import TITLED, Panel, row
from onshell.figures.series import DOTTED, Array, Law, Series, colours
from onshell.figures.sheet import Sheet
from onshell.physics import analytic

PLANE = {"cos_theta_plane": Law("exact", analytic.qqg_plane_pdf)}


def cut(data: FigureData, dataset: str) -> str:
    """Return the cutoff of a dataset as a label."""
    return rf"$m^2_{{\mathrm{{cut}}}} = {power_of_ten(data.cutoff('events', dataset))}$"


def fig07(data: FigureData) -> Sheet:
    """Return the Dalitz planes of qqg: truth, Q3 and uniform."""
    sheet = Sheet("fig07", top=0.02)
    p = data.truth(data.dataset_of("Q3"))
    shown = [plane("truth", p), plane(data.model("Q3"), data.sample("Q3"), model=True)]
    dalitz_row(sheet, [*shown, plane("uniform", data.uniform_like(p))], log=True)
    return sheet


def fig08(data: FigureData) -> Sheet:
    """Return the energies of all particles, pooled: truth and model, one panel a cutoff."""
    sheet = Sheet("fig08", top=TITLED)
    drawn = {}
    for role in data.roles:
        dataset = data.dataset_of(role)
        drawn[dataset] = [
            Series("truth", lengths(data.truth(dataset)), "truth"),
            Series(data.model(role), lengths(data.sample(role))),
        ]
    edges = decades([s.values for series in drawn.values() for s in series], high=LOG_HALF)
    legend(sheet, next(iter(drawn.values())))
    panels = [Panel(name, series, edges, ENERGY, title=cut(data, name), log_y=True) for name, series in drawn.items()]
    row(sheet, panels, 1.7, one_height=True)
    return sheet


def fig09(data: FigureData) -> Sheet:
    """Return cos theta and phi of each particle and of the event plane: truth, with its exact plane, and Q3."""
    sheet = Sheet("fig09")
    compared = Compared(data, ["Q3"], [data.model("Q3")])
    legend(sheet, compared.series("phi_1"), [PLANE["cos_theta_plane"]])
    compared.row(sheet, COSINES, 1.15, bins=25, laws=PLANE)
    compared.row(sheet, AZIMUTHS, 1.15, bins=25)
    return sheet


def above(log10_tau: Array, start: float) -> float:
    """Return the factor that gives a histogram of log10 tau unit area above tau = `start`; 1 where nothing is there."""
    share = float((10.0**log10_tau >= start).mean())
    return 1.0 / share if share else 1.0


def fig10(data: FigureData) -> Sheet:
    """Return tau: left truth for every cutoff, right the models, with (19) and (20).

    Dotted is truth with the noise of the last reverse step alone, for models that are sampled with it. Every histogram
    and curve has unit area above the largest of the cuts tau > m^2_cut / 2; ratios are to (19).
    """
    sheet = Sheet("fig10", top=TITLED)
    cuts = {name: data.cutoff("events", name) / 2 for name in data.datasets}
    start = max(cuts.values())
    inks = dict(zip(cuts, colours(len(cuts)), strict=True))

    def drawn(dataset: str, values: Array, role: str) -> Series:
        looks = {"scale": above(values, start), "start": math.log10(cuts[dataset])}
        return Series(cut(data, dataset), values, role, inks[dataset], **looks)

    left = [drawn(name, taus(data.truth(name)), "line") for name in cuts]
    named = [(data.dataset_of(role), taus(data.sample(role))) for role in data.roles]
    right = [drawn(name, values, "model") for name, values in named]
    noisy = [(role, events) for role in data.roles for events in [data.noisy_truth(role)] if events is not None]
    dotted = [replace(drawn(data.dataset_of(role), taus(p), "model"), style=DOTTED) for role, p in noisy]
    right += dotted
    edges = decades([s.values for s in (*left, *right)], high=LOG_TAU_MAX)
    law, flat = thrust_law(start, 10.0 ** edges[0]), uniform_law(start, dash=DOTTED)
    legend(sheet, [*left, *(replace(one, label=NOISY_TRUTH) for one in dotted[:1])], [law, flat])
    panels = [Panel("truth", left, edges, TAU, law, title="truth", log_y=True)]
    panels.append(Panel("models", right, edges, TAU, law, [flat], title=data.model(data.roles[0]), log_y=True))
    row(sheet, panels, 2.4, one_height=True, ratio_height=0.7)
    return sheet
