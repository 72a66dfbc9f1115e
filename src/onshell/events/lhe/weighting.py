"""The weights of an exported file, and the strategy and cross sections of its header, which fit them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.checks import LARGEST, SMALLEST
from onshell.events.lhe.cross_sections import RELATIVE, Info, convention, mean_of, of_kept, scale_of_kept, total, totals
from onshell.events.table import iter_events

UNWEIGHTED, WEIGHTED = 3, -4
"""Strategies: events that all count alike; weights of either sign that average to the cross section in pb."""


@dataclass(frozen=True)
class Own:
    """The weights that a table's events have themselves: how many events, the sum, the smallest and the largest."""

    rows: int
    total: float
    smallest: float
    largest: float

    @property
    def alike(self) -> bool:
        """Return whether all events count alike."""
        return self.smallest == self.largest

    @property
    def size(self) -> float:
        """Return the largest size of a weight."""
        return max(abs(self.smallest), abs(self.largest))


@dataclass(frozen=True)
class Weighting:
    """How the weights of a table become those of a file, and what the file's header says of them.

    A weight is multiplied by `factor`, or is `constant`; `processes` are the cross sections.
    """

    factor: float
    strategy: int
    processes: list[dict[str, Any]]
    constant: float | None = None

    def apply(self, weights: np.ndarray) -> np.ndarray:
        """Return the weights [n] of the file."""
        return self.factor * weights if self.constant is None else np.full(len(weights), self.constant)


def own_weights(path: Path, rows: int, weighted: bool) -> Own:
    """Return what the weights of the table `path` are, 1 where it has none."""
    if not weighted:
        return Own(rows, float(rows), 1.0, 1.0)
    chunks = iter_events(path, space="p", columns=("weight",), check=False)
    sums = [
        (float(w.sum()), float(w.min()), float(w.max())) for w in (c.columns["weight"].astype(float) for c in chunks)
    ]
    own = Own(rows, sum(each[0] for each in sums), min(each[1] for each in sums), max(each[2] for each in sums))
    if not (own.total > 0.0 and SMALLEST < own.size < LARGEST):
        raise OnshellError(
            f"{path}: its weights sum to {own.total:g}, the largest is {own.size:g}: no distribution; set them right"
        )
    return own


def as_imported(about: Info, own: Own) -> Weighting:
    """Return the weighting of imported events: as they came, but for the share of the file that they are."""
    if about["weights"]["unweighted"]:
        # Their weights were taken from them: what is left is the cross section of the header.
        processes = [{**each, "unit_weight": 1.0} for each in _processes(about)]
        return Weighting(1.0, UNWEIGHTED, processes, 1.0 if own.alike else None)
    factor = scale_of_kept(about, own.rows)
    processes = [{**each, "unit_weight": factor * each["unit_weight"]} for each in _processes(about)]
    return Weighting(factor, about["weighting"], processes)


def as_lent(about: Info, own: Own, where: Path) -> Weighting:
    """Return the weighting of new events that stand for those of an imported table.

    Their weights average, or sum, to the cross section as those of the file `about` did; `where` names the table in the
    error.
    """
    processes = _processes(about)
    strategy = UNWEIGHTED if about["weights"]["unweighted"] else about["weighting"]
    mean = mean_of(about, processes, own.rows)
    if mean is None:
        raise OnshellError(
            f"{where}: the weights of its file neither average nor sum to the cross section, {total(about):g} pb; "
            "import it with --unweighted, so that every event counts once"
        )
    if not own.alike:
        if convention(about) == RELATIVE:
            mean = sum(each["value"] for each in processes) if total(about) else mean
        strategy = WEIGHTED
    elif abs(strategy) not in (3, 4):
        # The others are of events that a reader still has to unweight.
        strategy = WEIGHTED
    factor = mean * own.rows / own.total
    processes = [{**each, "unit_weight": factor * own.size} for each in processes]
    return Weighting(factor, strategy, processes, mean if own.alike else None)


def unknown(own: Own) -> Weighting:
    """Return the weighting of events whose cross section nobody knows: 1 pb, which the weights average to."""
    factor = own.rows / own.total
    size = 1.0 if own.alike else factor * own.size
    processes = [{"value": 1.0, "error": 0.0, "unit_weight": size, "id": 1}]
    return Weighting(factor, UNWEIGHTED if own.alike else WEIGHTED, processes, 1.0 if own.alike else None)


def _processes(about: Info) -> list[dict[str, Any]]:
    """Return the cross sections of the events kept; -1, not known, for those of a header that names none."""
    found: list[Mapping[str, Any]] = list(of_kept(about))
    none = {"value": -1.0, "error": -1.0, "unit_weight": 1.0}
    return [dict(each) for each in found] or [{**none, "id": number} for number in totals(about)]
