"""Distances between samples: Wasserstein-1, Kolmogorov-Smirnov and Fréchet."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onshell.core.errors import OnshellError

Array = NDArray[np.float64]


def compare(a: Array, b: Array, weights_a: Array | None = None, weights_b: Array | None = None) -> tuple[float, float]:
    """Return (W1, KS) of two one-dimensional samples of any sizes, with weights of either sign if any are given.

    Both are norms of the difference of the empirical distribution functions: W1 its integral, in units of the
    variable, KS its maximum. Of weighted samples these are sums of weights over all of them; with negative ones they
    need not be monotonic.
    """
    if not len(a) or not len(b):
        raise OnshellError("distance: one of the two samples has no events; give both some")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise OnshellError("distance: a sample holds NaN or infinite values; check the events it was computed from")
    both = np.sort(np.concatenate([a, b]), kind="stable")
    gap = np.abs(distribution(a, weights_a, both) - distribution(b, weights_b, both))
    return float(np.dot(gap[:-1], np.diff(both))), float(gap.max())


def distribution(values: Array, weights: Array | None, at: Array) -> Array:
    """Return the empirical distribution function of values, weighted or not, at the points `at`, ascending or not."""
    if weights is None:
        return np.searchsorted(np.sort(values), at, "right") / len(values)
    order = np.argsort(values, kind="stable")
    below = np.searchsorted(values[order], at, "right")
    sums = np.cumsum(weights[order])
    return np.concatenate([[0.0], sums])[below] / sums[-1]


def wasserstein(a: ArrayLike, b: ArrayLike) -> float:
    """Return the Wasserstein-1 (earth mover's) distance of two one-dimensional samples, in units of the variable."""
    return compare(np.asarray(a, np.float64), np.asarray(b, np.float64))[0]


def ks(a: ArrayLike, b: ArrayLike) -> float:
    """Return the two-sample Kolmogorov-Smirnov statistic, the largest gap of the distribution functions."""
    return compare(np.asarray(a, np.float64), np.asarray(b, np.float64))[1]


def _root(matrix: Array) -> Array:
    """Return the symmetric square root of a covariance; eigenvalues that are rounding of zero count as zero."""
    values, vectors = np.linalg.eigh(matrix)
    values = np.where(values > 1e-13 * values.max(initial=0.0), values, 0.0)
    return (vectors * np.sqrt(values)) @ vectors.T


def _moments(x: Array, weights: Array | None) -> tuple[Array, Array]:
    """Return the mean [k] and the covariance [k, k] of features [n, k], unbiased also for weighted ones."""
    if weights is None:
        return x.mean(0), np.atleast_2d(np.cov(x, rowvar=False))
    share = weights / weights.sum()
    mean = share @ x
    return mean, ((x - mean).T * share) @ (x - mean) / (1.0 - (share**2).sum())


def frechet(a: ArrayLike, b: ArrayLike, weights_a: Array | None = None, weights_b: Array | None = None) -> float:
    """Return the Fréchet distance of features [n, k] and [m, k]: the squared W2 distance of their Gaussian fits.

    |mu_a - mu_b|^2 + tr(C_a + C_b - 2 (C_a^(1/2) C_b C_a^(1/2))^(1/2)), in units of the features squared. Covariances
    may be singular, as those of the s_IJ are (their sum is fixed).
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if min(len(a), len(b)) < 2:
        raise OnshellError("Fréchet distance: a sample has fewer than two events; give both some")
    (mean_a, cov_a), (mean_b, cov_b) = _moments(a, weights_a), _moments(b, weights_b)
    shift = mean_a - mean_b
    root = _root(cov_a)
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov_b @ root), 0.0, None)).sum()
    return float(shift @ shift + np.trace(cov_a) + np.trace(cov_b) - 2.0 * cross)
