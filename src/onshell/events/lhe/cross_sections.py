"""Cross sections of the events that an import kept, and how the weights of a file stand to its cross section.

In a Les Houches file the weights of events average to its cross section (hep-ph/0109068); many generators write files
whose weights sum to it instead, or are all alike and mean nothing. What a file does is seen from its numbers.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Info = Mapping[str, Any]
"""What the metadata of an imported table say of its file, under the key `lhe`."""

AVERAGE, SUM, RELATIVE, UNKNOWN = "average", "sum", "relative", "unknown"
"""What the weights do: average to the cross section, sum to it, stand in proportion alone, or nobody knows."""

SPREADS, SLACK = 5.0, 0.1
"""How far weights may be from a cross section: standard deviations, and a share of it.

Generators take the two from different integrations, POWHEG's differ by percents.
"""


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
    value = sum(process["value"] for process in about["cross_sections"])
    return value if value > 0.0 and all(process["value"] >= 0.0 for process in about["cross_sections"]) else None


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
    error = math.hypot(*(max(process["error"], 0.0) for process in _processes(about)))
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
    processes, sums = _processes(about), totals(about)
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


def mean_of(about: Info, processes: Sequence[Info], rows: int) -> float | None:
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


def _processes(about: Info) -> list[dict[str, Any]]:
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
