"""Weights of events, of either sign, as every comparison takes them: None where all events count alike."""

import numpy as np
from numpy.typing import NDArray

from onshell.events.checks import checked_weights
from onshell.events.table import Events

Weights = NDArray[np.float64] | None
COLUMNS = ("weight",)
"""What comparisons read of a table besides the momenta."""


def weights_of(events: Events, where: object = "events") -> Weights:
    """Return the weights [n] of events, or None where they have none or all the same; `where` names them in the error.

    Raises
    ------
    OnshellError
        When the weights are not finite or do not sum to more than 0: they are no distribution.
    """
    return checked_weights(events.columns.get("weight"), len(events), where)


def per_value(weights: Weights, values: NDArray[np.float64], n: int) -> Weights:
    """Return the weight of each of `values`, of which every one of n events gives as many, event after event."""
    return None if weights is None else np.repeat(weights, len(values) // n)


def effective(weights: Weights, n: int) -> float:
    """Return the effective number of n events, (sum w)^2 / sum w^2."""
    return float(n) if weights is None else float(weights.sum() ** 2 / (weights**2).sum())


def summary(weights: Weights, n: int) -> dict[str, float]:
    """Return what metrics say of the weights of n events: their effective number, and the share of negative ones."""
    negative = 0.0 if weights is None else float((weights < 0.0).mean())
    return {"effective": effective(weights, n), "negative_share": negative}
