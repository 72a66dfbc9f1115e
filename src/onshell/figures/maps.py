"""Reusable panels: two-dimensional histograms side by side on one colour scale, and ratios of models to truth below."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from onshell.figures.canvas import Canvas, Numbers
from onshell.figures.series import EXPECTED, TRUTH, Array, widened

RATIO_COLOURS = "RdBu_r"
RATIO_SCALES = {1.25: 1.1, 1.5: 1.25, 2.0: 1.4}
"""Largest ratios of a symmetric logarithmic colour scale, and its tick between 1 and there."""


@dataclass(frozen=True)
class Map:
    """A two-dimensional histogram to draw: its title, its entries' coordinates, and whether a model made them.

    `weights`, of either sign, are those of the entries.
    """

    title: str
    x: Array
    y: Array
    model: bool = False
    weights: Array | None = None

    @property
    def total(self) -> float:
        """Return the number of entries, or the sum of their weights."""
        return len(self.x) if self.weights is None else float(self.weights.sum())

    def sums(self, edges: Array, power: int = 1) -> Array:
        """Return the sums of the weights, to some power, in each bin [k, k]; the entries where these have none."""
        if self.weights is None:
            return self.counts(edges)
        wide = widened(edges)
        return np.histogram2d(self.x, self.y, bins=[wide, wide], weights=self.weights**power)[0]

    def counts(self, edges: Array) -> NDArray[np.int64]:
        """Return the entries in each bin [k, k] of a square grid; those on its outer edges up to rounding are in."""
        wide = widened(edges)
        return np.histogram2d(self.x, self.y, bins=[wide, wide])[0].astype(int)


@dataclass(frozen=True)
class Frame:
    """What all maps of a row have in common: the square [low, high]^2, axis labels, outline [k, 2] of what is allowed.

    `panel` names the row in the drawn numbers.
    """

    panel: str
    low: float
    high: float
    labels: tuple[str, str]
    outline: Array | None = None

    def edges(self, bins: int) -> Array:
        """Return the edges of `bins` bins a side."""
        return np.linspace(self.low, self.high, bins + 1)

    def decorate(self, axes: Axes, title: str, first: bool) -> None:
        """Set limits, labels and outline of one map."""
        if self.outline is not None:
            axes.plot(*np.vstack([self.outline, self.outline[:1]]).T, color=TRUTH, lw=0.6, clip_on=False)
        extent = (self.low, self.high)
        label = self.labels[1] if first else ""
        axes.set(xlim=extent, ylim=extent, xlabel=self.labels[0], ylabel=label, title=title)


def maps(
    canvas: Canvas, shown: Sequence[Map], frame: Frame, *, bins: int, log: bool = False, zero: bool = True
) -> None:
    """Draw a row of square maps, densities of unit integral on one colour scale, empty bins white.

    `zero` starts a linear scale at 0.
    """
    edges = frame.edges(bins)
    counts = [m.counts(edges) for m in shown]
    unit = [m.total * (edges[1] - edges[0]) ** 2 for m in shown]
    sums, squares = ([m.sums(edges, power) for m in shown] for power in (1, 2))
    # With weights of both signs a bin may hold less than nothing: white too, on a logarithmic scale.
    empty = [(c == 0) | (log & (s <= 0)) for c, s in zip(counts, sums, strict=True)]
    densities = [np.ma.masked_array(s / u, e) for s, u, e in zip(sums, unit, empty, strict=True)]
    low, high = min(d.min() for d in densities), max(d.max() for d in densities)
    norm = LogNorm(low, high) if log else Normalize(0.0 if zero else low, high)
    places, bar = canvas.squares(len(shown))
    for i, (axes, m, c, d, u) in enumerate(zip(places, shown, counts, densities, unit, strict=True)):
        image = axes.pcolormesh(edges, edges, d.T, norm=norm, rasterized=True)
        frame.decorate(axes, m.title, first=i == 0)
        j, k = np.nonzero(c)
        x, y = (edges[j], edges[j + 1]), (edges[k], edges[k + 1])
        value, error = sums[i][j, k] / u, np.sqrt(squares[i][j, k]) / u
        canvas.record(frame.panel, "map", m.title, Numbers(x, value, error, c[j, k], y))
        if outside := len(m.x) - int(c.sum()):
            span = ([frame.low], [frame.high])
            share = [outside / len(m.x)]
            canvas.record(
                frame.panel, "outside", m.title, Numbers(span, share, [outside**0.5 / len(m.x)], [outside], span)
            )
    canvas.figure.colorbar(image, cax=bar)
    bar.set_ylabel("density")


@dataclass(frozen=True)
class Ratio:
    """The ratio of a model's density to truth's in every bin [k, k], masked where truth expects too few entries."""

    value: np.ma.MaskedArray
    error: Array
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, model: Map, truth: Map, edges: Array) -> "Ratio":
        """Return the ratio of two maps; its error is that of sqrt(n), or of the squares of the weights, of both."""
        entries, scale = truth.counts(edges), model.total / truth.total
        ours, theirs = model.sums(edges), truth.sums(edges)
        few = (entries * min(1.0, len(model.x) / len(truth.x)) < EXPECTED) | (theirs <= 0)
        safe = np.where(few, 1, theirs)
        value = ours / (safe * scale)
        error = np.sqrt(model.sums(edges, 2) + ours**2 * truth.sums(edges, 2) / safe**2) / (safe * scale)
        return cls(np.ma.masked_array(value, few), error, model.counts(edges))


def ratio_maps(canvas: Canvas, shown: Sequence[Map], frame: Frame, *, bins: int) -> None:
    """Draw, below the models of a row of maps, the ratio of each to the first map, truth, on one scale around 1.

    Bins are white where truth expects fewer than `EXPECTED` entries; the scale is the smallest that holds 95% of the
    others, and what lies beyond has the colour of its arrow.
    """
    edges = frame.edges(bins)
    columns = [i for i, m in enumerate(shown) if m.model]
    ratios = [Ratio.of(shown[i], shown[0], edges) for i in columns]
    top = _scale(ratios)
    squares, bar = canvas.squares(len(shown), drawn=columns)
    for axes, i, ratio in zip(squares, columns, ratios, strict=True):
        # No model entry at all is a ratio of 0: the colour of the lower arrow, not the white of "no truth here".
        seen = np.ma.maximum(ratio.value, 1e-9)
        image = axes.pcolormesh(edges, edges, seen.T, norm=LogNorm(1 / top, top), cmap=RATIO_COLOURS, rasterized=True)
        frame.decorate(axes, f"{shown[i].title} / {shown[0].title}", first=i == columns[0])
        j, k = np.nonzero(~np.ma.getmaskarray(ratio.value))
        x, y = (edges[j], edges[j + 1]), (edges[k], edges[k + 1])
        value, error = ratio.value.data[j, k], ratio.error[j, k]
        canvas.record(frame.panel, "ratio", shown[i].title, Numbers(x, value, error, ratio.counts[j, k], y))
    canvas.figure.colorbar(image, cax=bar, extend="both", extendfrac=0.05)
    ticks = [1 / top, 1 / RATIO_SCALES[top], 1.0, RATIO_SCALES[top], top]
    bar.yaxis.set_major_locator(FixedLocator(ticks))
    bar.yaxis.set_minor_locator(NullLocator())
    bar.set_yticklabels([f"{tick:.2f}" for tick in ticks])
    bar.set_ylabel("ratio")


def _scale(ratios: Sequence[Ratio]) -> float:
    """Return the largest ratio on the colour scale that suits all maps of a row."""
    off = [np.abs(np.log(np.maximum(ratio.value.compressed(), 1e-9))) for ratio in ratios]
    need = max((np.exp(np.quantile(part, 0.95)) for part in off if len(part)), default=1.0)
    return next((top for top in RATIO_SCALES if top >= need), max(RATIO_SCALES))
