"""Dots on a logarithmic scale, a lane for every run: what a table says, at a glance and on a phone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

from onshell.core.markup import belongs


@dataclass(frozen=True)
class Lane:
    """One line of a plot: its name (HTML), its values by what they are of, its kind (a colour), and its preset."""

    name: str
    values: Sequence[tuple[str, float]]
    kind: str = ""
    of: str = ""


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from 10^low to 10^high with labelled ticks; `mark` is where a line is drawn."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    mark: float | None = None

    def at(self, value: float) -> float:
        """Return where a value is, in per cent of the lane; what lies outside is at its end."""
        power = math.log10(value) if value > 0 else self.low
        return 100.0 * min(max((power - self.low) / (self.high - self.low), 0.0), 1.0)


def lanes(axis: Axis, rows: Sequence[Lane], *, words: str) -> str:
    """Return a plot; `words` says what each value is, as in "times the floor"."""
    ticks = "".join(f'<span style="left:{axis.at(value):.2f}%">{name}</span>' for value, name in axis.ticks)
    lines = "".join(f'<s style="left:{axis.at(value):.2f}%"></s>' for value, _ in axis.ticks)
    mark = "" if axis.mark is None else f'<s class="mark" style="left:{axis.at(axis.mark):.2f}%"></s>'
    body = "".join(_lane(axis, row, lines + mark, words) for row in rows)
    return f'<div class="lanes">\n{body}<div class="ticks" aria-hidden="true">{ticks}</div></div>\n'


def _lane(axis: Axis, row: Lane, lines: str, words: str) -> str:
    """Return one lane; to a screen reader it is a picture that tells its range."""
    ordered = sorted(row.values, key=lambda one: one[1])
    (least, low), (most, high) = ordered[0], ordered[-1]
    middle = median(value for _, value in ordered)
    told = f"{short(low)} {words}"
    if len(ordered) > 1:
        told = f"median {short(middle)}, from {short(low)} ({least}) to {short(high)} ({most}) {words}"
    dots = "".join(
        f'<i style="left:{axis.at(value):.2f}%" title="{escape(name)}: {short(value)} {words}"></i>'
        for name, value in ordered
    )
    centre = f'<b style="left:{axis.at(middle):.2f}%"></b>' if len(ordered) > 2 else ""
    kind = f" {row.kind}" if row.kind else ""
    return (
        f'<div class="lane{kind}"{belongs(row.of)}><div class="name">{row.name}</div>'
        f'<div class="track" role="img" aria-label="{escape(told)}">{lines}{dots}{centre}</div></div>\n'
    )


def short(value: float) -> str:
    """Return a number to two significant digits: 0.43, 7.1, 120, 2e-16."""
    if value and abs(value) < 1e-3:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{float(f'{value:.2g}'):g}"
