"""Cross sections of the events that an import kept, and the weights of exported files, which fit them.

In a Les Houches file the weights of events average to its cross section (hep-ph/0109068); many generators write files
whose weights sum to it instead, or are all alike and mean nothing. What a file does is seen from its numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.checks import LARGEST, SMALLEST
from onshell.events.table import iter_events

Info = Mapping[str, Any]
"""What the metadata of an imported table say of its file, under the key `lhe`."""

AVERAGE, SUM, RELATIVE, UNKNOWN = "average", "sum", "relative", "unknown"
"""What the weights do: average to the cross section, sum to it, stand in proportion alone, or nobody knows."""

SPREADS, SLACK = 5.0, 0.1
"""How far weights may be from a cross section: standard deviations, and a share of it.

Generators take the two from different integrations, POWHEG's differ by percents.
"""

UNWEIGHTED, WEIGHTED = 3, -4
"""Strategies: events that all count alike; weights of either sign that average to the cross section in pb."""


def totals(about: Info) -> dict[int, dict[str, float]]:
    """Return the sums over the events of the file by number of process; those of older tables have one, 0."""
    if "processes" in about:
        return {int(number): sums for number, sums in about["processes"].items()}
    if about["dropped"]:
        raise ValueError("an earlier version did not weigh what it left out")
    sums, n = about["weights"], about["kept"]
    one = {"events": n, "weight": sums["sum"], "square": sums["sum_of_squares"], "kept": n, "kept_weight": sums["sum"]}
    return {0: one}


def total(about: Info) -> float | None:
    """Return the cross section of the whole file in pb; None where its header does not know it."""
    values = [process["value"] for process in about["cross_sections"]]
    return sum(values) if sum(values) > 0.0 and min(values) >= 0.0 else None


def convention(about: Info) -> str:
    """Return what the weights of a file do: `AVERAGE`, `SUM`, `RELATIVE` or `UNKNOWN`."""
    strategy = abs(about["weighting"])
    if about["weights"]["unweighted"]:
        return RELATIVE
    sums = totals(about).values()
    n, weight, square = (sum(each[key] for each in sums) for key in ("events", "weight", "square"))
    value = total(about)
    if strategy == 3 and math.isclose(square, n):
        # Weights of 1 or -1, as the format has them for unweighted events.
        return RELATIVE
    if value is None:
        return RELATIVE if strategy in (2, 3) else AVERAGE
    spread = math.sqrt(max(square / n - (weight / n) ** 2, 0.0) / n)
    error = math.hypot(*(max(process["error"], 0.0) for process in _of_header(about)))
    # Of several files of weights that sum, each has the whole cross section.
    joined, distances = _joined(about), {}
    for name, found, wide in ((AVERAGE, weight / n, spread), (SUM, weight / joined, n / joined * spread)):
        if found > 0.0 and abs(found - value) <= SPREADS * math.hypot(wide, error) + SLACK * value:
            distances[name] = abs(math.log(found / value))
    if distances:
        # Of one event, or of a header with a large error, both may be true; the format's own way goes first.
        return min(distances, key=distances.__getitem__)
    return RELATIVE if strategy in (2, 3) else UNKNOWN


def of_kept(about: Info) -> list[dict[str, Any]]:
    """Return the cross sections of the header, each times the share of its events, by weight, that were kept.

    The error has that of the share. Processes of which no event was kept are left away.
    """
    processes, sums = _of_header(about), totals(about)
    if all(each["kept"] == each["events"] for each in sums.values()):
        return processes
    if not set(sums) <= {process["id"] for process in processes}:
        # The header does not know the processes of the events: all have the share of the whole file.
        whole = {key: sum(each[key] for each in sums.values()) for key in next(iter(sums.values()))}
        sums = {process["id"]: whole for process in processes}
    found = []
    for process in processes:
        each = sums.get(process["id"])
        if each is None:
            found.append(process)
        elif each["kept"]:
            share, effective = _share(each, about["weights"]["unweighted"])
            spread = process["value"] * math.sqrt(abs(share * (1.0 - share)) / effective)
            if process["value"] >= 0.0:
                process |= {"error": math.hypot(share * max(process["error"], 0.0), spread)}
                process |= {"value": share * process["value"]}
            found.append(process)
    return found


def scale_of_kept(about: Info, rows: int) -> float:
    """Return what the weights of `rows` events of an imported table are multiplied with.

    They then average, or sum, to the cross section of the events kept, as those of the file did to that of all.
    """
    kind, sums = convention(about), totals(about).values()
    if kind == AVERAGE:
        return sum(each["kept"] for each in sums) / sum(each["events"] for each in sums)
    return about["kept"] / rows / _joined(about) if kind == SUM else 1.0


def _of_header(about: Info) -> list[dict[str, Any]]:
    """Return the cross sections of the header; an error that it does not know is -1, a largest weight 1."""
    unknown = {"error": -1.0, "unit_weight": 1.0}
    known = ({key: value for key, value in process.items() if value is not None} for process in about["cross_sections"])
    return [{**unknown, **process} for process in known]


def _joined(about: Info) -> int:
    """Return how many files, or parts of one, with events and a header of their own were imported together."""
    return max(sum(bool(document["events"]) for document in about.get("documents", ())), 1)


def _share(sums: Info, unweighted: bool) -> tuple[float, float]:
    """Return the share of events that were kept, by weight if it is one, and the effective number of all of them."""
    if unweighted or not sums["weight"] > 0.0:
        return sums["kept"] / sums["events"], float(sums["events"])
    return sums["kept_weight"] / sums["weight"], sums["weight"] ** 2 / sums["square"]


@dataclass(frozen=True)
class TableWeights:
    """The weights in a table: how many events, their sum, the smallest and the largest."""

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


def table_weights(path: Path, rows: int, weighted: bool) -> TableWeights:
    """Return what the weights of the table `path` are, 1 where it has none."""
    if not weighted:
        return TableWeights(rows, float(rows), 1.0, 1.0)
    chunks = iter_events(path, space="p", columns=("weight",), check=False)
    sums = [
        (float(w.sum()), float(w.min()), float(w.max())) for w in (c.columns["weight"].astype(float) for c in chunks)
    ]
    total, smallest, largest = zip(*sums, strict=True)
    found = TableWeights(rows, sum(total), min(smallest), max(largest))
    if not (found.total > 0.0 and SMALLEST < found.size < LARGEST):
        raise OnshellError(
            f"{path}: its weights sum to {found.total:g}, the largest is {found.size:g}: no distribution; "
            "set them right"
        )
    return found


def imported_weighting(about: Info, weights: TableWeights) -> Weighting:
    """Return the weighting of imported events: as they came, but for the share of the file that they are."""
    if about["weights"]["unweighted"]:
        # Their weights were taken from them: what is left is the cross section of the header.
        processes = [{**each, "unit_weight": 1.0} for each in _of_file(about)]
        return Weighting(1.0, UNWEIGHTED, processes, 1.0 if weights.alike else None)
    factor = scale_of_kept(about, weights.rows)
    processes = [{**each, "unit_weight": factor * each["unit_weight"]} for each in _of_file(about)]
    return Weighting(factor, about["weighting"], processes)


def template_weighting(about: Info, weights: TableWeights, where: Path) -> Weighting:
    """Return the weighting of new events that stand for those of an imported table.

    Their weights average, or sum, to the cross section as those of the file `about` did; `where` names the table in the
    error.
    """
    processes = _of_file(about)
    strategy = UNWEIGHTED if about["weights"]["unweighted"] else about["weighting"]
    mean = _mean(about, processes, weights.rows)
    if mean is None:
        raise OnshellError(
            f"{where}: the weights of its file neither average nor sum to the cross section, {total(about):g} pb; "
            "import it with --unweighted, so that every event counts once"
        )
    if not weights.alike and convention(about) == RELATIVE and total(about):
        mean = sum(each["value"] for each in processes)
    if not weights.alike or abs(strategy) not in (3, 4):
        # The other strategies are of events that a reader still has to unweight.
        strategy = WEIGHTED
    factor = mean * weights.rows / weights.total
    processes = [{**each, "unit_weight": factor * weights.size} for each in processes]
    return Weighting(factor, strategy, processes, mean if weights.alike else None)


def unknown_weighting(weights: TableWeights) -> Weighting:
    """Return the weighting of events whose cross section nobody knows: 1 pb, which the weights average to."""
    factor = weights.rows / weights.total
    size = 1.0 if weights.alike else factor * weights.size
    processes = [{"value": 1.0, "error": 0.0, "unit_weight": size, "id": 1}]
    strategy = UNWEIGHTED if weights.alike else WEIGHTED
    return Weighting(factor, strategy, processes, 1.0 if weights.alike else None)


def _mean(about: Info, processes: Sequence[Info], rows: int) -> float | None:
    """Return the mean weight of `rows` new events that stand for those kept, or None where it is not known.

    `processes` are the cross sections of `of_kept`.
    """
    kind, weights = convention(about), about["weights"]
    value = sum(process["value"] for process in processes)
    if kind == UNKNOWN:
        return None
    if kind == RELATIVE:
        return 1.0 if weights["unweighted"] else math.sqrt(weights["sum_of_squares"] / about["kept"])
    if total(about) is None:
        return scale_of_kept(about, rows) * weights["sum"] / about["kept"]
    return value if kind == AVERAGE else value / rows


def _of_file(about: Info) -> list[dict[str, Any]]:
    """Return the cross sections of the events kept; -1, not known, for those of a header that names none."""
    none = {"value": -1.0, "error": -1.0, "unit_weight": 1.0}
    return of_kept(about) or [{**none, "id": number} for number in totals(about)]
