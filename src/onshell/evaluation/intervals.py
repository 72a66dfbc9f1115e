"""What chance does to a distance: its error, the range of a perfect model, and what the floor leaves of it.

The observed distance W of two samples is that of their laws, D, and noise. For all laws D <= E[W] <= D + F, with F the
floor, the mean distance of two samples of one law: the first is Jensen's inequality, the second the triangle's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from onshell.evaluation.distances import distribution
from onshell.evaluation.weights import Weights, per_value

Array = NDArray[np.float64]
TAIL = 0.05
"""Chance that a perfect model is above its range, and that it is below."""

NORMAL = 1.645
"""Standard deviations of a normal law that `TAIL` lies beyond."""


@dataclass(frozen=True)
class Floor:
    """The law of one measurement of truth against truth, from its replicates.

    `mean` and `sd` are theirs, `low` and `high` the range of one more draw, a perfect model's, which is missed on
    either side with probability `TAIL`; `square` is the mean square, `replicates` their number.
    """

    mean: float
    sd: float
    low: float
    high: float
    square: float
    replicates: int

    @property
    def error(self) -> float:
        """Return the standard error of the mean."""
        return self.sd / self.replicates**0.5


def floor_of(values: Sequence[float], *, signed: bool = False) -> Floor:
    """Return the floor that two or more replicates `values` show.

    The range is Student's prediction interval, which allows for few replicates: of the logarithms, since distances
    are positive and skewed; of the values where they are `signed`, as an AUC around 1/2 is, or where one is 0.
    """
    x, n = np.asarray(values, np.float64), len(values)
    logarithmic = not signed and bool((x > 0.0).all())
    y = np.log(x) if logarithmic else x
    reach = float(-stdtrit(n - 1, TAIL) * y.std(ddof=1) * (1.0 + 1.0 / n) ** 0.5)
    ends = y.mean() - reach, y.mean() + reach
    low, high = map(float, np.exp(ends) if logarithmic else ends)
    return Floor(float(x.mean()), float(x.std(ddof=1)), low, high, float((x**2).mean()), n)


class Errors(NamedTuple):
    """Standard errors of W1, of KS and of the difference of the means of an observable, in its unit but for KS."""

    w1: float
    ks: float
    mean: float


def errors(a: Array, b: Array, sizes: tuple[int, int], weights: tuple[Weights, Weights] = (None, None)) -> Errors:
    """Return the standard errors of W1 and KS of two samples of values of n and m events, several of an event in a row.

    They are those of the infinitesimal jackknife, the limit of one that deletes events in blocks: W1 is the mean over a
    less that over b of a potential whose slope is the sign of the gap between the distribution functions, KS that of a
    step where the gap is largest, and either varies as a mean over events does. They are right far from truth and too
    large, by about 1.4, at the floor. No slope is steeper than that of the values themselves, so the error of the
    difference of means is the most that of W1 can be.
    """
    both = np.sort(np.concatenate([a, b]))
    sides = [per_value(w, v, n) for w, v, n in zip(weights, (a, b), sizes, strict=True)]
    gap = distribution(a, sides[0], both) - distribution(b, sides[1], both)
    potential = np.concatenate([[0.0], np.cumsum(np.sign(gap[:-1]) * np.diff(both))])
    edge = both[np.argmax(np.abs(gap))]
    w1 = ks = mean = 0.0
    for values, w, n in zip((a, b), weights, sizes, strict=True):
        w1 += _variance_of_mean(potential[np.searchsorted(both, values)], w, n)
        ks += _variance_of_mean((values <= edge).astype(np.float64), w, n)
        mean += _variance_of_mean(values, w, n)
    return Errors(w1**0.5, ks**0.5, mean**0.5)


def _variance_of_mean(values: Array, weights: Weights, n: int) -> float:
    """Return the variance of the weighted mean of values of n events: those of one event are not independent."""
    events = values.reshape(n, -1).mean(1)
    w = np.ones(n) if weights is None else weights
    centred = events - w @ events / w.sum()
    return float((w**2) @ centred**2 / w.sum() ** 2)


def excess(value: float, error: Errors, floor: Floor) -> tuple[float, float, float]:
    """Return what a W1 has beyond its floor, and the ends of its interval.

    The first is sqrt(value^2 - <floor^2>), or 0: right on average for a perfect model, whose square it leaves without
    bias, and far from truth, at any numbers of events; between, it can be a fifth low where a model is wrong all over
    by as little as the noise, and as high as sqrt(D^2 + 2 D F) where it is wrong in one place alone. The interval
    allows for that: it is that of the inequalities above, widened by `NORMAL` standard errors, upwards by the most that
    these can be. Its lower end is above 0 for no more than `TAIL` of perfect models.
    """
    low = value - max(floor.high, floor.mean + NORMAL * error.w1)
    return max(value**2 - floor.square, 0.0) ** 0.5, max(low, 0.0), value + NORMAL * error.mean


def over(value: float, error: float, floor: Floor) -> tuple[float, float]:
    """Return a distance over its floor, and the standard error of that ratio: the distance's and the floor's."""
    ratio = value / floor.mean
    return ratio, float(np.hypot(error / floor.mean, ratio * floor.error / floor.mean))
