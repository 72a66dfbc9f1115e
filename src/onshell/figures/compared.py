"""Truth and models of three particles, observable by observable: rows of panels that several figures share."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from onshell.figures.data import FigureData
from onshell.figures.labels import OBSERVABLES
from onshell.figures.panels import angle_ticks, histogram, span
from onshell.figures.series import Law, Series, colours
from onshell.figures.sheet import RATIO_HEIGHT, Sheet
from onshell.physics.observables import observables

Sample = dict[str, np.ndarray]
NO_LAWS: Mapping[str, Law] = MappingProxyType({})


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
        laws: Mapping[str, Law] = NO_LAWS,
        log_y: bool = False,
        ratio_height: float = RATIO_HEIGHT,
        one_scale: bool = True,
    ) -> None:
        """Draw a row of panels, one an observable, by default with their ratios on one scale.

        `laws` are the exact curves by observable, `log_y` makes the densities' axis logarithmic.
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
                law=laws.get(name),
                log_y=log_y,
                first=i == 0,
                ratio_span=common,
            )
            if observable.high == np.pi:
                angle_ticks(axes[1])
