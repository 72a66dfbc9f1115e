"""Two-sample tests: how well a hyperplane tells two samples apart, on halves that it was not trained on."""

import numpy as np
from numpy.typing import NDArray

from onshell.errors import OnshellError

Array = NDArray[np.float64]
Pair = tuple[Array, Array]
"""Features [n, k] and [m, k] of two samples."""


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


def linear_auc(train: Pair, test: Pair) -> float:
    """Return the AUC on `test` of a logistic regression that separates the two samples of `train`.

    0.5 means indistinguishable; chance takes it slightly below as often as above.
    """
    from sklearn.linear_model import LogisticRegression

    joined = np.concatenate(train)
    mean, scale = joined.mean(0), joined.std(0)
    scale[scale == 0.0] = 1.0
    labels = np.repeat([0, 1], [len(part) for part in train])
    model = LogisticRegression(solver="newton-cholesky", class_weight="balanced").fit((joined - mean) / scale, labels)
    negative, positive = (model.decision_function((part - mean) / scale) for part in test)
    return auc(negative, positive)
