"""The linear classifier two-sample test: how well a hyperplane tells two samples apart."""

import numpy as np
from numpy.typing import NDArray

from onshell.errors import OnshellError

Array = NDArray[np.float64]


def auc(negative: Array, positive: Array) -> float:
    """Return the area under the ROC curve of scores: P(positive > negative), ties counted half."""
    order = np.sort(negative)
    below = np.searchsorted(order, positive, "left") + np.searchsorted(order, positive, "right")
    return float(below.mean() / (2 * len(order)))


def linear_auc(a: Array, b: Array, generator: np.random.Generator) -> float:
    """Return the out-of-sample AUC of a logistic regression that separates features `a` [n, k] from `b` [m, k].

    A random half of either sample trains it and the other half is scored. 0.5 means indistinguishable; chance takes
    it slightly below as often as above.
    """
    from sklearn.linear_model import LogisticRegression

    if min(len(a), len(b)) < 4:
        raise OnshellError("two-sample test: a sample has fewer than four events; give both more")
    halves = []
    for features in (a, b):
        order = generator.permutation(len(features))
        halves.append((features[order[: len(order) // 2]], features[order[len(order) // 2 :]]))
    (a_train, a_test), (b_train, b_test) = halves
    train = np.concatenate([a_train, b_train])
    mean, scale = train.mean(0), train.std(0)
    scale[scale == 0.0] = 1.0
    labels = np.repeat([0, 1], [len(a_train), len(b_train)])
    model = LogisticRegression(solver="newton-cholesky", class_weight="balanced").fit((train - mean) / scale, labels)
    scores = [model.decision_function((part - mean) / scale) for part in (a_test, b_test)]
    return auc(*scores)
