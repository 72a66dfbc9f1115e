"""Two-sample tests: how well a classifier separates two samples, on halves that it was not trained on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.evaluation.weights import Weights

Array = NDArray[np.float64]
Pair = tuple[Array, Array]
"""Features [n, k] and [m, k] of two samples."""

BOOSTED = {"max_iter": 150, "learning_rate": 0.1, "max_leaf_nodes": 31, "early_stopping": False}
BOOSTED |= {"class_weight": "balanced"}
"""Settings of the boosted classifier."""


def weighted_auc(negative: Array, positive: Array, below: Array, above: Array) -> float:
    """Return the area under the ROC curve of scores of events with weights `below` and `above`, of either sign."""
    order = np.argsort(negative, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(below[order])])
    less, up_to = (np.searchsorted(negative[order], positive, side) for side in ("left", "right"))
    return float(above @ (sums[less] + sums[up_to]) / (2.0 * sums[-1] * above.sum()))


def auc(negative: Array, positive: Array) -> float:
    """Return the area under the ROC curve of scores: P(positive > negative), ties counted half."""
    order, positive = np.sort(negative), np.sort(positive)  # both sorted: the search stays in the cache
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    return float(below.mean() / (2 * len(order)))


def halves(a: Array, b: Array, generator: np.random.Generator) -> tuple[Pair, Pair]:
    """Return two samples [n, k] and [m, k] split at random: a half of each to train on, the other halves to score."""
    if min(len(a), len(b)) < 4:
        raise OnshellError("two-sample test: a sample has fewer than four events; give both more")
    orders = [(sample, generator.permutation(len(sample)), len(sample) // 2) for sample in (a, b)]
    train, test = zip(*((sample[order[:n]], sample[order[n:]]) for sample, order, n in orders), strict=True)
    return train, test


@dataclass(frozen=True)
class Halves:
    """Features of two samples, a half of each to train on and the others to test, and the weights of both, if any."""

    train: Pair
    test: Pair
    weights: tuple[Pair, Pair] | None = None


def split_halves(truth: Array, sample: Array, weights: tuple[Weights, Weights], rng: np.random.Generator) -> Halves:
    """Return features [m, k] and [n, k] split at random into halves; `weights` are those of the sample and of truth."""
    ours, theirs = weights
    if ours is None and theirs is None:
        return Halves(*halves(truth, sample, rng))
    # The weights are split as the last feature, which neither a classifier nor a distance sees.
    last = (np.ones(len(x)) if w is None else w for x, w in ((truth, theirs), (sample, ours)))
    parts = halves(*(np.column_stack([x, w]) for x, w in zip((truth, sample), last, strict=True)), rng)
    features, sizes = (tuple(tuple(x[:, take] for x in part) for part in parts) for take in (slice(-1), -1))
    return Halves(*features, sizes)


def linear_auc(train: Pair, test: Pair, weights: tuple[Pair, Pair] | None = None) -> float:
    """Return the AUC on `test` of a logistic regression that separates the two samples of `train`.

    0.5 means indistinguishable; chance takes it slightly below as often as above. `weights` [n] and [m] are those of
    `train` and of `test`, of either sign: the regression sees their sizes, which suits any score, the AUC their signs.
    """
    from sklearn.linear_model import LogisticRegression

    joined = np.concatenate(train)
    mean, scale = joined.mean(0), joined.std(0)
    scale[scale == 0.0] = 1.0
    train, test = (tuple((part - mean) / scale for part in parts) for parts in (train, test))
    return _auc_of(LogisticRegression(solver="newton-cholesky", class_weight="balanced"), train, test, weights)


def boosted_auc(train: Pair, test: Pair, seed: int, weights: tuple[Pair, Pair] | None = None) -> float:
    """Return the AUC on `test` of gradient-boosted trees that separate the two samples of `train`; else as above.

    Their settings are fixed, `BOOSTED`: an AUC says something only beside others of the same classifier.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _auc_of(HistGradientBoostingClassifier(**BOOSTED, random_state=seed), train, test, weights)


def _auc_of(model: Any, train: Pair, test: Pair, weights: tuple[Pair, Pair] | None) -> float:
    """Return the AUC on `test` of a classifier of scikit-learn after training it."""
    labels = np.repeat([0, 1], [len(part) for part in train])
    sizes = None if weights is None else np.concatenate([np.abs(w) / np.abs(w).mean() for w in weights[0]])
    model.fit(np.concatenate(train), labels, sample_weight=sizes)
    negative, positive = (model.decision_function(part) for part in test)
    return auc(negative, positive) if weights is None else weighted_auc(negative, positive, *weights[1])
