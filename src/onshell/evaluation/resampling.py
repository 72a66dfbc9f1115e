"""Truth against truth where there is no generator: two samples drawn from the events that there are."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from onshell.core.rng import stream
from onshell.evaluation.weights import Weights

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
