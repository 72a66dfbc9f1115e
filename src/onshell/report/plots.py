"""Plots as data: the loss of a training by epoch, and dots on a logarithmic scale; templates draw them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from markupsafe import Markup

from onshell.core.format import MINUS, format_number
from onshell.report.collect import Numbers

WIDTH, HEIGHT = 320, 168
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 24

Point = tuple[float, float]
Label = tuple[float, str]


@dataclass(frozen=True)
class Curve:
    """The loss of every epoch in pixels, with labelled ticks of both axes, and a dot where the weights were kept."""

    words: str
    points: Sequence[Point] = ()
    dots: Sequence[Point] = ()
    x_ticks: Sequence[Label] = ()
    y_ticks: Sequence[Label] = ()


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return at most `most` + 1 round numbers within a range, evenly spaced by 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span <= most * power * factor)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def curve(name: str, history: Numbers, kept: int | None = None) -> Curve:
    """Return the curve of a training; one without points where no loss is finite."""
    epochs = [line["epoch"] for line in history]
    finite = [(line["epoch"], line["loss"]) for line in history if math.isfinite(line["loss"])]
    if not finite:
        return Curve(f"Loss of {name}")
    low, high = min(loss for _, loss in finite), max(loss for _, loss in finite)
    pad = 0.06 * (high - low) or 0.5
    x_at = _scale(epochs[0], max(epochs[-1], epochs[0] + 1), LEFT, WIDTH - RIGHT)
    y_at = _scale(low - pad, high + pad, HEIGHT - BOTTOM, TOP)
    best = min(finite, key=lambda point: point[1])
    start, end, lowest = (f"{_number(loss)} after epoch {epoch:.0f}" for epoch, loss in (finite[0], finite[-1], best))
    inner = {x for x in ticks(epochs[0], epochs[-1], 3) if x == round(x) and x > 0}
    x_ticks = _apart(sorted({epochs[0], epochs[-1], *inner}), (epochs[-1] - epochs[0]) / 8)
    return Curve(
        words=f"Loss of {name}: {start}, {end}; lowest {lowest}.",
        points=[(x_at(epoch), y_at(loss)) for epoch, loss in finite],
        dots=[(x_at(epoch), y_at(loss)) for epoch, loss in finite if epoch == kept],
        x_ticks=[(x_at(epoch), f"{epoch:.0f}") for epoch in x_ticks],
        y_ticks=[(y_at(loss), _number(loss)) for loss in ticks(low - pad, high + pad, 5)],
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
    return format_number(value, 3, trim=True).replace("-", MINUS)


@dataclass(frozen=True)
class Dots:
    """One line of a dot plot: its name, its values by what they are of, its kind (a colour), and its preset."""

    name: str | Markup
    values: Sequence[tuple[str, float]]
    kind: str = ""
    preset: str = ""

    @property
    def ordered(self) -> list[tuple[str, float]]:
        """Return the values, the smallest first."""
        return sorted(self.values, key=lambda value: value[1])

    @property
    def median(self) -> float:
        """Return the value in the middle."""
        return median(value for _, value in self.values)

    def words(self, unit: str) -> str:
        """Return the range of the line in words."""
        (least, low), (most, high) = self.ordered[0], self.ordered[-1]
        if len(self.values) == 1:
            return f"{short(low)} {unit}"
        return f"median {short(self.median)}, from {short(low)} ({least}) to {short(high)} ({most}) {unit}"


@dataclass(frozen=True)
class DotPlot:
    """Lines of dots over a logarithmic axis from 10^low to 10^high; `mark` is where a vertical line is drawn.

    `unit` says what each value is, as in "times the floor".
    """

    low: float
    high: float
    unit: str
    ticks: Sequence[tuple[float, str | Markup]]
    lines: Sequence[Dots] = field(default=())
    mark: float | None = None

    def at(self, value: float) -> str:
        """Return where a value is, in per cent of the axis; what lies outside is at its end."""
        power = math.log10(value) if value > 0 else self.low
        return f"{100.0 * min(max((power - self.low) / (self.high - self.low), 0.0), 1.0):.2f}"


def short(value: float) -> str:
    """Return a number to two significant digits: 0.43, 7.1, 123, 2.2e-16."""
    return format_number(value, 2, trim=True)
