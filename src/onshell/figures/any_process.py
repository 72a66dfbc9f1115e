"""Any process, one's own above all: energies, angles, pair masses, tau and, of three particles, the Dalitz plane."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from onshell.config import RUN_NAME
from onshell.evaluation.weights import Weights, effective, per_value
from onshell.figures.dalitz import dalitz_row, plane
from onshell.figures.data import FigureData
from onshell.figures.labels import E_CM, OBSERVABLES
from onshell.figures.logs import ENERGY, LOG_HALF, TAU, decades, lengths, taus
from onshell.figures.panels import angle_ticks, histogram, legend, span
from onshell.figures.rows import Panel, row
from onshell.figures.series import Array, Series, colours
from onshell.figures.sheet import Sheet
from onshell.physics.kinematics import energies, pair_products
from onshell.physics.observables import LOG_FLOOR, cos_theta, phi

PLACES = 4
"""Up to so many particles each has panels of its own, where their order has a meaning."""

PLANES = 3
"""Models whose Dalitz planes fit side by side."""

MASS = rf"[{E_CM}$^2$]"
Observe = Callable[[Tensor], Array]


@dataclass(frozen=True)
class Drawn:
    """One sample of the figure: its label, role and colour, its events [n, N, 3] and their weights [n]."""

    label: str
    role: str
    colour: str
    p: Tensor
    weights: Weights

    def series(self, observe: Observe) -> Series:
        """Return the entries of an observable, one or more of each event."""
        values = observe(self.p)
        return Series(self.label, values, self.role, self.colour, weights=per_value(self.weights, values, len(self.p)))


def samples(data: FigureData) -> list[Drawn]:
    """Return truth and the models of one dataset, ready to be drawn."""
    dataset = data.shared_dataset(data.roles)
    found = [Drawn("truth", "truth", "", data.truth(dataset), data.truth_weights(dataset))]
    for role, label, ink in zip(data.roles, labels(data), colours(len(data.roles)), strict=True):
        found.append(Drawn(label, "model", ink, data.sample(role), data.sample_weights(role)))
    return found


def labels(data: FigureData) -> list[str]:
    """Return what tells the models apart: their kind, and their variant where that is not enough."""
    kinds = [data.model(role) for role in data.roles]
    found = []
    for role, kind in zip(data.roles, kinds, strict=True):
        match = RUN_NAME.match(data.run(role))
        variant = match and match["variant"]
        found.append(f"{kind}, {variant}" if kinds.count(kind) > 1 and variant else kind)
    return found


def place(values: Callable[[Tensor], Tensor], i: int) -> Observe:
    """Return the function that takes one value of particle i, or of all (i = -1), pooled, from events."""
    return lambda p: (values(p) if i < 0 else values(p)[:, i]).double().numpy().ravel()


def pair(i: int) -> Observe:
    """Return the function that takes log10 s of pair i (-1: of all pairs, pooled) from events."""

    def masses(p: Tensor) -> Array:
        s = 2.0 * pair_products(p.double())
        return np.log10((s if i < 0 else s[:, i]).numpy().ravel().clip(LOG_FLOOR))

    return masses


def hardest(p: Tensor) -> Array:
    """Return the largest energy [n] of events."""
    return energies(p).amax(-1).double().numpy()


def softest(p: Tensor) -> Array:
    """Return log10 of the smallest energy [n] of events."""
    return np.log10(energies(p).amin(-1).double().numpy().clip(LOG_FLOOR))


def bins(drawn: Sequence[Drawn]) -> int:
    """Return how many bins of a linear panel suit the smallest sample: 10 to 40."""
    return int(np.clip(0.4 * min(effective(one.weights, len(one.p)) for one in drawn) ** 0.5, 10, 40))


def linear(sheet: Sheet, drawn: Sequence[Drawn], observables: dict[str, tuple[Observe, str, float, float]]) -> None:
    """Draw a row of panels on linear axes, ratios on one scale; each observable with its label and range."""
    panels = []
    for observe, _, low, high in observables.values():
        panels.append(([one.series(observe) for one in drawn], np.linspace(low, high, bins(drawn) + 1)))
    common = span(panels)
    places = sheet.row(len(panels), 1.15)
    for i, (axes, name, (series, edges)) in enumerate(zip(places, observables, panels, strict=True)):
        label, high = observables[name][1], observables[name][3]
        histogram(sheet, axes, name, series, edges, label=label, first=i == 0, ratio_span=common)
        if high == np.pi:
            angle_ticks(axes[1])


def logarithmic(
    sheet: Sheet, drawn: Sequence[Drawn], observables: dict[str, tuple[Observe, str, float]], height: float = 1.35
) -> None:
    """Draw a row of panels of log10 x, ratios on one scale; each observable with its label and upper end."""
    panels, per_decade = [], 4 if bins(drawn) < 20 else 8
    for name, (observe, label, high) in observables.items():
        series = [one.series(observe) for one in drawn]
        edges = decades([s.values for s in series], per_decade, high=high, share=1e-3)
        panels.append(Panel(name, series, edges, label, log_y=True))
    row(sheet, panels, height)


def process(data: FigureData) -> Sheet:
    """Return truth and all models of one process: energies, angles, pair masses, tau and, if N = 3, Dalitz planes."""
    sheet = Sheet("process")
    drawn = samples(data)
    n = drawn[0].p.shape[1]
    each = bool(data.metadata("events", data.dataset).get("ordered", n <= 3)) and n <= PLACES
    legend(sheet, [one.series(taus) for one in drawn])
    if each:
        energy, angle = OBSERVABLES["E_1"], {"cos_theta": (cos_theta, r"\cos\theta", 1.0), "phi": (phi, r"\phi", np.pi)}
        which = range(n)
        linear(
            sheet, drawn, {f"E_{i + 1}": (place(energies, i), f"$E_{i + 1}$ [{energy.unit}]", 0.0, 0.5) for i in which}
        )
        for name, (values, symbol, end) in angle.items():
            linear(
                sheet, drawn, {f"{name}_{i + 1}": (place(values, i), f"${symbol}_{i + 1}$", -end, end) for i in which}
            )
    else:
        ends = {"E": (lengths, ENERGY, LOG_HALF)}
        ends |= {"E_min": (softest, rf"$E_{{\mathrm{{min}}}}$ [{E_CM}]", float(np.log10(1.0 / n)))}
        logarithmic(sheet, drawn, ends)
        # The hardest of N particles has 1/N of the energy at least, and half of it at most.
        even = {"E_max": (hardest, rf"$E_{{\mathrm{{max}}}}$ [{E_CM}]", 1.0 / n, 0.5)}
        even |= {"cos_theta": (place(cos_theta, -1), r"$\cos\theta$", -1.0, 1.0)}
        linear(sheet, drawn, even | {"phi": (place(phi, -1), r"$\phi$", -np.pi, np.pi)})
    masses = {"s": (pair(-1), rf"$s_{{IJ}}$ {MASS}", 0.0)}
    if each and n == 3:
        names = ("12", "13", "23")
        masses = {f"s_{ij}": (pair(k), rf"$s_{{{ij}}}$ {MASS}", 0.0) for k, ij in enumerate(names)}
    logarithmic(sheet, drawn, masses)
    # tau of N particles is at most that of the most even event, 1/(N (N - 1)).
    logarithmic(sheet, drawn, {"tau": (taus, TAU, float(np.log10(1.0 / (n * (n - 1)))))}, 1.6)
    if n == 3:
        dalitz_row(
            sheet,
            [plane(one.label, one.p, model=one.role == "model", weights=one.weights) for one in drawn[: PLANES + 1]],
            log=True,
        )
    return sheet
