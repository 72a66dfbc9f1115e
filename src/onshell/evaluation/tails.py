"""tau over all its decades: a sample over truth bin by bin, and the shift of its quantiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onshell.evaluation.weights import Weights

Array = NDArray[np.float64]
WIDTH = 0.25
"""Width of a bin in decades."""

HELD = 1e-3
"""A bin counts that holds more than this share of truth."""

QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)


def tails(sample: Array, truth: Array, weights: tuple[Weights, Weights] = (None, None)) -> dict[str, Any]:
    """Return how two samples of log10 tau compare, [n] and [m]: by bins, their worst, and by quantiles.

    ``bins``: lower and upper edge, the share of truth, the ratio of the sample's share to it and the ratio's error of
    counting, of every bin that holds truth. ``worst``: the largest |ratio - 1| of bins that hold more than `HELD` of
    truth, with its error and bin, ``beyond``: the largest part of any that exceeds two of its errors; ``decades`` that
    these bins span. ``outside``: the share of the sample in none of them. ``quantiles``: sample minus truth, by
    probability. `weights` are those of the sample and of truth.
    """
    low, high = np.floor(truth.min() / WIDTH), np.ceil(truth.max() / WIDTH)
    edges = WIDTH * np.arange(low, max(high, low + 1) + 1)
    (ours, our_error), (theirs, their_error) = (
        _shares(values, edges, w) for values, w in zip((sample, truth), weights, strict=True)
    )
    there = theirs > 0.0
    ratio = np.divide(ours, theirs, out=np.ones_like(ours), where=there)
    # The error of an empty bin of the sample is that of one entry.
    least = 1.0 / len(sample)
    error = np.hypot(np.maximum(our_error, least), ratio * their_error) / np.where(there, theirs, 1.0)
    bins = [
        {"low": edges[k], "high": edges[k + 1], "truth": theirs[k], "ratio": ratio[k], "error": error[k]}
        for k in np.flatnonzero(there)
    ]
    held = np.flatnonzero(theirs > HELD)
    off = np.abs(ratio - 1.0)
    shifts = zip(QUANTILES, *(quantiles(*one) for one in zip((sample, truth), weights, strict=True)), strict=True)
    worst = held[np.argmax(off[held])]
    return {
        "bins": [{key: float(value) for key, value in one.items()} for one in bins],
        "worst": float(off[worst]),
        "worst_error": float(error[worst]),
        "worst_bin": [float(edges[worst]), float(edges[worst + 1])],
        "beyond": float(max(0.0, (off[held] - 2.0 * error[held]).max())),
        "decades": float(WIDTH * len(held)),
        "outside": float(1.0 - ours[there].sum()),
        "quantiles": {f"{q:g}": a - b for q, a, b in shifts},
    }


def quantiles(values: Array, weights: Weights = None, at: Sequence[float] = QUANTILES) -> list[float]:
    """Return the quantiles of a sample [n], where its distribution function first reaches each probability."""
    if weights is None:
        return [float(value) for value in np.quantile(values, at)]
    order = np.argsort(values)
    # With negative weights the sums are not monotonic: the first place that reaches the probability counts.
    sums = np.maximum.accumulate(np.cumsum(weights[order])) / weights.sum()
    places = np.minimum(np.searchsorted(sums, at), len(values) - 1)
    return [float(value) for value in values[order][places]]


def _shares(values: Array, edges: Array, weights: Weights) -> tuple[Array, Array]:
    """Return the share of a sample in every bin, and its error of counting."""
    if weights is None:
        counts = np.histogram(values, edges)[0] / len(values)
        return counts, np.sqrt(counts / len(values))
    sums, squares = (np.histogram(values, edges, weights=w)[0] for w in (weights, weights**2))
    return sums / weights.sum(), np.sqrt(squares) / weights.sum()
