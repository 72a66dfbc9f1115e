"""The canvas of a figure: axes placed in inches, and a record of every number that is drawn on them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from onshell.core.files import all_whole, whole

STYLE = Path(__file__).with_name("style.mplstyle")
WIDTH = 7.0
LEFT, INNER, RIGHT, BOTTOM = 0.52, 0.38, 0.12, 0.38
"""Margins in inches: left of the first column, left of the others, right of each, below a frame with a label."""

LABEL = 0.37
"""Distance of a vertical axis label from its frame, the same in all panels."""

RATIO_HEIGHT, RATIO_GAP, ROW_GAP, TITLE = 0.5, 0.04, 0.14, 0.2
LARGEST_SQUARE = 2.1
Ends = tuple[Sequence[float], Sequence[float]]
COLUMNS = ["figure", "panel", "kind", "series", "x_lo", "x_hi", "y_lo", "y_hi", "value", "error", "count"]


def styled() -> mpl.RcParams:
    """Return the context manager under which everything is drawn; nothing leaks into the caller's settings."""
    return mpl.rc_context(fname=STYLE)


def plain_label(label: str) -> str:
    """Return a label without its TeX: ``$m^2 = 10^{-2}$`` -> ``m^2 = 10^-2``."""
    return re.sub(r"\\mathrm|[${}\\]", "", label)


@dataclass(frozen=True)
class Numbers:
    """Drawn numbers: bins [x_lo, x_hi) (and [y_lo, y_hi) of a map), value, error, and the entries behind them."""

    x: Ends
    value: Sequence[float]
    error: Sequence[float] | float = 0.0
    count: Sequence[int] | int = 0
    y: Ends | None = None


def beside(stem: str | Path, suffix: str) -> Path:
    """Return `stem` with `suffix` added; a dot in the stem stays."""
    return Path(stem).with_name(f"{Path(stem).name}{suffix}")


class Canvas:
    """A figure `WIDTH` inches wide that grows downward row by row and records what is drawn.

    Axes are placed by hand, in inches: margins for labels are the same in every panel, so nothing overlaps and panels
    line up whatever the tick labels are. `top` is the room left for the legend.
    """

    def __init__(self, *, top: float = 0.3):
        self.figure = Figure()
        FigureCanvasAgg(self.figure)
        self.bottom = top
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
        bottom = self.bottom + height + (TITLE if title else 0.0)
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
        self.bottom = low + BOTTOM + ROW_GAP
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
        bottom = self.bottom + TITLE + side
        lefts = [left + i * step for i in (range(columns) if drawn is None else drawn)]
        squares = [self.axes(each, bottom, side, side) for each in lefts]
        for each in squares:
            each.yaxis.set_label_coords(-LABEL / side, 0.5)
        bar_axes = self.axes(lefts[-1] + side + RIGHT + 0.06, bottom, 0.12, side)
        self.bottom = bottom + BOTTOM + ROW_GAP
        return squares, bar_axes

    def finish(self) -> Figure:
        """Return the figure, cut to the height that its rows need."""
        page = self.bottom - ROW_GAP
        self.figure.set_size_inches(WIDTH, page)
        for axes, left, bottom, width, height in self.boxes:
            axes.set_position((left / WIDTH, 1 - bottom / page, width / WIDTH, height / page))
        return self.figure

    def save(self, path: Path) -> None:
        """Write the figure to `path`, in the format that its suffix names."""
        figure = self.finish()
        with whole(path) as part:
            figure.savefig(part, format=path.suffix[1:].lower())

    def save_all(self, stem: str | Path, name: str) -> None:
        """Write <stem>.pdf, .png and .csv (the drawn numbers), all or none; equal content gives equal bytes."""
        table, figure = self.table(name), self.finish()
        with all_whole(*(beside(stem, suffix) for suffix in (".pdf", ".png", ".csv"))) as (pdf, png, csv):
            figure.savefig(pdf, metadata={"CreationDate": None})
            figure.savefig(png, metadata={"Software": None})
            table.to_csv(csv, index=False, float_format="%.10g")

    def record(self, panel: str, kind: str, series: str, numbers: Numbers) -> None:
        """Keep drawn numbers, with the entries behind them.

        `kind` is histogram, ratio, curve (a law, at x_lo = x_hi or in bins), map, w1 (a distance printed in the panel),
        outside (the range drawn, the share of entries that lie outside of it, and their number), or scaled and scale (a
        histogram that is not of unit area, and by what it was multiplied).
        """
        found = {"panel": panel, "kind": kind, "series": plain_label(series)}
        for axis, ends in (("x", numbers.x), ("y", numbers.y)):
            if ends is not None:
                found |= {
                    f"{axis}_{end}": np.asarray(edge, dtype=float) for end, edge in zip(("lo", "hi"), ends, strict=True)
                }
        values = {"value": numbers.value, "error": numbers.error, "count": numbers.count}
        self.rows.append(pd.DataFrame(found | values))

    def table(self, name: str = "figure") -> pd.DataFrame:
        """Return all drawn numbers of the figure `name` as one tidy table; y_lo and y_hi are blank but for maps."""
        table = pd.concat(self.rows, ignore_index=True).assign(figure=name)
        return table[[column for column in COLUMNS if column in table]]
