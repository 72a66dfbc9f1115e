"""One-dimensional distributions of muon decay: fig02 to fig05, fig15 and fig17."""

from collections.abc import Sequence

import numpy as np

from onshell.figures.dalitz import unit_row, unit_square
from onshell.figures.data import FigureData
from onshell.figures.labels import AZIMUTHS, COSINES, ENERGIES, OBSERVABLES
from onshell.figures.panels import Law, Series, angle_ticks, colours, histogram, legend, span
from onshell.figures.sheet import RATIO_HEIGHT, Sheet
from onshell.physics import analytic
from onshell.physics.observables import observables

Sample = dict[str, np.ndarray]
EXACT = {
    "ln_f": Law("exact", None, analytic.log_dalitz_cdf, ratio=False),
    "E_1": Law("exact", analytic.electron_pdf),
    "E_2": Law("exact", analytic.electron_pdf),
    "E_3": Law("exact", analytic.antineutrino_pdf),
}


class Compared:
    """Truth and models of one three-particle dataset, ready to be drawn observable by observable."""

    def __init__(self, data: FigureData, roles: Sequence[str], labels: Sequence[str], uniform: bool = False):
        process = data.process(data.dataset)
        self.drawn: list[tuple[str, str, str, Sample]] = []
        self._add("truth", "truth", "", observables(data.truth(data.dataset), process))
        for role, label, colour in zip(roles, labels, colours(len(roles)), strict=True):
            self._add(label, "model", colour, observables(data.sample(role), process))
        if uniform:
            self._add("uniform", "uniform", "", observables(data.truth(data.uniform), process))

    def _add(self, label: str, role: str, colour: str, sample: Sample) -> None:
        """Add a sample, drawn as its role (`Series.role`) says."""
        self.drawn.append((label, role, colour, sample))

    def series(self, name: str) -> list[Series]:
        """Return the entries of one observable, truth first; uniform phase space is left out of ratios."""
        return [Series(label, s[name], role, colour, role != "uniform") for label, role, colour, s in self.drawn]

    def row(
        self,
        sheet: Sheet,
        names: Sequence[str],
        height: float,
        *,
        bins: int = 40,
        exact: bool = False,
        log_y: bool = False,
        ratio_height: float = RATIO_HEIGHT,
        one_scale: bool = True,
    ) -> None:
        """Draw a row of panels, one an observable, by default with their ratios on one scale.

        `exact` adds the exact curves, `log_y` makes the densities' axis logarithmic.
        """
        panels = [
            (self.series(name), np.linspace(o.low, o.high, bins + 1)) for name in names for o in [OBSERVABLES[name]]
        ]
        common = span(panels) if one_scale else None
        row = sheet.row(len(names), height, ratio_height=ratio_height)
        for i, (axes, name, (series, edges)) in enumerate(zip(row, names, panels, strict=True)):
            observable = OBSERVABLES[name]
            histogram(
                *(sheet, axes, name, series, edges),
                label=observable.axis,
                law=EXACT[name] if exact else None,
                log_y=log_y,
                first=i == 0,
                ratio_span=common,
            )
            if observable.high == np.pi:
                angle_ticks(axes[1])


def fig02(data: FigureData) -> Sheet:
    """Return the histogram of ln f, the Dalitz density at each event: truth, its exact law and M1; W1 by its floor."""
    sheet = Sheet("fig02")
    compared = Compared(data, ["M1"], [data.model("M1")])
    legend(sheet, compared.series("ln_f"), ["exact"])
    compared.row(sheet, ["ln_f"], 2.2, bins=60, exact=True, log_y=True, ratio_height=0.6)
    found = data.metrics("M1")["observables"]["ln_f"]
    lines, where = [f"$W_1 = {found['w1']:.4f}$"], ([OBSERVABLES["ln_f"].low], [OBSERVABLES["ln_f"].high])
    sheet.record("ln_f", "w1", data.model("M1"), where, [found["w1"]])
    if "floor_w1_mean" in found:
        mean, sd = found["floor_w1_mean"], found["floor_w1_sd"]
        lines.append(rf"floor ${mean:.4f} \pm {sd:.4f}$")
        sheet.record("ln_f", "w1", "floor", where, [mean], [sd])
    main = sheet.figure.axes[0]
    main.text(0.02, 0.94, "\n".join(lines), transform=main.transAxes, va="top", linespacing=1.5)
    return sheet


def fig03(data: FigureData) -> Sheet:
    """Return the energies: truth with the exact curves of (16), M1 and uniform."""
    sheet = Sheet("fig03")
    compared = Compared(data, ["M1"], [data.model("M1")], uniform=True)
    legend(sheet, compared.series("E_1"), ["exact"])
    compared.row(sheet, ENERGIES, 1.65, exact=True)
    return sheet


def fig04(data: FigureData) -> Sheet:
    """Return u_1 and u_2 of (16), each alone and both together: truth and M1."""
    sheet = Sheet("fig04")
    name = data.model("M1")
    compared = Compared(data, ["M1"], [name])
    legend(sheet, compared.series("u_1"))
    compared.row(sheet, ["u_1", "u_2"], 1.35)
    unit_row(sheet, [unit_square("truth", data.truth(data.dataset)), unit_square(name, data.sample("M1"), model=True)])
    return sheet


def fig05(data: FigureData) -> Sheet:
    """Return cos theta and phi of each particle and of the event plane: truth and M1."""
    sheet = Sheet("fig05")
    compared = Compared(data, ["M1"], [data.model("M1")])
    legend(sheet, compared.series("phi_1"))
    for names in (COSINES, AZIMUTHS):
        compared.row(sheet, names, 1.15, bins=25)
    return sheet


def fig15(data: FigureData) -> Sheet:
    """Return E_3, cos theta_3 and phi_3 for all augmentations."""
    sheet = Sheet("fig15")
    compared = Compared(data, data.roles, [data.augmentation(role) for role in data.roles])
    legend(sheet, compared.series("E_3"))
    compared.row(sheet, ["E_3", "cos_theta_3", "phi_3"], 1.8, bins=30, ratio_height=1.0, one_scale=False)
    return sheet


def fig17(data: FigureData) -> Sheet:
    """Return all one-dimensional distributions of two augmentations: M1 against M3."""
    sheet = Sheet("fig17")
    compared = Compared(data, ["M1", "M3"], [data.augmentation(role) for role in ("M1", "M3")])
    legend(sheet, compared.series("E_1"))
    compared.row(sheet, ENERGIES, 1.05, bins=40)
    compared.row(sheet, ["u_1", "u_2"], 1.05, bins=40)
    compared.row(sheet, COSINES, 1.05, bins=25)
    compared.row(sheet, AZIMUTHS, 1.05, bins=25)
    return sheet
