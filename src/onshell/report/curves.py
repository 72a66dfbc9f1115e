"""The loss of a training by epoch, drawn as SVG that follows the colours of the page."""

import math
from collections.abc import Sequence
from html import escape

from onshell.report.collect import Numbers

WIDTH, HEIGHT = 320, 168
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return at most `most` + 1 round numbers within a range, evenly spaced by 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span <= most * power * factor)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def curve(name: str, history: Numbers, kept: int | None = None) -> str:
    """Return the loss of every epoch as a line, with a dot at the epoch whose weights were kept."""
    epochs, losses = ([line[key] for line in history] for key in ("epoch", "loss"))
    finite = [(x, y) for x, y in zip(epochs, losses, strict=True) if math.isfinite(y)]
    if not finite:
        return '<p class="note">no finite loss</p>\n'
    low, high = min(y for _, y in finite), max(y for _, y in finite)
    pad = 0.06 * (high - low) or 0.5
    x_at = _scale(epochs[0], max(epochs[-1], epochs[0] + 1), LEFT, WIDTH - RIGHT)
    y_at = _scale(low - pad, high + pad, HEIGHT - BOTTOM, TOP)
    best = min(finite, key=lambda one: one[1])
    start, end, lowest = (f"{_number(y)} after epoch {x:.0f}" for x, y in (finite[0], finite[-1], best))
    told = f"Loss of {name}: {start}, {end}; lowest {lowest}."
    y_ticks = ticks(low - pad, high + pad, 5)
    x_ticks = sorted({epochs[0], epochs[-1], *(x for x in ticks(epochs[0], epochs[-1], 3) if x == round(x) and x > 0)})
    x_ticks = _apart(x_ticks, (epochs[-1] - epochs[0]) / 8)
    marks = "".join(
        f'<path class="grid" d="M{LEFT} {y_at(y):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{y_at(y) + 4:.1f}" text-anchor="end">{_number(y)}</text>'
        for y in y_ticks
    )
    marks += "".join(f'<text x="{x_at(x):.1f}" y="{HEIGHT - 7}" text-anchor="middle">{x:.0f}</text>' for x in x_ticks)
    line = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in finite)
    dots = [f'<circle class="kept" cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="4"/>' for x, y in finite if x == kept]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told)}">{marks}'
        f'<polyline class="loss" points="{line}"/>{"".join(dots)}</svg>\n'
    )


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Return the first and the last value, and of the others those far enough from both and from one another."""
    kept = [values[0]]
    for value in values[1:-1]:
        if value - kept[-1] >= least and values[-1] - value >= least:
            kept.append(value)
    return [*kept, values[-1]] if len(values) > 1 else kept


def _scale(low: float, high: float, start: float, end: float):
    """Return the linear map of [low, high] onto [start, end]."""
    return lambda value: start + (end - start) * (value - low) / (high - low)


def _number(value: float) -> str:
    """Return a number of an axis to three significant digits at most, with a true minus."""
    return f"{value:.3g}".replace("-", "−")
