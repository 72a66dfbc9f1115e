"""Weights of events, of either sign, checked to be those of a law."""

import numpy as np
from numpy.typing import NDArray

from onshell.core.errors import OnshellError


def checked_weights(values: np.ndarray | None, n: int, where: object) -> NDArray[np.float64] | None:
    """Return the weights [n] of n events, or None where they have none or all the same; `where` names them in errors.

    Raises
    ------
    OnshellError
        When there is not one finite weight for each event, or when they do not sum to more than 0: no law has such.
    """
    if values is None:
        return None
    weights = np.asarray(values, np.float64)
    if weights.shape != (n,):
        raise OnshellError(f"{where}: {weights.shape} weights for {n} events; give one for each")
    if n == 0:
        return None
    if not np.isfinite(weights).all():
        raise OnshellError(f"{where}: the weights of {n} events are not all finite; remove these events")
    if not weights.sum() > 0.0:
        raise OnshellError(
            f"{where}: the weights of {n} events sum to {weights.sum():.6g}, which is no distribution; "
            "give more events, or set the weights right"
        )
    return None if (weights == weights[0]).all() else weights
