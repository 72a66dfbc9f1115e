"""The statistical floor: every distance of truth against truth, at the sizes of a sample and of its truth.

It depends on the dataset, the sizes and the autoencoders but on no model, so all runs of a dataset share one file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.progress import Count, Progress
from onshell.core.reading import checked, read_json
from onshell.core.rng import stream
from onshell.evaluation.metrics import Measurement, Protocol, SamplePair, measure, spread
from onshell.evaluation.result_forms import Floor
from onshell.evaluation.weights import Weights
from onshell.physics.generators import events

FORMAT = 2
KIND = "onshell-floor"
CLASSIFIED = 10
"""Replicates that the boosted classifier is trained for, unless a number is given."""

DISJOINT = "two disjoint random parts of the {n} events of the table, without replacement: the exact law"
BOOTSTRAP = "two samples drawn with replacement from the {n} events of the table: the law of these events"
SIGNED = (
    BOOTSTRAP + "; the one in the sample's place is drawn by the size of the weights, and keeps their signs, so that "
    "it fluctuates more than a model's events do"
)
POSITIVE = BOOTSTRAP + "; the one in the sample's place is drawn by weight and has none, as a model's events"

Sample = tuple[Tensor, Weights]
"""Momenta [n, N, 3] and weights [n]."""


@dataclass(frozen=True)
class Pool:
    """All events of a table, test and training part: momenta [n, N, 3] and weights [n]."""

    momenta: Tensor
    weights: Weights = None

    def method(self, sizes: tuple[int, int]) -> str:
        """Return in words how two samples of these sizes are drawn."""
        n = len(self.momenta)
        if self.weights is None:
            return (DISJOINT if sum(sizes) <= n else BOOTSTRAP).format(n=n)
        return (SIGNED if (self.weights < 0.0).any() else POSITIVE).format(n=n)

    def pair(self, sizes: tuple[int, int], seed: int, name: tuple[str | int, ...]) -> tuple[Sample, Sample]:
        """Return two samples of these sizes, in the places of a model's and of truth, from the streams under `name`.

        Without weights they are disjoint where there are events enough, else drawn with replacement. Weighted events
        keep their weights in the place of truth; a model's events have none, so those in its place are drawn by the
        size of their weights and keep at most a sign.
        """
        n, rng = len(self.momenta), stream(seed, *name)
        if self.weights is None:
            if sum(sizes) <= n:
                order = rng.permutation(n)
                first, second = order[: sizes[0]], order[sizes[0] : sum(sizes)]
            else:
                first, second = (rng.integers(0, n, size) for size in sizes)
            return (self._rows(first), None), (self._rows(second), None)
        size = np.abs(self.weights)
        first = rng.choice(n, sizes[0], p=size / size.sum())
        second = rng.integers(0, n, sizes[1])
        signs = np.sign(self.weights[first])
        return (
            (self._rows(first), signs if (signs < 0.0).any() else None),
            (self._rows(second), self.weights[second]),
        )

    def _rows(self, rows: np.ndarray) -> Tensor:
        return self.momenta[torch.from_numpy(rows)]


def fresh(metadata: Mapping[str, Any], dataset: str, n: int, replicate: int, side: str, seed: int) -> Tensor:
    """Return `n` new truth events [n, N, 3] of the generator that `metadata` names, seen by no model and no file."""
    if "generator" not in metadata:
        raise OnshellError(
            f"{dataset}: the statistical floor needs the generator's name, which this file does not carry; "
            "generate the truth with `onshell generate`, or ask for 0 replicates"
        )
    parameters = metadata.get("parameters") or {}
    return events(metadata["generator"], n, seed=seed, name=(dataset, "floor", replicate, side), **parameters)


@dataclass(frozen=True)
class Source:
    """Where truth of a dataset comes from: the `metadata` of its table, and a `pool` of events without a generator."""

    dataset: str
    metadata: Mapping[str, Any]
    pool: Pool | None = None

    def pair(self, sizes: tuple[int, int], replicate: int, seed: int) -> SamplePair:
        """Return two new samples of truth, in the places of a model's and of truth."""
        process, ordered = self.metadata.get("process", ""), self.metadata.get("ordered")
        if self.pool is None:
            sides = zip(sizes, "ab", strict=True)
            a, b = (fresh(self.metadata, self.dataset, n, replicate, side, seed) for n, side in sides)
            return SamplePair(a, b, process, ordered=None)
        (a, w_a), (b, w_b) = self.pool.pair(sizes, seed, (self.dataset, "floor", replicate, "pair"))
        return SamplePair(a, b, process, (w_a, w_b), ordered)


@dataclass(frozen=True)
class Replicates:
    """How many comparisons of truth with truth make a floor, and for how many of them the classifier is trained."""

    number: int
    classified: int = CLASSIFIED

    def check(self, *, extended: bool) -> None:
        """Raise unless they give a spread."""
        many = {"replicates": self.number} | ({"classifier replicates": self.classified} if extended else {})
        for name, n in many.items():
            if n < 2:
                raise OnshellError(f"{name}: {n} make no floor, a spread needs two; ask for 2 or more")


def floor(
    source: Source,
    sizes: tuple[int, int],
    protocol: Protocol,
    replicates: Replicates,
    progress: Progress = lambda line: None,
) -> Measurement:
    """Return every measurement of truth against truth, one value a replicate, by name.

    Each replicate draws two fresh samples of `sizes`, those of the sample and of the truth that it is compared with,
    and averages over splits and autoencoders as a model's entry does, so that a perfect model's distances are draws
    from exactly this law. The streams do not depend on the model. An extended protocol trains the classifier for the
    first `classified` replicates alone.
    """
    replicates.check(extended=protocol.extended)
    found: Measurement = {}
    for r in range(replicates.number):
        pair, name = source.pair(sizes, r, protocol.seed), (source.dataset, "floor", r)
        for key, values in measure(pair, protocol, name, classifier=r < replicates.classified).items():
            found.setdefault(key, []).append(float(np.mean(values)))
        progress(Count(r + 1, replicates.number, "replicate", f"floor of {source.dataset}"))
    return found


@dataclass(frozen=True)
class Comparison:
    """What a floor is the floor of: two floors of equal comparisons follow one law."""

    dataset: str
    generator: str
    parameters: dict
    sample: int
    truth: int
    splits: int
    autoencoders: str

    def differences(self, other: "Comparison") -> list[str]:
        """Return where this one, that of a floor, differs from the `other`, which is asked for, in words."""
        found = []
        for key, ours in vars(self).items():
            theirs = getattr(other, key)
            if ours == theirs:
                continue
            if key == "autoencoders":
                found.append(f"{'other' if ours and theirs else 'no' if theirs else 'some'} autoencoders")
            elif key in ("sample", "truth"):
                found.append(f"{ours} events of {'the sample' if key == 'sample' else 'truth'} ({theirs} here)")
            else:
                found.append(f"{key} {ours!r} ({theirs!r} here)")
        return found


def document(values: Measurement, comparison: Comparison, header: Mapping[str, Any]) -> dict:
    """Return the content of a floor file: its header, what it is the floor of, and the floor: mean, sd and values."""
    found = {
        key: dict(zip(("mean", "sd"), spread(ours), strict=True)) | {"values": ours} for key, ours in values.items()
    }
    return {"kind": KIND, "format": FORMAT, **header, "comparison": vars(comparison), "floor": found}


def load(path: Path, comparison: Comparison) -> tuple[Measurement, int]:
    """Return the floor in the file `path`, the values of all replicates by name, and the number of replicates.

    Raises
    ------
    OnshellError
        When the file is missing or no floor, or is the floor of anything else than `comparison`.
    """
    path, remedy = Path(path), "make it again (`onshell floor`)"
    content = read_json(path, "floor", "make it with `onshell floor`")
    if (content.get("kind"), content.get("format")) != (KIND, FORMAT):
        raise OnshellError(f"{path}: not a floor of this version of onshell; {remedy}")
    checked(content, Floor, f"{path}: floor", remedy)
    values = {key: list(value["values"]) for key, value in content["floor"].items()}
    replicates = content["replicates"]
    if differences := Comparison(**{key: content["comparison"][key] for key in vars(comparison)}).differences(
        comparison
    ):
        raise OnshellError(f"{path}: a floor of {', '.join(differences)}; {remedy}")
    return values, replicates
