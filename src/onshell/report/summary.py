"""What a reader sees first: how far from truth every model is, and how far off the shell."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from onshell.config import RUN_NAME
from onshell.planning.format import clock
from onshell.report.collect import Scale
from onshell.report.dotplot import Axis, Lane, lanes, short
from onshell.report.format import observable, plain
from onshell.report.numbers import OFF_SHELL, Measured, run_link

FAMILIES = {"q": "<i>q</i>\u2011space", "p": "<i>p</i>\u2011space"}
KEY = '<span class="key q"></span><i>q</i>\u2011space, <span class="key p"></span><i>p</i>\u2011space'
KINDS = {"diffusion": "diffusion", "flow": "flow matching"}


def tiles(scale: Scale, runs: Sequence[Measured]) -> str:
    """Return the numbers that sum the scale up."""
    shown = [sum(one.group == group for one in scale.exhibits) for group in ("figures", "tables")]
    told = [
        (f"{shown[0]} <small>+ {shown[1]}</small>", _plural(shown, ("figure", "table"))),
        (str(len(scale.trainings)), "models trained" if len(scale.trainings) != 1 else "model trained"),
    ]
    seconds = sum(one.record.get("seconds") or 0.0 for one in scale.trainings)
    if seconds:
        told.append((clock(seconds).replace(" ", "\u202f"), "of training, one after the other"))
    for space, words in FAMILIES.items():
        worst = max((one.off_shell for one in runs if _of(one, "space") == space), default=math.nan)
        if math.isfinite(worst):
            told.append((power(worst), f"largest mean {OFF_SHELL} in {words}, over the median energy"))
    cells = "".join(f"<div><dd>{value}</dd><dt>{words}</dt></div>" for value, words in told)
    return f'<dl class="tiles">{cells}</dl>\n'


def distances(scale: Scale, runs: Iterable[Measured]) -> str:
    """Return, for every run, W1 of each observable as a multiple of its floor; "" if nothing was measured."""
    found = []
    for one in runs:
        values = [
            (plain(observable(entry.quantity)), entry.over)
            for entry in one.entries.values()
            if entry.measure == "w1" and entry.over
        ]
        if values:
            name = run_link(scale, one.preset, one.run)
            found.append(Lane(name, values, _of(one, "space"), scale.of(one.preset)))
    if not found:
        return ""
    top = max(value for lane in found for _, value in lane.values)
    high = max(2.0, math.log10(top) + 0.05)
    axis = Axis(-0.45, high, [(10.0**n, f"{10**n}×") for n in range(math.floor(high) + 1)], mark=1.0)
    return (
        '<section class="plot" aria-labelledby="distances">\n<h3 id="distances">How far from truth</h3>\n'
        '<p class="caption">Wasserstein-1 distance to truth of every observable, over its statistical floor: truth '
        "against truth at the same sizes. At 1× nothing tells a model from truth; the bar is the median. Models in "
        f"{KEY}.</p>\n"
        f"{lanes(axis, found, words='times the floor')}</section>\n"
    )


def conservation(scale: Scale, runs: Iterable[Measured]) -> str:
    """Return the violation of energy conservation by kind of model, a dot for every run; "" if there is none."""
    found: dict[tuple[str, str, str], list[tuple[str, float]]] = {}
    for one in runs:
        if math.isfinite(one.off_shell) and _of(one, "space"):
            key = (_of(one, "space"), _of(one, "family"), scale.of(one.preset))
            found.setdefault(key, []).append((one.run, one.off_shell))
    if not found:
        return ""
    rows = []
    for (space, family, preset), values in found.items():
        note = f' <span class="of">{escape(preset)}</span>' if preset else ""
        rows.append(Lane(f"{FAMILIES[space]} {KINDS[family]}{note}", values, space, preset))
    axis = Axis(-17, 1, [(10.0**n, f"10<sup>{n}</sup>".replace("-", "−")) for n in (-16, -12, -8, -4, 0)])
    return (
        '<section class="plot" aria-labelledby="conservation">\n<h3 id="conservation">On the shell, or off it</h3>\n'
        f'<p class="caption">Mean {OFF_SHELL} over the median energy of a particle, a dot for every model. Models that '
        "live in <i>q</i>\u2011space conserve energy and momentum to rounding, whatever they have learnt.</p>\n"
        f"{lanes(axis, rows, words='over the median energy')}</section>\n"
    )


def power(value: float) -> str:
    """Return a number to two digits or, below a thousandth, to one with its power of ten."""
    text = short(value)
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}\u2009×\u200910<sup>{exponent}</sup>".replace("-", "−") if exponent else text


def _of(one: Measured, part: str) -> str:
    """Return the space or the family of a run, by its name; "" of one that is not named so."""
    match = RUN_NAME.match(one.run)
    return match[part] if match else ""


def _plural(counts: Sequence[int], words: Sequence[str]) -> str:
    """Return what was counted: figures and tables."""
    return " + ".join(word + ("" if count == 1 else "s") for count, word in zip(counts, words, strict=True))
