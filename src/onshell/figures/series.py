"""What is drawn in a panel: samples, binned, and exact laws, with their colours and line styles."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from onshell.evaluation.weights import effective

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]

MODEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
TRUTH, TRUTH_FILL, UNIFORM, EXACT = "#222222", "#DCDCDC", "#8A8A8A", "#000000"
DASHED, SHORT_DASHED, DOTTED, DASH_DOTTED = (0, (4, 2)), (0, (3, 1.5)), (0, (1, 1.4)), (0, (5, 1.5, 1, 1.5))
RATIO_SPANS = {0.05: 0.03, 0.1: 0.05, 0.2: 0.1, 0.5: 0.3, 1.0: 0.5}
"""Half-heights of a ratio axis, and where its outer ticks are."""

EXPECTED = 5.0
"""Ratios are drawn where the reference expects at least this many entries."""


def colours(n: int) -> list[str]:
    """Return `n` distinct colours for models: those that differ most, or a rainbow where they are too few."""
    if n <= len(MODEL_COLOURS):
        return list(MODEL_COLOURS[:n])
    return [to_hex(colour) for colour in mpl.colormaps["turbo"](np.linspace(0.03, 0.97, n))]


@dataclass(frozen=True)
class Series:
    """One sample in a panel: its label, its entries, the role that sets how it is drawn, whether ratios show it.

    `scale` multiplies its histogram, which then is not of unit area; ratios show it from `start` on. `weights`, of
    either sign, are those of the entries.
    """

    label: str
    values: Array
    role: str = "model"
    colour: str = MODEL_COLOURS[0]
    ratio: bool = True
    scale: float | None = None
    start: float = -math.inf
    style: Any = "-"
    weights: Array | None = None

    @property
    def line_colour(self) -> str:
        """Return the colour of lines and error bars."""
        return {"truth": TRUTH, "uniform": UNIFORM}.get(self.role, self.colour)

    @property
    def dash(self) -> Any:
        """Return the line style."""
        return SHORT_DASHED if self.role == "uniform" else self.style


def widened(edges: Array) -> Array:
    """Return bin edges whose ends are moved out by rounding: E = 1/2 + 1e-17 is inside [0, 1/2]."""
    slack = 1e-9 * (edges[-1] - edges[0])
    return np.concatenate([edges[:1] - slack, edges[1:-1], edges[-1:] + slack])


@dataclass(frozen=True)
class Binned:
    """A histogram normalised to unit area by all entries, those outside its range included, times `factor`.

    `sums` and `squares` are the sums of weights and of their squares in each bin, `whole` and `effective` those of all:
    the sum of weights, and the effective number of entries. Without weights all of these are numbers of entries.
    """

    edges: Array
    counts: NDArray[np.int64]
    total: int
    factor: float
    sums: Array
    squares: Array
    whole: float
    effective: float

    @classmethod
    def of(cls, series: Series, edges: Array) -> "Binned":
        """Return the histogram of a sample; a value on an outer edge up to rounding counts as inside."""
        wide, w, n = widened(edges), series.weights, len(series.values)
        counts = np.histogram(series.values, wide)[0]
        factor = 1.0 if series.scale is None else series.scale
        if w is None:
            return cls(edges, counts, n, factor, counts.astype(float), counts.astype(float), float(n), float(n))
        sums, squares = (np.histogram(series.values, wide, weights=each)[0] for each in (w, w**2))
        return cls(edges, counts, n, factor, sums, squares, float(w.sum()), effective(w, n))

    @property
    def density(self) -> Array:
        """Return the weights in each bin over all of them and the bin width."""
        return self.factor * self.sums / (self.whole * np.diff(self.edges))

    @property
    def error(self) -> Array:
        """Return the error of `density`: the root of the sum of squares of the weights, sqrt(n) without any."""
        return self.factor * np.sqrt(self.squares) / (self.whole * np.diff(self.edges))

    def enough(self, reference: Array) -> NDArray[np.bool_]:
        """Return the bins where a density `reference`, drawn as this histogram is, expects `EXPECTED` entries here."""
        return reference * np.diff(self.edges) * self.effective / self.factor >= EXPECTED

    @property
    def band(self) -> Array:
        """Return the relative error of `density`, 0 in bins of too few entries to know it."""
        known = (self.counts >= EXPECTED) & (self.sums > 0.0)
        return np.where(known, np.sqrt(self.squares) / np.where(known, self.sums, 1.0), 0.0)

    @property
    def outside(self) -> int:
        """Return how many entries lie outside the range."""
        return self.total - int(self.counts.sum())

    @property
    def share_outside(self) -> float:
        """Return which share of the entries, or of the weights, lies outside the range."""
        return (self.whole - float(self.sums.sum())) / self.whole


@dataclass(frozen=True)
class Law:
    """An exact law to draw: as a curve by its density, or without one bin by bin by its distribution function.

    `ratio` says whether ratios are taken to it, where it has a distribution function; `extent` is where it is drawn.
    """

    name: str
    pdf: Curve | None
    cdf: Curve | None = None
    ratio: bool = True
    colour: str = EXACT
    dash: Any = DASHED
    extent: tuple[float, float] = (-math.inf, math.inf)

    @property
    def reference(self) -> bool:
        """Return whether ratios are taken to it."""
        return self.ratio and self.cdf is not None

    def expected(self, edges: Array) -> Array:
        """Return its mean density in each bin."""
        return np.diff(self.cdf(edges)) / np.diff(edges)
