"""The page of a figure: axes placed in inches, and a record of every number that is drawn on them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

STYLE = Path(__file__).with_name("style.mplstyle")
WIDTH = 7.0
LEFT, INNER, RIGHT, BOTTOM = 0.52, 0.38, 0.12, 0.38
"""Margins in inches: left of the first column, left of the others, right of each, below a frame with a label."""

LABEL = 0.37
"""Distance of a vertical axis label from its frame, the same in all panels."""

RATIO_HEIGHT, RATIO_GAP, ROW_GAP, TITLE = 0.5, 0.04, 0.14, 0.2
LARGEST_SQUARE = 2.1
COLUMNS = ["figure", "panel", "kind", "series", "x_lo", "x_hi", "y_lo", "y_hi", "value", "error", "count"]


def styled() -> mpl.RcParams:
    """Return the context manager under which everything is drawn; nothing leaks into the caller's settings."""
    return mpl.rc_context(fname=STYLE)


def words(label: str) -> str:
    """Return a label without its TeX: ``$m^2 = 10^{-2}$`` -> ``m^2 = 10^-2``."""
    return re.sub(r"\\mathrm|[${}\\]", "", label)


class Sheet:
    """A figure `WIDTH` inches wide that grows downward row by row and records what is drawn.

    Axes are placed by hand, in inches: margins for labels are the same in every panel, so nothing overlaps and panels
    line up whatever the tick labels are. `top` is the room left for the legend.
    """

    def __init__(self, name: str, *, top: float = 0.3):
        self.name = name
        self.figure = Figure()
        FigureCanvasAgg(self.figure)
        self.cursor = top
        self.boxes: list[tuple[Axes, float, float, float, float]] = []
        self.rows: list[pd.DataFrame] = []

    def axes(self, left: float, bottom: float, width: float, height: float, **keywords: Any) -> Axes:
        """Return new axes whose frame is `left` and `bottom` inches from the upper left corner of the page."""
        found = self.figure.add_axes((0, 0, 1, 1), **keywords)
        self.boxes.append((found, left, bottom, width, height))
        return found

    def row(
        self,
        columns: int,
        height: float,
        *,
        ratio: bool = True,
        title: bool = False,
        ratio_height: float = RATIO_HEIGHT,
    ) -> list[tuple[Axes, Axes | None]]:
        """Return a row of (main, ratio) axes below what is there; without `ratio`, the second is None.

        `height` is that of the main frame; `title` leaves room for a title above it.
        """
        width = (WIDTH - LEFT - (columns - 1) * INNER - columns * RIGHT) / columns
        bottom = self.cursor + height + (TITLE if title else 0.0)
        low = bottom + RATIO_GAP + ratio_height if ratio else bottom
        pairs: list[tuple[Axes, Axes | None]] = []
        for i in range(columns):
            left = LEFT + i * (width + INNER + RIGHT)
            main = self.axes(left, bottom, width, height)
            below = self.axes(left, low, width, ratio_height, sharex=main) if ratio else None
            main.tick_params(labelbottom=not ratio)
            for each in (main, below):
                if each is not None:
                    each.yaxis.set_label_coords(-LABEL / width, 0.5)
            pairs.append((main, below))
        self.cursor = low + BOTTOM + ROW_GAP
        return pairs

    def squares(
        self, columns: int, *, drawn: Sequence[int] | None = None, bar: float = 0.72
    ) -> tuple[list[Axes], Axes]:
        """Return a centred row of titled square axes and those of one colour bar at the right of the last of them.

        `drawn` picks the columns that have any, by default all; `bar` is the room for the colour bar and its labels.
        """
        room = WIDTH - bar - LEFT - (columns - 1) * INNER - columns * RIGHT
        side = min(room / columns, LARGEST_SQUARE)
        left, step = LEFT + (room - columns * side) / 2, side + INNER + RIGHT
        bottom = self.cursor + TITLE + side
        lefts = [left + i * step for i in (range(columns) if drawn is None else drawn)]
        squares = [self.axes(each, bottom, side, side) for each in lefts]
        for each in squares:
            each.yaxis.set_label_coords(-LABEL / side, 0.5)
        colour = self.axes(lefts[-1] + side + RIGHT + 0.06, bottom, 0.12, side)
        self.cursor = bottom + BOTTOM + ROW_GAP
        return squares, colour

    def finish(self) -> Figure:
        """Return the figure, cut to the height that its rows need."""
        page = self.cursor - ROW_GAP
        self.figure.set_size_inches(WIDTH, page)
        for axes, left, bottom, width, height in self.boxes:
            axes.set_position((left / WIDTH, 1 - bottom / page, width / WIDTH, height / page))
        return self.figure

    def record(
        self,
        panel: str,
        kind: str,
        series: str,
        x: tuple[Sequence[float], Sequence[float]],
        value: Sequence[float],
        error: Sequence[float] | float = 0.0,
        count: Sequence[int] | int = 0,
        y: tuple[Sequence[float], Sequence[float]] | None = None,
    ) -> None:
        """Keep drawn numbers: bins [x_lo, x_hi) (and [y_lo, y_hi) of a map), value, error, and the entries behind them.

        `kind` is histogram, ratio, curve (a law, at x_lo = x_hi or in bins), map, w1 (a distance printed in the panel),
        outside (the range drawn, the share of entries that lie outside of it, and their number), or scaled and scale (a
        histogram that is not of unit area, and by what it was multiplied).
        """
        low, high = (np.asarray(edge, dtype=float) for edge in x)
        found = {"figure": self.name, "panel": panel, "kind": kind, "series": words(series), "x_lo": low, "x_hi": high}
        if y is not None:
            found |= {"y_lo": np.asarray(y[0], dtype=float), "y_hi": np.asarray(y[1], dtype=float)}
        self.rows.append(pd.DataFrame(found | {"value": value, "error": error, "count": count}))

    def table(self) -> pd.DataFrame:
        """Return all drawn numbers as one tidy table; y_lo and y_hi are blank but for maps."""
        table = pd.concat(self.rows, ignore_index=True)
        return table[[name for name in COLUMNS if name in table]]
