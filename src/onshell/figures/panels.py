"""Reusable panels: histograms with sqrt(n) error bars and a ratio below."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from onshell.figures.series import RATIO_SPANS, TRUTH, TRUTH_FILL, Array, Binned, Law, Series
from onshell.figures.sheet import Sheet

LEGEND_COLUMNS, LEGEND_LINE = 6, 0.17
"""Entries in a line of the legend along the top, and the height in inches of each line but the first."""


def span(panels: Sequence[tuple[Sequence[Series], Array]], law: Law | None = None) -> float:
    """Return the half-height of the ratio axis that suits all panels of a row, each given as (series, edges)."""
    off = []
    for series, edges in panels:
        for _, _, ratio, error in _ratios(series, [Binned.of(s, edges) for s in series], law):
            off.append(np.abs(ratio - 1)[error < 0.25 * ratio])
    need = 1.1 * max((np.quantile(part, 0.95) for part in off if len(part)), default=1.0)
    return next((span for span in RATIO_SPANS if span >= need), max(RATIO_SPANS))


def histogram(
    sheet: Sheet,
    axes: tuple[Axes, Axes | None],
    panel: str,
    series: Sequence[Series],
    edges: Array,
    *,
    label: str,
    law: Law | None = None,
    guides: Sequence[Law] = (),
    log_x: bool = False,
    log_y: bool = False,
    first: bool = True,
    ratio_span: float | None = None,
) -> None:
    """Draw `series` over bins `edges` with sqrt(n) error bars, and below it the ratio to the reference.

    `law` is drawn as a line; it is the reference where ratios are taken to it (its probability of each bin), else the
    first series is. `guides` are further lines. With `log_x` the edges, entries and curves are in log10 of the
    variable, and the axis is labelled in the variable itself. `first` labels the vertical axes; `ratio_span`, from
    `span`, is the common scale of the ratios of a row.
    """
    main, below = axes
    centres = (edges[1:] + edges[:-1]) / 2
    binned = [Binned.of(s, edges) for s in series]
    for s, h in zip(series, binned, strict=True):
        _steps(main, s, h, centres)
        kind, drawn = "histogram" if s.scale is None else "scaled", ([edges[0]], [edges[-1]])
        sheet.record(panel, kind, s.label, (edges[:-1], edges[1:]), h.density, h.error, h.counts)
        if s.scale is not None:
            sheet.record(panel, "scale", s.label, drawn, [s.scale], 0.0, [h.total])
        if n := h.outside:
            sheet.record(panel, "outside", s.label, drawn, [h.share_outside], [n**0.5 / h.total], [n])
    top = max((h.density + h.error).max() for h in binned)
    for each in (law, *guides):
        if each is not None:
            top = max(top, _curve(sheet, main, panel, each, edges))
    if below is not None:
        half = ratio_span or span([(series, edges)], law)
        _ratio(sheet, below, panel, series, binned, law, half, first or ratio_span is None)
        below.set_ylabel("ratio" if first else "")
    main.set_xlim(edges[0], edges[-1])
    if log_y:
        smallest = min(h.density[h.density > 0].min(initial=1.0) for h in binned)
        main.set_yscale("log")
        main.set_ylim(smallest / 2, top * 2)
    else:
        main.set_ylim(0, 1.12 * top)
        main.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    bottom = main if below is None else below
    bottom.set_xlabel(label)
    if log_x:
        _decades(bottom, edges)
    main.set_ylabel(("density per decade" if log_x else "density") if first else "")
    _note_outside(main, series, binned)


def _curve(sheet: Sheet, axes: Axes, panel: str, law: Law, edges: Array) -> float:
    """Draw an exact law, as a curve or bin by bin, and return its largest drawn value."""
    if law.pdf is None:
        y = law.expected(edges)
        axes.stairs(y, edges, baseline=None, color=law.colour, lw=0.9, ls=law.dash, zorder=4)
        sheet.record(panel, "curve", law.name, (edges[:-1], edges[1:]), y)
    else:
        x = np.linspace(max(edges[0], law.extent[0]), min(edges[-1], law.extent[1]), 241)
        y = law.pdf(x)
        axes.plot(x, y, color=law.colour, lw=0.9, ls=law.dash, zorder=4)
        sheet.record(panel, "curve", law.name, (x, x), y)
    return float(y.max())


def _steps(axes: Axes, series: Series, h: Binned, centres: Array) -> None:
    """Draw one histogram: truth as a filled step, uniform dashed, models as lines, all with error bars."""
    if series.role == "truth":
        axes.stairs(h.density, h.edges, fill=True, color=TRUTH_FILL, zorder=1)
    order = 2 if series.role == "truth" else 3
    axes.stairs(h.density, h.edges, baseline=None, color=series.ink, ls=series.dash, lw=0.9, zorder=order)
    axes.errorbar(centres, h.density, h.error, fmt="none", ecolor=series.ink, elinewidth=0.6, zorder=order)


def _ratios(
    series: Sequence[Series], binned: Sequence[Binned], law: Law | None
) -> Iterator[tuple[Series, NDArray[np.bool_], Array, Array]]:
    """Yield (series, bins, ratio, error) to the reference, over the bins where it expects enough entries.

    Errors are the sqrt(n) of the series alone; the band shows those of a reference that is a sample.
    """
    to_law = law is not None and law.reference
    edges = binned[0].edges
    reference = law.expected(edges) if to_law else binned[0].density
    for s, h in list(zip(series, binned, strict=True))[0 if to_law else 1 :]:
        if s.ratio:
            some = h.enough(reference) & (edges[:-1] >= s.start)
            yield s, some, h.density[some] / reference[some], h.error[some] / reference[some]


def _ratio(
    sheet: Sheet,
    axes: Axes,
    panel: str,
    series: Sequence[Series],
    binned: Sequence[Binned],
    law: Law | None,
    half: float,
    labels: bool,
) -> None:
    """Draw the ratios, a band for the sqrt(n) of truth, and arrows for points off the scale."""
    if law is None or not law.reference:
        truth, band = binned[0], binned[0].band
        axes.stairs(1 + band, truth.edges, baseline=1 - band, fill=True, color=TRUTH_FILL, zorder=0)
    axes.axhline(1.0, color=TRUTH, lw=0.6, zorder=1)
    edges, shown = binned[0].edges, list(_ratios(series, binned, law))
    for i, (s, some, ratio, error) in enumerate(shown):
        low, high = edges[:-1][some], edges[1:][some]
        sheet.record(panel, "ratio", s.label, (low, high), ratio, error)
        # Points of several models stand side by side within the bin.
        x = low + (high - low) * (0.5 + min(0.16, 0.9 / len(shown)) * (i - (len(shown) - 1) / 2))
        inside = np.abs(ratio - 1) <= half
        axes.errorbar(x[inside], ratio[inside], error[inside], fmt="o", ms=1.7, color=s.ink, elinewidth=0.6, zorder=3)
        for marker, side in (("^", 1), ("v", -1)):
            beyond = side * (ratio - 1) > half
            y = np.full(beyond.sum(), 1 + 0.88 * side * half)
            axes.plot(x[beyond], y, marker, ms=2.6, color=s.ink, mec="none", zorder=4)
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


def angle_ticks(axes: Axes) -> None:
    """Label an azimuth axis at -pi, 0 and pi."""
    axes.set_xticks([-np.pi, 0.0, np.pi], [r"$-\pi$", "0", r"$\pi$"])
    axes.set_xticks([-np.pi / 2, np.pi / 2], minor=True)


def _note_outside(axes: Axes, series: Sequence[Series], binned: Sequence[Binned]) -> None:
    """Say in the panel which share of a sample lies outside the range, where that is more than one in 1000."""
    notes = [f"{s.label}: {h.share_outside:.1%} outside" for s, h in zip(series, binned, strict=True)]
    notes = [note for note, h in zip(notes, binned, strict=True) if h.share_outside > 1e-3]
    if notes:
        axes.text(0.97, 0.96, "\n".join(notes), transform=axes.transAxes, ha="right", va="top", fontsize=6)


def handles(series: Sequence[Series], laws: Sequence[Law] = ()) -> list[Patch | Line2D]:
    """Return the legend entries of samples and of the lines of laws."""
    found: list[Patch | Line2D] = []
    for s in series:
        if s.role == "truth":
            found.append(Patch(facecolor=TRUTH_FILL, edgecolor=TRUTH, label=s.label))
        else:
            found.append(Line2D([], [], color=s.ink, ls=s.dash, label=s.label))
    return found + [Line2D([], [], color=law.colour, lw=0.9, ls=law.dash, label=law.name) for law in laws]


def legend(sheet: Sheet, series: Sequence[Series], laws: Sequence[Law] = ()) -> None:
    """Draw one legend for all panels along the top of the page, before its rows; more lines move these down."""
    found = handles(series, laws)
    lines = -(-len(found) // LEGEND_COLUMNS)
    sheet.cursor += (lines - 1) * LEGEND_LINE
    sheet.figure.legend(handles=found, loc="upper center", ncol=-(-len(found) // lines))
