"""What is in a Les Houches file: events and their weights, kept and left out, and what is wrong with the rest."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.arrays import Arrays, Fault
from onshell.events.lhe.checks import LARGEST


@dataclass
class Sums:
    """Events and their weights as the file has them: all whose weight could be read, and those that were kept."""

    events: int = 0
    weight: float = 0.0
    square: float = 0.0
    kept: int = 0
    kept_weight: float = 0.0

    def add(self, weights: np.ndarray, kept: np.ndarray) -> None:
        """Count events by their weights [n] and whether they were kept [n]."""
        self.events += len(weights)
        self.weight += float(weights.sum())
        self.square += float((weights**2).sum())
        self.kept += int(kept.sum())
        self.kept_weight += float(weights[kept].sum())


@dataclass
class Counts:
    """Events by fault, the PDG numbers in each place and of what was left out, and sums over the good events.

    `processes` has the sums by number of process, of all events whose first line could be read.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    places: list[set[int]] = field(default_factory=list)
    left_out: Counter[int] = field(default_factory=Counter)
    processes: defaultdict[int, Sums] = field(default_factory=lambda: defaultdict(Sums))
    events: int = 0
    kept: int = 0
    weight: float = 0.0
    square: float = 0.0
    negative: int = 0
    e_cm: tuple[float, float] = (np.inf, 0.0)

    def drop(self, fault: Fault) -> None:
        """Count a bad event."""
        self.dropped[fault.kind] += 1
        self.examples.setdefault(fault.kind, f"{fault.block.place}: {fault.words}")

    def weigh(self, events: Arrays, good: np.ndarray, faults: Iterable[Fault]) -> None:
        """Count all events of a piece of the file by their weights, of which those `good` [n] are kept."""
        known = [(fault.process_id, fault.weight) for fault in faults if fault.process_id is not None]
        ids = np.concatenate([events.columns["process_id"], np.array([number for number, _ in known], object)])
        weights = np.concatenate([events.columns["weight"], np.array([weight for _, weight in known], float)])
        kept = np.concatenate([good, np.zeros(len(known), bool)])
        # A weight that is no number, or no cross section, says nothing of what was left out with it.
        usable = np.abs(weights) <= LARGEST
        for number in set(ids[usable].tolist()):
            rows = usable & (ids == number)
            self.processes[int(number)].add(weights[rows], kept[rows])

    def add(self, columns: dict[str, np.ndarray], left_out: Iterable[tuple[int, ...]]) -> None:
        """Count good events by their columns and the PDG numbers of the particles that each left out."""
        weight, e_cm = columns["weight"], columns["e_cm"]
        self.kept += len(weight)
        self.weight += float(weight.sum())
        self.square += float((weight**2).sum())
        self.negative += int((weight < 0.0).sum())
        self.e_cm = min(self.e_cm[0], float(e_cm.min())), max(self.e_cm[1], float(e_cm.max()))
        self.places = self.places or [set() for _ in range(columns["id"].shape[1])]
        for place, numbers in zip(self.places, columns["id"].T, strict=True):
            place.update(np.unique(numbers).tolist())
        for numbers in left_out:
            self.left_out.update(numbers)

    def check(self, path: str) -> None:
        """Raise if no event is left, or if the weights of those that are do not make a distribution."""
        if not self.kept:
            why = "; ".join(f"{n} {kind}, such as {self.examples[kind]}" for kind, n in self.dropped.items())
            raise OnshellError(f"{path}: no good event in it" + (f" ({why})" if why else "; give a file with events"))
        if not self.weight > 0.0:
            raise OnshellError(
                f"{path}: the weights of its {self.kept} events sum to {self.weight:.6g}, which is no distribution; "
                "set them right, or count every event once with --unweighted"
            )

    @property
    def distinct(self) -> bool:
        """Return whether no PDG number stands in two places."""
        return sum(map(len, self.places)) == len(set().union(*self.places))

    def summary(self, unweighted: bool) -> dict[str, Any]:
        """Return the entries of a table's metadata about the events of the file."""
        sums = {"sum": self.weight, "sum_of_squares": self.square, "negative": self.negative}
        return {
            "places": [sorted(place) for place in self.places],
            "events": self.events,
            "kept": self.kept,
            "dropped": dict(self.dropped),
            "examples": self.examples,
            "left_out": {str(number): n for number, n in sorted(self.left_out.items())},
            "e_cm": list(self.e_cm),
            "processes": {str(number): asdict(sums) for number, sums in sorted(self.processes.items())},
            "weights": {"unweighted": unweighted, **sums},
        }
