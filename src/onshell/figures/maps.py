"""Reusable panels: two-dimensional histograms side by side on one colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm, Normalize

from onshell.figures.panels import TRUTH, Array, reach
from onshell.figures.sheet import Sheet


@dataclass(frozen=True)
class Map:
    """A two-dimensional histogram to draw: its title and the two coordinates of its entries."""

    title: str
    x: Array
    y: Array


def maps(
    sheet: Sheet,
    shown: Sequence[Map],
    extent: tuple[float, float],
    labels: tuple[str, str],
    *,
    bins: int,
    log: bool = False,
    outline: Array | None = None,
    panel: str = "",
    zero: bool = True,
) -> None:
    """Draw a row of square maps over [low, high]^2, densities of unit integral on one colour scale, empty bins white.

    `outline` is a closed polygon [k, 2] drawn around the allowed region; `zero` starts a linear scale at 0.
    """
    edges = np.linspace(*extent, bins + 1)
    wide = reach(edges)
    counts = [np.histogram2d(m.x, m.y, bins=[wide, wide])[0].astype(int) for m in shown]
    unit = [len(m.x) * (edges[1] - edges[0]) ** 2 for m in shown]
    densities = [np.ma.masked_equal(c, 0) / u for c, u in zip(counts, unit, strict=True)]
    low, high = min(d.min() for d in densities), max(d.max() for d in densities)
    norm = LogNorm(low, high) if log else Normalize(0.0 if zero else low, high)
    squares, bar = sheet.squares(len(shown))
    for i, (axes, m, c, d, u) in enumerate(zip(squares, shown, counts, densities, unit, strict=True)):
        image = axes.pcolormesh(edges, edges, d.T, norm=norm, rasterized=True)
        if outline is not None:
            axes.plot(*np.vstack([outline, outline[:1]]).T, color=TRUTH, lw=0.6, clip_on=False)
        axes.set(xlim=extent, ylim=extent, xlabel=labels[0], ylabel=labels[1] if i == 0 else "", title=m.title)
        j, k = np.nonzero(c)
        x, y = (edges[j], edges[j + 1]), (edges[k], edges[k + 1])
        name = panel or "map"
        sheet.record(name, "map", m.title, x, c[j, k] / u, np.sqrt(c[j, k]) / u, c[j, k], y)
        if outside := len(m.x) - int(c.sum()):
            span = ([extent[0]], [extent[1]])
            share = [outside / len(m.x)]
            sheet.record(name, "outside", m.title, span, share, [outside**0.5 / len(m.x)], [outside], span)
    sheet.figure.colorbar(image, cax=bar)
    bar.set_ylabel("density")
