"""The documents of one import, in one file or several: independent runs of one process, which are joined."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.checks import check_init
from onshell.events.lhe.opening import STDIN, label, title
from onshell.events.lhe.parse import read_init
from onshell.events.lhe.read import Block, Source

SIGMAS = 5.0
"""Statistical errors by which the cross sections, or mean weights, of two documents of one process may differ."""

SHARE = 0.05
"""Of a cross section or a mean weight: two documents may differ by as much, whatever their errors."""


@dataclass
class Document:
    """One document: the name of its file, what its `<init>` says, the number of its first event and sums over all.

    The sums of weights and their squares are those of the `good` events.
    """

    name: str
    about: dict[str, Any]
    first: int
    events: int = 0
    good: int = 0
    weight: float = 0.0
    square: float = 0.0

    @property
    def mean_weight(self) -> tuple[float, float]:
        """Return the mean weight of the good events and its error."""
        n = max(self.good, 1)
        mean = self.weight / n
        return mean, math.sqrt(max(self.square / n - mean * mean, 0.0) / n)

    @property
    def processes(self) -> list[dict[str, Any]]:
        """Return the cross sections in the order of their process numbers."""
        return sorted(self.about["cross_sections"], key=lambda process: process["id"])


@dataclass
class Documents:
    """The documents in the files `paths`, read one after the other: `blocks` yields the events of all.

    `init` is what the `<init>` of the first says; `joined` is that of all, once their events are read.

    Raises
    ------
    OnshellError
        For documents that are no runs of one process: other beams, processes, cross sections or kinds of weights.
    """

    paths: Sequence[Path]
    all: list[Document] = field(default_factory=list)

    def __post_init__(self) -> None:
        _check_names(self.paths)
        self._open(self.paths[0], 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.input.close()

    @property
    def init(self) -> dict[str, Any]:
        """Return what the first `<init>` says."""
        return self.all[0].about

    @property
    def name(self) -> str:
        """Return what the files are called, without their folders."""
        return ", ".join(map(title, self.paths))

    @property
    def where(self) -> str:
        """Return what an error that is about all of the files calls them."""
        return ", ".join(map(label, self.paths))

    @property
    def share(self) -> float:
        """Return which share of the files has been read, from 0 to 1, as if all were of one size."""
        done = self.paths.index(self.source.input.path)
        return (done + self.source.input.share) / len(self.paths)

    def blocks(self) -> Iterator[Block]:
        """Yield the events of all documents, numbered from 0."""
        for path in self.paths:
            if path != self.source.input.path:
                self.source.input.close()
                self._open(path, self.source.first + self.source.count)
            more = True
            while more:
                for block in self.source.blocks():
                    self.all[-1].events += 1
                    yield block
                more = self._next()

    def weigh(self, numbers: np.ndarray, weights: np.ndarray) -> None:
        """Count the weights [n] of good events of these numbers [n]."""
        places = np.searchsorted([document.first for document in self.all], numbers, side="right") - 1
        for place in np.unique(places):
            document, of_document = self.all[place], weights[places == place]
            document.good += len(of_document)
            document.weight += float(of_document.sum())
            document.square += float(np.square(of_document).sum())

    def joined(self) -> dict[str, Any]:
        """Return the `<init>` of all documents together, each counted by its events; of one, as it is."""
        if len(self.all) == 1:
            return self.init
        counted = [document for document in self.all if document.events] or self.all
        for other in counted[1:]:
            _check_weights(counted[0], other)
        n = np.array([max(document.events, 1) for document in counted], float)
        processes = []
        for of_all in zip(*(document.processes for document in counted), strict=True):
            value = float(np.average([each["value"] for each in of_all], weights=n))
            error = float(np.sqrt(np.square(n * [each["error"] for each in of_all]).sum()) / n.sum())
            most = max((each["unit_weight"] for each in of_all), key=abs)
            processes.append({"id": of_all[0]["id"], "value": value, "error": error, "unit_weight": most})
        documents = [
            {"file": document.name, "events": document.events, "cross_sections": document.about["cross_sections"]}
            for document in self.all
        ]
        return {**self.init, "cross_sections": processes, "documents": documents}

    def _open(self, path: Path, first: int) -> None:
        """Open a file, whose first event has the number `first`, and read its first `<init>`."""
        self.source = Source(path, first)
        try:
            self._next()
        except BaseException:
            self.source.input.close()
            raise

    def _next(self) -> bool:
        """Take a further document, if there is one; raise if it does not go with the first."""
        head = self.source.head()
        if head is None:
            return False
        about = check_init(read_init(head), head)
        new = Document(title(self.source.input.path), about, self.source.first + self.source.count)
        if self.all and (what := _difference(self.all[0], new)):
            raise OnshellError(
                f"{head.where}: line {head.line}: {what} in {self.all[0].name}, so these are no runs of one process; "
                "import them apart"
            )
        self.all.append(new)
        return True


def _check_names(paths: Sequence[Path]) -> None:
    """Raise for files that are not there or that are named twice, before the first of them is read."""
    if not paths:
        raise OnshellError("no Les Houches file; name one")
    for i, path in enumerate(paths):
        if len(paths) > 1 and path != Path(STDIN) and not path.exists():
            raise OnshellError(f"{path}: no such file; check the name")
        # A pipe has no other name.
        if path in paths[:i] or (path.is_file() and any(o.is_file() and path.samefile(o) for o in paths[:i])):
            raise OnshellError(f"{label(path)}: named twice, and its events would count twice; name it once")


def _difference(one: Document, other: Document) -> str:
    """Return in what two documents differ that runs of one process have in common; nothing if they do not."""
    a, b = one.about, other.about
    for key, word in (("id", "beams"), ("energy", "beam energies"), ("pdf_group", "PDF"), ("pdf_set", "PDF")):
        if a["beams"][key] != b["beams"][key]:
            return f"{word} {_listed(b['beams'][key])} where there are {_listed(a['beams'][key])}"
    if a["weighting"] != b["weighting"]:
        return f"the weighting strategy {b['weighting']} where it is {a['weighting']}"
    ids = [[process["id"] for process in document.processes] for document in (one, other)]
    if ids[0] != ids[1]:
        return f"the process numbers {_listed(ids[1])} where they are {_listed(ids[0])}"
    for first, second in zip(one.processes, other.processes, strict=True):
        if _differ(first["value"], second["value"], math.hypot(first["error"], second["error"])):
            return f"the cross section {second['value']:.6g} pb where it is {first['value']:.6g} pb"
    return ""


def _differ(a: float, b: float, error: float) -> bool:
    """Return whether two numbers differ by more than chance makes them."""
    return abs(a - b) > SIGMAS * error + SHARE * max(abs(a), abs(b))


def _check_weights(one: Document, other: Document) -> None:
    """Raise if the weights of two documents do not mean the same."""
    (a, da), (b, db) = one.mean_weight, other.mean_weight
    if one.good and other.good and _differ(a, b, math.hypot(da, db)):
        raise OnshellError(
            f"{other.name}: its weights are {b:.4g} on average where those of {one.name} are {a:.4g}, so they do not "
            "go together; import them apart, or count every event once with --unweighted"
        )


def _listed(numbers: Sequence[float]) -> str:
    """Return numbers with commas between them."""
    return ", ".join(f"{number:g}" for number in numbers)
