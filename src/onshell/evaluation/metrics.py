"""Every number that compares a sample with truth, and the same number for truth against truth."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from onshell.errors import OnshellError
from onshell.evaluation.autoencoder import Autoencoder
from onshell.evaluation.conservation import conservation
from onshell.evaluation.distances import compare_sorted, frechet
from onshell.evaluation.twosample import halves, linear_auc
from onshell.physics.generators import events
from onshell.physics.kinematics import pair_products
from onshell.physics.observables import observables
from onshell.streams import stream

Measurement = dict[str, list[float]]
"""Values by name: ``E_1.w1``, ``E_1.ks``, ``invariant.frechet``, ``latent.auc``, ...; several where splits repeat."""


def invariants(p: Tensor) -> np.ndarray:
    """Return the pairwise invariant masses squared s_IJ = 2 p_I . p_J [n, N(N-1)/2], in units of E_cm^2."""
    return 2.0 * pair_products(p).double().numpy()


def measure(
    sample: Tensor,
    truth: Tensor,
    process: str,
    *,
    seed: int,
    name: tuple[str | int, ...],
    splits: int = 1,
    autoencoders: Sequence[Autoencoder] = (),
) -> Measurement:
    """Return every distance between two samples of events [n, N, 3] and [m, N, 3].

    One-dimensional W1 and KS per observable, of all events; linear-classifier AUC and Fréchet distance in the
    invariants and, when autoencoders are given, in the latent space of each. These two are taken `splits` times, on
    random halves drawn from the streams under `name`: the classifier trains on one half, both score the other.
    """
    if splits < 1:
        raise OnshellError(f"splits: {splits} leave nothing to measure; ask for 1 or more")
    found: Measurement = {}
    ours, theirs = observables(sample, process), observables(truth, process)
    for key in theirs:
        w1, ks = compare_sorted(np.sort(ours[key]), np.sort(theirs[key]))
        found[f"{key}.w1"], found[f"{key}.ks"] = [w1], [ks]
    spaces: list[tuple[str, int, Callable[[Tensor], np.ndarray]]] = [("invariant", 0, invariants)]
    spaces += [("latent", i, network.features) for i, network in enumerate(autoencoders)]
    for space, index, features in spaces:
        a, b = features(truth), features(sample)
        for k in range(splits):
            train, test = halves(a, b, stream(seed, *name, "split", space, index, k))
            found.setdefault(f"{space}.frechet", []).append(frechet(*test))
            found.setdefault(f"{space}.auc", []).append(linear_auc(train, test))
    return found


def fresh(metadata: dict, dataset: str, n: int, replicate: int, side: str, seed: int) -> Tensor:
    """Return `n` new truth events [n, N, 3] of the generator that `metadata` names, seen by no model and no file."""
    if "generator" not in metadata:
        raise OnshellError(
            f"{dataset}: the statistical floor needs the generator's name, which this file does not carry; "
            "generate the truth with `onshell generate`, or ask for 0 replicates"
        )
    parameters = metadata.get("parameters") or {}
    return events(metadata["generator"], n, seed=seed, name=(dataset, "floor", replicate, side), **parameters)


def floor(
    metadata: dict,
    dataset: str,
    sizes: tuple[int, int],
    *,
    seed: int,
    replicates: int,
    splits: int = 1,
    autoencoders: Sequence[Autoencoder] = (),
) -> dict[str, tuple[float, float]]:
    """Return (mean, standard deviation) over replicates of every measurement of truth against truth, by name.

    Each replicate draws two fresh samples of `sizes`, those of the sample and of the truth that it is compared with,
    and averages over `splits` and autoencoders as a model's entry does, so that a perfect model's distances are draws
    from exactly this law. The streams do not depend on the model.
    """
    found: Measurement = {}
    for r in range(replicates):
        a, b = (fresh(metadata, dataset, n, r, side, seed) for n, side in zip(sizes, "ab", strict=True))
        name = (dataset, "floor", r)
        once = measure(a, b, metadata["process"], seed=seed, name=name, splits=splits, autoencoders=autoencoders)
        for key, values in once.items():
            found.setdefault(key, []).append(float(np.mean(values)))
    return {key: spread(values) for key, values in found.items()}


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def report(sample: Tensor, measured: Measurement, floors: dict[str, tuple[float, float]], counts: dict) -> dict:
    """Return the JSON content of metrics/<run>.json without its header.

    ``observables.<name>`` holds w1 and ks, each with the floor's mean and sd and its ratio to that mean;
    ``features.<space>.<frechet|auc>`` holds mean and sd over splits and autoencoders, floor_mean and floor_sd over
    replicates.
    """
    found: dict = {"counts": counts, "conservation": conservation(sample), "observables": {}, "features": {}}
    for key, values in measured.items():
        mean, sd = spread(values)
        name, quantity = key.split(".")
        low = dict(zip(("mean", "sd"), floors[key], strict=True)) if key in floors else {}
        if quantity in ("w1", "ks"):
            entry = found["observables"].setdefault(name, {})
            entry[quantity] = mean
            entry |= {f"floor_{quantity}_{part}": value for part, value in low.items()}
            if low:
                entry[f"{quantity}_over_floor"] = mean / low["mean"]
        else:
            entry = {"mean": mean, "sd": sd} | {f"floor_{part}": value for part, value in low.items()}
            found["features"].setdefault(name, {})[quantity] = entry
    return found
