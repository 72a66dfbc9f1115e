"""What studies compare besides the standard measurements: these take longer, and the floors of others must not move."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.rng import stream
from onshell.evaluation.distances import compare
from onshell.evaluation.features import details, exchangeable
from onshell.evaluation.tails import tails
from onshell.evaluation.twosample import boosted_auc, halves
from onshell.evaluation.weights import Weights
from onshell.physics.observables import LOG_FLOOR, c_parameter, tau

CLASSIFIED = 10
"""Replicates of a floor that the boosted classifier is trained for, unless a number is given."""

_CHUNK = 1 << 15


def log10_tau(p: Tensor) -> np.ndarray:
    """Return log10 tau [n] of events [n, N, 3] (18)."""
    return np.log10(torch.cat([tau(part.double()) for part in p.split(_CHUNK)]).clamp_min(LOG_FLOOR).numpy())


def c_parameters(p: Tensor) -> np.ndarray:
    """Return the C-parameter [n] of events [n, N, 3]."""
    return torch.cat([c_parameter(part.double()) for part in p.split(_CHUNK)]).numpy()


def closely(
    sample: Tensor,
    truth: Tensor,
    process: str,
    *,
    seed: int,
    name: tuple[str | int, ...],
    weights: tuple[Weights, Weights] = (None, None),
    ordered: bool | None = None,
    classifier: bool = True,
) -> dict[str, list[float]]:
    """Return further measurements of two samples [n, N, 3] and [m, N, 3], by name as `measure` does.

    ``C.w1`` and ``C.ks`` of the C-parameter where N > 3 (of three particles it is a function of the energies),
    ``tau.worst`` and ``tau.beyond`` as in `tails`, and with `classifier` ``boosted.auc``, of trees trained on half of
    both samples and scored on the other, with energies, pair masses and angles. Random draws are of the streams under
    `name`.
    """
    found: dict[str, list[float]] = {}
    if truth.shape[1] > 3:
        w1, ks = compare(c_parameters(sample), c_parameters(truth), *weights)
        found |= {"C.w1": [w1], "C.ks": [ks]}
    bins = tails(log10_tau(sample), log10_tau(truth), weights)
    found |= {f"tau.{key}": [bins[key]] for key in ("worst", "beyond")}
    if classifier:
        found["boosted.auc"] = [_boosted(sample, truth, process, seed, name, weights, ordered)]
    return found


def _boosted(
    sample: Tensor,
    truth: Tensor,
    process: str,
    seed: int,
    name: tuple[str | int, ...],
    weights: tuple[Weights, Weights],
    ordered: bool | None,
) -> float:
    """Return the AUC of the boosted classifier."""
    seen = partial(details, ordered=not exchangeable(process, truth.shape[1], ordered))
    rng = stream(seed, *name, "boosted")
    ours, theirs = weights
    if ours is None and theirs is None:
        train, test = halves(seen(truth), seen(sample), rng)
        return boosted_auc(train, test, int(rng.integers(1 << 31)))
    # The weights are split as the last feature, which the classifier does not see.
    last = (np.ones(len(p)) if w is None else w for p, w in ((truth, theirs), (sample, ours)))
    whole = (np.column_stack([seen(p), w]) for p, w in zip((truth, sample), last, strict=True))
    parts = halves(*whole, rng)
    features, sizes = (tuple(tuple(x[:, take] for x in part) for part in parts) for take in (slice(-1), -1))
    return boosted_auc(*features, int(rng.integers(1 << 31)), sizes)


def generation(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a table of generated events says of how they were drawn; evaluations of the network are per event."""
    return {key: metadata.get(key) for key in ("n_evaluations", "sampling")}
