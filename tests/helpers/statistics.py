"""Statistical checks with a stated false-alarm rate, for fixed random streams."""

import numpy as np
from scipy import stats

ALPHA = 1e-6  # false alarms per check, were the stream not fixed


def assert_law(sample, cdf, alpha=ALPHA):
    """A sample of independent values follows the distribution function `cdf` (Kolmogorov-Smirnov)."""
    p_value = stats.kstest(np.asarray(sample), cdf).pvalue
    assert p_value > alpha, f"KS p-value {p_value:.1e}"


def assert_uniform(sample, low=0.0, high=1.0, alpha=ALPHA):
    """A sample of independent values is uniform on [low, high]."""
    assert_law(sample, stats.uniform(low, high - low).cdf, alpha)


def assert_same_law(sample, other, alpha=ALPHA):
    """Two independent samples follow one law (two-sample Kolmogorov-Smirnov)."""
    p_value = stats.ks_2samp(np.asarray(sample), np.asarray(other)).pvalue
    assert p_value > alpha, f"two-sample KS p-value {p_value:.1e}"


def assert_mean(values, expected, weights=None, alpha=ALPHA):
    """The (weighted) mean of each row of `values` is `expected`; an expectation may be (mean, standard error)."""
    for row, target in zip(
        np.atleast_2d(values), np.atleast_1d(expected) if np.ndim(expected) < 2 else expected, strict=True
    ):
        mean, error = mean_and_error(row, weights)
        target, target_error = (target, 0.0) if np.ndim(target) == 0 else target
        z = abs(mean - target) / np.hypot(error, target_error)
        assert z < stats.norm.isf(alpha / 2), (
            f"mean {mean} +- {error}, expected {target} +- {target_error}: {z:.1f} sigma"
        )


def mean_and_error(values, weights=None):
    """The (weighted) mean of independent values and its standard error."""
    values = np.asarray(values, dtype=float)
    weights = np.ones_like(values) if weights is None else np.asarray(weights)
    mean = (weights * values).sum() / weights.sum()
    return mean, np.sqrt((weights**2 * (values - mean) ** 2).sum()) / weights.sum()
