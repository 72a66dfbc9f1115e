"""Rows of panels that share their scales."""

from collections.abc import Sequence
from dataclasses import dataclass

from onshell.figures.panels import histogram, span
from onshell.figures.series import Array, Law, Series
from onshell.figures.sheet import RATIO_HEIGHT, Sheet

TITLED = 0.22
"""Room for the legend above a row of panels with titles."""


@dataclass(frozen=True)
class Panel:
    """One panel of a row: its name in the drawn numbers, its samples and their bins, its axis label, and its laws.

    Samples, bins and laws are of log10 x; `log_y` makes the axis of the densities logarithmic too.
    """

    name: str
    series: Sequence[Series]
    edges: Array
    label: str
    law: Law | None = None
    guides: Sequence[Law] = ()
    title: str = ""
    log_y: bool = False


def row(
    sheet: Sheet,
    panels: Sequence[Panel],
    height: float,
    *,
    ratio: bool = True,
    ratio_height: float = RATIO_HEIGHT,
    one_height: bool = False,
) -> None:
    """Draw panels of log10 x side by side, ratios on one scale; `one_height` gives all densities one scale too."""
    places = sheet.row(
        len(panels), height, ratio=ratio, title=any(panel.title for panel in panels), ratio_height=ratio_height
    )
    common = max(span([(panel.series, panel.edges)], panel.law) for panel in panels) if ratio else None
    for i, (place, panel) in enumerate(zip(places, panels, strict=True)):
        histogram(
            *(sheet, place, panel.name, panel.series, panel.edges),
            label=panel.label,
            law=panel.law,
            guides=panel.guides,
            log_x=True,
            log_y=panel.log_y,
            first=i == 0,
            ratio_span=common,
        )
        place[0].set_title(panel.title)
    if one_height:
        limits = [main.get_ylim() for main, _ in places]
        for main, _ in places:
            main.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
