"""What a reader sees first: how far from truth every model is, and how far off the shell."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from onshell.config import RUN_NAME
from onshell.core.format import MINUS, format_duration
from onshell.report.collect import Scale
from onshell.report.metrics import OFF_SHELL, Measured, run_link
from onshell.report.plots import DotPlot, Dots
from onshell.report.text import format_observable, format_power, plain

SPACES = {"q": Markup("<i>q</i>\u2011space"), "p": Markup("<i>p</i>\u2011space")}
FAMILIES = {"diffusion": "diffusion", "flow": "flow matching"}


class Tile(NamedTuple):
    """A number that sums the scale up, and what it is."""

    value: str | Markup
    words: str | Markup


def tiles(scale: Scale, runs: Sequence[Measured]) -> list[Tile]:
    """Return the numbers that sum the scale up."""
    figures, tables = (sum(one.group == group for one in scale.products) for group in ("figures", "tables"))
    words = f"{_plural(figures, 'figure')} + {_plural(tables, 'table')}"
    found = [Tile(Markup("{} <small>+ {}</small>").format(figures, tables), words)]
    found.append(Tile(str(len(scale.trainings)), f"{_plural(len(scale.trainings), 'model')} trained"))
    seconds = sum(one.record.get("seconds") or 0.0 for one in scale.trainings)
    if seconds:
        found.append(Tile(format_duration(seconds).replace(" ", "\u202f"), "of training, one after the other"))
    for space, name in SPACES.items():
        worst = max((one.off_shell for one in runs if _part(one, "space") == space), default=math.nan)
        if math.isfinite(worst):
            words = Markup("largest mean {} in {}, over the median energy").format(OFF_SHELL, name)
            found.append(Tile(format_power(worst), words))
    return found


def distances(scale: Scale, runs: Iterable[Measured]) -> DotPlot | None:
    """Return, for every run, W1 of each observable as a multiple of its floor; None if nothing was measured."""
    lines = []
    for one in runs:
        values = [
            (plain(format_observable(entry.quantity)), entry.over)
            for entry in one.entries.values()
            if entry.measure == "w1" and entry.over
        ]
        if values:
            name = run_link(scale, one.preset, one.run)
            lines.append(Dots(name, values, _part(one, "space"), scale.of(one.preset)))
    if not lines:
        return None
    high = max(2.0, math.log10(max(value for line in lines for _, value in line.values)) + 0.05)
    ticks = [(10.0**n, f"{10**n}×") for n in range(math.floor(high) + 1)]
    return DotPlot(-0.45, high, "times the floor", ticks, lines, mark=1.0)


def conservation(scale: Scale, runs: Iterable[Measured]) -> DotPlot | None:
    """Return the violation of energy conservation by kind of model, a dot for every run; None if there is none."""
    found: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for one in runs:
        if math.isfinite(one.off_shell) and _part(one, "space"):
            key = (_part(one, "space"), _part(one, "family"), scale.of(one.preset))
            found.setdefault(key, []).append((one.run, one.off_shell))
    if not found:
        return None
    lines = []
    for (space, family, preset), values in found.items():
        name = Markup("{} {}").format(SPACES[space], FAMILIES[family])
        note = Markup(' <span class="of">{}</span>').format(preset) if preset else ""
        lines.append(Dots(name + note, values, space, preset))
    ticks = [(10.0**n, Markup(f"10<sup>{n}</sup>".replace("-", MINUS))) for n in (-16, -12, -8, -4, 0)]
    return DotPlot(-17, 1, "over the median energy", ticks, lines)


def _part(one: Measured, part: str) -> str:
    """Return the space or the family of a run, by its name; "" of one that is not named so."""
    match = RUN_NAME.match(one.run)
    return match[part] if match else ""


def _plural(count: int, word: str) -> str:
    """Return the word for so many."""
    return word if count == 1 else f"{word}s"
