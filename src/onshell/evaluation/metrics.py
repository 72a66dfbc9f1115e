"""Every number that compares a sample with truth."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.autoencoder import Autoencoder
from onshell.evaluation.distances import compare, frechet
from onshell.evaluation.features import exchangeable, invariants
from onshell.evaluation.observables import compared
from onshell.evaluation.twosample import halves, linear_auc
from onshell.evaluation.weights import Weights, per_value

Measurement = dict[str, list[float]]
"""Values by name: ``E_1.w1``, ``E_1.ks``, ``invariant.frechet``, ``latent.auc``, ...; several where splits repeat."""


def measure(
    sample: Tensor,
    truth: Tensor,
    process: str,
    *,
    seed: int,
    name: tuple[str | int, ...],
    splits: int = 1,
    autoencoders: Sequence[Autoencoder] = (),
    weights: tuple[Weights, Weights] = (None, None),
    ordered: bool | None = None,
) -> Measurement:
    """Return every distance between two samples of events [n, N, 3] and [m, N, 3].

    One-dimensional W1 and KS per observable, of all events; linear-classifier AUC and Fréchet distance in the
    invariants (sorted logarithms where the particles are exchangeable) and, when autoencoders are given, in the latent
    space of each. These two are taken `splits` times, on random halves drawn from the streams under `name`: the
    classifier trains on one half, both score the other. `weights` are those of the sample and of truth; `ordered` is
    what the table of imported events says of the order of their particles, None for others.
    """
    if splits < 1:
        raise OnshellError(f"splits: {splits} leave nothing to measure; ask for 1 or more")
    found: Measurement = {}
    ours, theirs = compared(sample, process, ordered), compared(truth, process, ordered)
    for key in theirs:
        sides = zip(weights, (ours[key], theirs[key]), (len(sample), len(truth)), strict=True)
        w1, ks = compare(ours[key], theirs[key], *(per_value(*side) for side in sides))
        found[f"{key}.w1"], found[f"{key}.ks"] = [w1], [ks]
    masses = partial(invariants, ordered=not exchangeable(process, truth.shape[1], ordered))
    spaces: list[tuple[str, int, Callable[[Tensor], np.ndarray]]] = [("invariant", 0, masses)]
    spaces += [("latent", i, network.features) for i, network in enumerate(autoencoders)]
    for space, index, features in spaces:
        a, b = features(truth), features(sample)
        for k in range(splits):
            rng = stream(seed, *name, "split", space, index, k)
            distance, area = _in_features(a, b, weights, rng)
            found.setdefault(f"{space}.frechet", []).append(distance)
            found.setdefault(f"{space}.auc", []).append(area)
    return found


def _in_features(
    truth: np.ndarray, sample: np.ndarray, weights: tuple[Weights, Weights], rng: np.random.Generator
) -> tuple[float, float]:
    """Return Fréchet distance and AUC of features [m, k] and [n, k] on random halves; weights are (sample, truth)."""
    ours, theirs = weights
    if ours is None and theirs is None:
        train, test = halves(truth, sample, rng)
        return frechet(*test), linear_auc(train, test)
    # The weights are split as the last feature, which neither the classifier nor the distance sees.
    last = (np.ones(len(x)) if w is None else w for x, w in ((truth, theirs), (sample, ours)))
    train, test = halves(*(np.column_stack([x, w]) for x, w in zip((truth, sample), last, strict=True)), rng)
    features, sizes = zip(
        *((tuple(x[:, :-1] for x in part), tuple(x[:, -1] for x in part)) for part in (train, test)), strict=True
    )
    return frechet(*features[1], *sizes[1]), linear_auc(*features, sizes)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
