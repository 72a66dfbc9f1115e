"""Importance weights: what turns events of a model with a known density into events of a known process."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.weights import effective as effective_number
from onshell.physics import fibre, rambo

OVERWEIGHT = 1e-3
"""Share of the sum of weights that may lie above the largest weight kept by `efficiency_capped`."""


@dataclass(frozen=True)
class Quality:
    """What importance weights are worth.

    `integral` is their mean, of a normalised target 1, with the standard `error`; `effective` is (sum w)^2/sum w^2 and
    `share` the same over the number of events; `efficiency` is that of unweighting, mean over largest weight, and
    `efficiency_capped` that where weights are cut at a value above which 0.1% of their sum lies.
    """

    events: int
    integral: float
    error: float
    effective: float
    share: float
    efficiency: float
    efficiency_capped: float
    zero: float

    def document(self) -> dict[str, Any]:
        """Return it as plain types."""
        return dict(vars(self))


def quality(weights: NDArray[np.float64]) -> Quality:
    """Return what the `weights` [n] are worth."""
    weights = np.asarray(weights, np.float64)
    if len(weights) < 2 or not np.isfinite(weights).all() or not weights.max() > 0 or weights.min() < 0:
        raise OnshellError(
            f"weights: {len(weights)} weights have no quality that could be told: at least two are needed, finite, "
            "none negative and one above 0"
        )
    n, mean, effective = len(weights), weights.mean(), effective_number(weights, len(weights))
    return Quality(
        events=n,
        integral=float(mean),
        error=float(weights.std(ddof=1) / n**0.5),
        effective=effective,
        share=effective / n,
        efficiency=float(mean / weights.max()),
        efficiency_capped=capped_efficiency(weights),
        zero=float((weights == 0).mean()),
    )


def capped_efficiency(weights: NDArray[np.float64]) -> float:
    """Return the share of events that unweighting keeps at the least cap c with sum max(0, w - c) <= 0.1% of sum w."""
    falling = np.sort(weights)[::-1]
    # Above the k-th largest weight lies sum_{i<k} (w_i - w_k).
    above = np.cumsum(falling) - falling * np.arange(1, len(falling) + 1)
    k = int(np.searchsorted(above, OVERWEIGHT * falling.sum(), side="right"))
    # Between two weights the sum above a cap is linear in it.
    cap = (falling[:k].sum() - OVERWEIGHT * falling.sum()) / k
    return float(np.minimum(weights, cap).mean() / cap)


def weights_in_q(
    density: Tensor, log_prob: Tensor, b: Tensor, x: Tensor, n_particles: int, *, fitted: bool
) -> NDArray[np.float64]:
    """Return exact weights [n] of events drawn in q-space, w = density(p) g(b, x) / [rho(q) / p_ref(q) rho(b, x)].

    `density` is that of the target relative to uniform phase space, `log_prob` the model's ln rho/p_ref at q, whose
    frames are `b` [n, 3] and `x` [n]. Any law g leaves the mean of w f(p) that of the target. It is that of the prior,
    or `fitted`: for either half of the events, normal around the frames of the other.
    """
    log_weight = density.log() - log_prob
    if fitted:
        halves = torch.arange(len(x)) % 2 == 0
        for half in (halves, ~halves):
            law = fibre.FittedFrames(b[~half], x[~half], n_particles)
            change = law.log_prob(b[half], x[half]) - rambo.frame_log_prob(b[half], x[half], n_particles)
            log_weight[half] += change
    return log_weight.exp().numpy()
