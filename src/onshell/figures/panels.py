"""Panels: histograms with sqrt(n) error bars and a ratio below, side by side on common scales."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from onshell.figures.canvas import RATIO_HEIGHT, Canvas, Numbers
from onshell.figures.series import RATIO_SPANS, TRUTH, TRUTH_FILL, Array, Binned, Law, Series

LEGEND_COLUMNS, LEGEND_LINE = 6, 0.17
"""Entries in a line of the legend along the top, and the height in inches of each line but the first."""


TITLED = 0.22
"""Room for the legend above a row of panels with titles."""

Axis = tuple[Axes, Axes | None]
"""The axes of a panel, and those of its ratios if it has any."""


@dataclass(frozen=True)
class Panel:
    """One panel: its name in the drawn numbers, its samples and their bins, its axis label, and its laws.

    `law` is drawn as a line; it is the reference where ratios are taken to it (its probability of each bin), else the
    first series is. `guides` are further lines. With `log_x` the edges, entries and laws are in log10 of the variable,
    and the axis is labelled in the variable itself; `log_y` makes the axis of the densities logarithmic.
    """

    name: str
    series: Sequence[Series]
    edges: Array
    label: str
    law: Law | None = None
    guides: Sequence[Law] = ()
    title: str = ""
    log_x: bool = False
    log_y: bool = False

    @cached_property
    def binned(self) -> list[Binned]:
        """Return the histograms of the samples."""
        return [Binned.of(one, self.edges) for one in self.series]

    @property
    def to_law(self) -> bool:
        """Return whether ratios are taken to the law."""
        return self.law is not None and self.law.reference

    def ratios(self) -> Iterator[tuple[Series, NDArray[np.bool_], Array, Array]]:
        """Yield (series, bins, ratio, error) to the reference, over the bins where it expects enough entries.

        Errors are the sqrt(n) of the series alone; the band shows those of a reference that is a sample.
        """
        reference = self.law.expected(self.edges) if self.to_law else self.binned[0].density
        for one, h in list(zip(self.series, self.binned, strict=True))[0 if self.to_law else 1 :]:
            if one.ratio and one.role != "uniform":
                some = h.enough(reference) & (self.edges[:-1] >= one.start)
                yield one, some, h.density[some] / reference[some], h.error[some] / reference[some]


def span(panels: Sequence[Panel]) -> float:
    """Return the half-height of the ratio axis that suits all panels of a row."""
    off = [np.abs(ratio - 1)[error < 0.25 * ratio] for panel in panels for _, _, ratio, error in panel.ratios()]
    need = 1.1 * max((np.quantile(part, 0.95) for part in off if len(part)), default=1.0)
    return next((half for half in RATIO_SPANS if half >= need), max(RATIO_SPANS))


def draw_row(
    canvas: Canvas,
    panels: Sequence[Panel],
    height: float,
    *,
    ratio_height: float | None = RATIO_HEIGHT,
    one_height: bool = False,
    one_ratio: bool = True,
) -> list[Axis]:
    """Draw panels side by side and return their axes.

    Ratios are on one scale unless `one_ratio` is false, and absent with `ratio_height` None; `one_height` gives all
    densities one scale too.
    """
    ratio, titled = ratio_height is not None, any(panel.title for panel in panels)
    places = canvas.row(len(panels), height, ratio=ratio, title=titled, ratio_height=ratio_height or 0.0)
    common = span(panels) if ratio and one_ratio else None
    for i, (place, panel) in enumerate(zip(places, panels, strict=True)):
        histogram(canvas, place, panel, first=i == 0, ratio_span=common)
    if one_height:
        limits = [main.get_ylim() for main, _ in places]
        for main, _ in places:
            main.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
    return places


def histogram(canvas: Canvas, axes: Axis, panel: Panel, *, first: bool = True, ratio_span: float | None = None) -> None:
    """Draw the samples of a panel with sqrt(n) error bars, and below them the ratio to the reference.

    `first` labels the vertical axes; `ratio_span`, from `span`, is the common scale of the ratios of a row.
    """
    (main, below), edges, binned = axes, panel.edges, panel.binned
    main.set_title(panel.title)
    for one, h in zip(panel.series, binned, strict=True):
        _steps(main, one, h)
        kind, drawn = "histogram" if one.scale is None else "scaled", ([edges[0]], [edges[-1]])
        canvas.record(panel.name, kind, one.label, Numbers((edges[:-1], edges[1:]), h.density, h.error, h.counts))
        if one.scale is not None:
            canvas.record(panel.name, "scale", one.label, Numbers(drawn, [one.scale], 0.0, [h.total]))
        if n := h.outside:
            share, error = [h.share_outside], [n**0.5 / h.total]
            canvas.record(panel.name, "outside", one.label, Numbers(drawn, share, error, [n]))
    top = max((h.density + h.error).max() for h in binned)
    for law in (panel.law, *panel.guides):
        if law is not None:
            top = max(top, _curve(canvas, main, panel.name, law, edges))
    if below is not None:
        _ratio(canvas, below, panel, ratio_span or span([panel]), labels=first or ratio_span is None)
        below.set_ylabel("ratio" if first else "")
    main.set_xlim(edges[0], edges[-1])
    if panel.log_y:
        smallest = min(h.density[h.density > 0].min(initial=1.0) for h in binned)
        main.set_yscale("log")
        main.set_ylim(smallest / 2, top * 2)
    else:
        main.set_ylim(0, 1.12 * top)
        main.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    bottom = main if below is None else below
    bottom.set_xlabel(panel.label)
    if panel.log_x:
        _decades(bottom, edges)
    elif edges[-1] == np.pi:
        bottom.set_xticks([-np.pi, 0.0, np.pi], [r"$-\pi$", "0", r"$\pi$"])
        bottom.set_xticks([-np.pi / 2, np.pi / 2], minor=True)
    main.set_ylabel(("density per decade" if panel.log_x else "density") if first else "")
    _note_outside(main, panel)


def _curve(canvas: Canvas, axes: Axes, panel: str, law: Law, edges: Array) -> float:
    """Draw an exact law, as a curve or bin by bin, and return its largest drawn value."""
    if law.pdf is None:
        y = law.expected(edges)
        axes.stairs(y, edges, baseline=None, color=law.colour, lw=0.9, ls=law.dash, zorder=4)
        canvas.record(panel, "curve", law.name, Numbers((edges[:-1], edges[1:]), y))
    else:
        x = np.linspace(max(edges[0], law.extent[0]), min(edges[-1], law.extent[1]), 241)
        y = law.pdf(x)
        axes.plot(x, y, color=law.colour, lw=0.9, ls=law.dash, zorder=4)
        canvas.record(panel, "curve", law.name, Numbers((x, x), y))
    return float(y.max())


def _steps(axes: Axes, series: Series, h: Binned) -> None:
    """Draw one histogram: truth as a filled step, uniform dashed, models as lines, all with error bars."""
    if series.role == "truth":
        axes.stairs(h.density, h.edges, fill=True, color=TRUTH_FILL, zorder=1)
    order, centres = 2 if series.role == "truth" else 3, (h.edges[1:] + h.edges[:-1]) / 2
    colour = series.line_colour
    axes.stairs(h.density, h.edges, baseline=None, color=colour, ls=series.dash, lw=0.9, zorder=order)
    axes.errorbar(centres, h.density, h.error, fmt="none", ecolor=colour, elinewidth=0.6, zorder=order)


def _ratio(canvas: Canvas, axes: Axes, panel: Panel, half: float, *, labels: bool) -> None:
    """Draw the ratios, a band for the sqrt(n) of truth, and arrows for points off the scale."""
    edges, shown = panel.edges, list(panel.ratios())
    if not panel.to_law:
        band = panel.binned[0].band
        axes.stairs(1 + band, edges, baseline=1 - band, fill=True, color=TRUTH_FILL, zorder=0)
    axes.axhline(1.0, color=TRUTH, lw=0.6, zorder=1)
    for i, (one, some, ratio, error) in enumerate(shown):
        low, high, colour = edges[:-1][some], edges[1:][some], one.line_colour
        canvas.record(panel.name, "ratio", one.label, Numbers((low, high), ratio, error))
        # Points of several models stand side by side within the bin.
        x = low + (high - low) * (0.5 + min(0.16, 0.9 / len(shown)) * (i - (len(shown) - 1) / 2))
        inside = np.abs(ratio - 1) <= half
        axes.errorbar(x[inside], ratio[inside], error[inside], fmt="o", ms=1.7, color=colour, elinewidth=0.6, zorder=3)
        for marker, side in (("^", 1), ("v", -1)):
            beyond = side * (ratio - 1) > half
            y = np.full(beyond.sum(), 1 + 0.88 * side * half)
            axes.plot(x[beyond], y, marker, ms=2.6, color=colour, mec="none", zorder=4)
    axes.set_ylim(1 - half, 1 + half)
    axes.set_yticks([1 - RATIO_SPANS[half], 1, 1 + RATIO_SPANS[half]])
    axes.tick_params(labelleft=labels)


def _decades(axes: Axes, edges: Array) -> None:
    """Label an axis of log10(x) as powers of ten, with minor ticks at 2..9."""
    low, high = int(np.ceil(edges[0] - 1e-9)), int(np.floor(edges[-1] + 1e-9))
    step = max(1, -(-(high - low) // 6))
    ticks = [k for k in range(low, high + 1) if k % step == 0]
    axes.set_xticks(ticks, [f"$10^{{{k}}}$" for k in ticks])
    minor = [k + np.log10(m) for k in range(low - 1, high + 1) for m in range(2, 10)] if step == 1 else range(low, high)
    axes.set_xticks([t for t in minor if edges[0] < t < edges[-1]], minor=True)


def _note_outside(axes: Axes, panel: Panel) -> None:
    """Say in the panel which share of a sample lies outside the range, where that is more than one in 1000."""
    shares = [(one.label, h.share_outside) for one, h in zip(panel.series, panel.binned, strict=True)]
    notes = [f"{label}: {share:.1%} outside" for label, share in shares if share > 1e-3]
    if notes:
        axes.text(0.97, 0.96, "\n".join(notes), transform=axes.transAxes, ha="right", va="top", fontsize=6)


def handles(series: Sequence[Series], laws: Sequence[Law] = ()) -> list[Patch | Line2D]:
    """Return the legend entries of samples and of the lines of laws."""
    found: list[Patch | Line2D] = []
    for s in series:
        if s.role == "truth":
            found.append(Patch(facecolor=TRUTH_FILL, edgecolor=TRUTH, label=s.label))
        else:
            found.append(Line2D([], [], color=s.line_colour, ls=s.dash, label=s.label))
    return found + [Line2D([], [], color=law.colour, lw=0.9, ls=law.dash, label=law.name) for law in laws]


def legend(canvas: Canvas, series: Sequence[Series], laws: Sequence[Law] = ()) -> None:
    """Draw one legend for all panels along the top of the page, before its rows; more lines move these down."""
    found = handles(series, laws)
    lines = -(-len(found) // LEGEND_COLUMNS)
    canvas.bottom += (lines - 1) * LEGEND_LINE
    canvas.figure.legend(handles=found, loc="upper center", ncol=-(-len(found) // lines))
