"""Metrics as a table of text: every observable with its distances beside their floor, then the classifiers."""

from collections.abc import Iterator, Mapping
from typing import Any

from tabulate import tabulate

from onshell.evaluation.observables import observable

Entry = Mapping[str, Any]
SPACES = {"invariant": "linear, pair masses", "latent": "linear, learned features", "boosted": "boosted trees"}


def lines(found: Entry, sample: str, truth: str) -> Iterator[str]:
    """Yield the lines of metrics, the content of metrics/<run>.json, of the events called `sample` beside `truth`.

    A distance stands with its standard error, its floor with the range that 90% of perfect models are in.
    """
    counts = found["counts"]
    yield f"{sample} ({counts['sample']:,} events) beside {truth} ({counts['truth']:,} events)"
    yield ""
    cells = [row(name, entry) for name, entry in found["observables"].items()]
    yield from tabulate(cells, headers="keys", disable_numparse=True, stralign="right").splitlines()
    yield ""
    for space, entry in found["features"].items():
        if "auc" in entry:
            auc = entry["auc"]
            yield f"AUC, {SPACES.get(space, space)}: {auc['mean']:.4f}{interval(auc, 'floor', '.4f')}"
    if worst := found.get("all", {}).get("worst"):
        yield (
            f"farthest: {observable(worst['observable']).plain}, at {worst['value']:.1f} floors"
            f"{interval(worst, 'floor', '.1f')}"
        )


def row(name: str, entry: Entry) -> dict[str, str]:
    """Return the cells of one observable."""
    cells = {"observable": observable(name).plain if not observable(name).log else f"log {observable(name).plain}"}
    for key, title in (("w1", "W1"), ("ks", "KS")):
        cells[title] = f"{entry[key]:.5f} ± {entry[f'{key}_error']:.5f}"
        if f"floor_{key}_mean" in entry:
            low, high = entry[f"floor_{key}_low"], entry[f"floor_{key}_high"]
            cells[f"floor of {title}"] = f"{entry[f'floor_{key}_mean']:.5f} [{low:.5f}, {high:.5f}]"
    if "w1_over_floor" in entry:
        cells["W1/floor"] = f"{entry['w1_over_floor']:.2f} ± {entry['w1_over_floor_error']:.2f}"
    return cells


def interval(entry: Entry, name: str, style: str) -> str:
    """Return in words where chance alone would be; nothing where no floor is known."""
    if f"{name}_low" not in entry:
        return ""
    return f" (chance: {entry[f'{name}_low']:{style}} to {entry[f'{name}_high']:{style}})"
