"""Logarithmic axes: bins over whole decades, and exact laws as densities per decade."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from onshell.evaluation.observables import LOG_TAU_MAX
from onshell.figures.series import UNIFORM, Array, Curve, Law
from onshell.physics import analytic
from onshell.physics.observables import LOG_FLOOR

BINS = 10
"""Bins a decade on a logarithmic axis."""

P_REF = r"$p_{\mathrm{ref}}$"
_ZERO = math.log10(LOG_FLOOR) + 1.0


def decades(
    samples: Sequence[Array], bins: int = BINS, *, share: float = 1e-4, high: float | None = None, least: int = 1
) -> Array:
    """Return edges of about `bins` bins a decade that hold all but about `share` of the entries of each log10 sample.

    They span whole decades, `least` or more; `high` is the upper end where the variable has one. Entries that stand for
    log10 of 0 move no edge.
    """
    samples = [real if len(real) else sample for sample in samples for real in [sample[sample > _ZERO]]]
    low = min(np.floor(np.quantile(sample, share)) for sample in samples)
    top = max(np.ceil(np.quantile(sample, 1 - share)) for sample in samples) if high is None else high
    low = min(low, top - least if high is None else math.ceil(top) - least)
    return np.linspace(low, top, round((top - low) * bins) + 1)


def in_log10(pdf: Curve) -> Curve:
    """Return a density per decade, as a function of log10 x, from one in x."""
    return lambda x: pdf(10.0**x) * 10.0**x * math.log(10.0)


def of_log10(cdf: Curve) -> Curve:
    """Return a distribution function of log10 x from one of x."""
    return lambda x: cdf(10.0**x)


def scaled(function: Callable[..., Array], factor: float, *arguments: object) -> Curve:
    """Return `factor` times `function` of a variable and then `arguments`."""
    return lambda x: factor * function(x, *arguments)


RADIAL = Law(P_REF, in_log10(analytic.prior_radius_pdf), of_log10(analytic.prior_radius_cdf))
"""The law of log10 |q| under p_ref (6)."""


def thrust_law(start: float, edge: float, **style: object) -> Law:
    """Return (19) as the law of log10 tau, of unit area above tau = `start` and drawn down to tau = `edge`."""
    factor = 1.0 / float(1.0 - analytic.thrust_tau_cdf(start, edge))
    pdf, cdf = (scaled(f, factor, edge) for f in (analytic.thrust_tau_pdf, analytic.thrust_tau_cdf))
    return Law("exact (19)", in_log10(pdf), of_log10(cdf), extent=(math.log10(edge) + 1e-9, LOG_TAU_MAX), **style)


def uniform_law(start: float = 0.0, **style: object) -> Law:
    """Return (20) as the law of log10 tau, of unit area above tau = `start`."""
    factor = 1.0 / float(1.0 - analytic.uniform_tau_cdf(start))
    pdf, cdf = (scaled(f, factor) for f in (analytic.uniform_tau_pdf, analytic.uniform_tau_cdf))
    style = {"colour": UNIFORM, "extent": (-math.inf, LOG_TAU_MAX)} | style
    return Law("uniform (20)", in_log10(pdf), of_log10(cdf), **style)
