"""One-dimensional distributions of muon decay: fig02 to fig05, fig15 and fig17."""

from onshell.figures.compared import Compared
from onshell.figures.dalitz import unit_row, unit_square
from onshell.figures.data import FigureData
from onshell.figures.labels import AZIMUTHS, COSINES, ENERGIES, OBSERVABLES
from onshell.figures.panels import legend
from onshell.figures.series import Law
from onshell.figures.sheet import Sheet
from onshell.physics import analytic

EXACT = {
    "ln_f": Law("exact", None, analytic.log_dalitz_cdf, ratio=False),
    "E_1": Law("exact", analytic.electron_pdf),
    "E_2": Law("exact", analytic.electron_pdf),
    "E_3": Law("exact", analytic.antineutrino_pdf),
}


def fig02(data: FigureData) -> Sheet:
    """Return the histogram of ln f, the Dalitz density at each event: truth, its exact law and M1; W1 by its floor."""
    sheet = Sheet("fig02")
    compared = Compared(data, ["M1"], [data.model("M1")])
    legend(sheet, compared.series("ln_f"), [EXACT["ln_f"]])
    compared.row(sheet, ["ln_f"], 2.2, bins=60, laws=EXACT, log_y=True, ratio_height=0.6)
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
    legend(sheet, compared.series("E_1"), [EXACT["E_1"]])
    compared.row(sheet, ENERGIES, 1.65, laws=EXACT)
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
