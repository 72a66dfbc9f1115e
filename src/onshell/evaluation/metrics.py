"""Every number that compares a sample with truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.autoencoder import Autoencoder
from onshell.evaluation.distances import compare, frechet
from onshell.evaluation.features import details, exchangeable, invariants
from onshell.evaluation.observables import Array, compared, observable
from onshell.evaluation.tails import tails
from onshell.evaluation.twosample import boosted_auc, linear_auc, split_halves
from onshell.evaluation.weights import Weights, per_value
from onshell.physics.kinematics import energies, violation

Measurement = dict[str, list[float]]
"""Values by name: ``E_1.w1``, ``E_1.ks``, ``invariant.frechet``, ``latent.auc``, ...; several where splits repeat."""

Name = tuple[str | int, ...]
"""The beginning of the names of random streams."""


@dataclass(frozen=True)
class SamplePair:
    """A sample [n, N, 3] and truth [m, N, 3] of a process, and their weights.

    `ordered` is what the table of imported events says of the order of their particles, None for others.
    """

    sample: Tensor
    truth: Tensor
    process: str
    weights: tuple[Weights, Weights] = (None, None)
    ordered: bool | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Return n and m."""
        return len(self.sample), len(self.truth)

    @property
    def exchangeable(self) -> bool:
        """Return whether the order of the particles means nothing."""
        return exchangeable(self.process, self.truth.shape[1], self.ordered)

    @cached_property
    def observables(self) -> dict[str, tuple[Array, Array]]:
        """Return the values of the compared observables in the sample and in truth, by name."""
        ours, theirs = (compared(p, self.process, self.ordered) for p in (self.sample, self.truth))
        return {name: (ours[name], theirs[name]) for name in theirs}

    @cached_property
    def further(self) -> dict[str, tuple[Array, Array]]:
        """Return the same of the observables that are compared only when extended: C where N > 3.

        Of three particles the C-parameter is a function of the energies.
        """
        names = ["C"] if self.truth.shape[1] > 3 else []
        return {name: (observable(name)(self.sample), observable(name)(self.truth)) for name in names}

    @cached_property
    def log10_tau(self) -> tuple[Array, Array]:
        """Return log10 tau of the sample and of truth (18)."""
        return observable("log10_tau")(self.sample.double()), observable("log10_tau")(self.truth.double())


@dataclass(frozen=True)
class Protocol:
    """How samples are compared: seed of all streams, random halves, autoencoders, and whether as in studies."""

    seed: int
    splits: int = 1
    autoencoders: Sequence[Autoencoder] = ()
    extended: bool = False


def measure(pair: SamplePair, protocol: Protocol, name: Name, *, classifier: bool = True) -> Measurement:
    """Return every distance between a sample and truth.

    One-dimensional W1 and KS per observable, of all events; linear-classifier AUC and Fréchet distance in the
    invariants (sorted logarithms where the particles are exchangeable) and, when autoencoders are given, in the latent
    space of each. These two are taken `splits` times, on random halves drawn from the streams under `name`: the
    classifier trains on one half, both score the other. An extended protocol adds `measure_extended`, its classifier
    only with `classifier`.
    """
    if protocol.splits < 1:
        raise OnshellError(f"splits: {protocol.splits} leave nothing to measure; ask for 1 or more")
    found = _one_dimensional(pair, pair.observables)
    masses = partial(invariants, ordered=not pair.exchangeable)
    spaces: list[tuple[str, int, Callable[[Tensor], np.ndarray]]] = [("invariant", 0, masses)]
    spaces += [("latent", i, network.features) for i, network in enumerate(protocol.autoencoders)]
    for space, index, features in spaces:
        both = features(pair.truth), features(pair.sample)
        for k in range(protocol.splits):
            rng = stream(protocol.seed, *name, "split", space, index, k)
            parts = split_halves(*both, pair.weights, rng)
            test_weights = parts.weights[1] if parts.weights else ()
            found.setdefault(f"{space}.frechet", []).append(frechet(*parts.test, *test_weights))
            found.setdefault(f"{space}.auc", []).append(linear_auc(parts.train, parts.test, parts.weights))
    return found | (measure_extended(pair, protocol.seed, name, classifier=classifier) if protocol.extended else {})


def measure_extended(pair: SamplePair, seed: int, name: Name, *, classifier: bool = True) -> Measurement:
    """Return the measurements that studies add: they take longer, and the floors of others must not move.

    W1 and KS of the C-parameter where N > 3, ``tau.worst`` and ``tau.beyond`` as in `tails`, and with `classifier`
    ``boosted.auc``, of trees trained on half of both samples and scored on the other, with energies, pair masses and
    angles. Random draws are of the streams under `name`.
    """
    found = _one_dimensional(pair, pair.further)
    bins = tails(*pair.log10_tau, pair.weights)
    found |= {f"tau.{key}": [bins[key]] for key in ("worst", "beyond")}
    if classifier:
        rng, ordered = stream(seed, *name, "boosted"), not pair.exchangeable
        seen = (details(p, ordered=ordered) for p in (pair.truth, pair.sample))
        parts = split_halves(*seen, pair.weights, rng)
        found["boosted.auc"] = [boosted_auc(parts.train, parts.test, int(rng.integers(1 << 31)), parts.weights)]
    return found


def _one_dimensional(pair: SamplePair, observables: dict[str, tuple[Array, Array]]) -> Measurement:
    """Return W1 and KS of observables."""
    found: Measurement = {}
    for key, values in observables.items():
        weights = (per_value(*side) for side in zip(pair.weights, values, pair.sizes, strict=True))
        w1, ks = compare(*values, *weights)
        found[f"{key}.w1"], found[f"{key}.ks"] = [w1], [ks]
    return found


def conservation(p: Tensor) -> dict[str, float]:
    """Return the violation of sum E = 1 and sum p = 0 over events [n, N, 3], in units of E_cm, by name.

    ``energy_*`` is |sum E - 1|, ``momentum_*`` the length |sum p|, ``px_mean`` and so on the mean of one component's
    absolute value; ``median_energy`` is the median single-particle energy, the natural unit of all of them.
    """
    excess, total = violation(p.double())
    length = total.norm(dim=-1)
    found = {
        "energy_max": excess.abs().max(),
        "energy_mean": excess.abs().mean(),
        "momentum_max": length.max(),
        "momentum_mean": length.mean(),
        "median_energy": energies(p.double()).flatten().median(),
    }
    found |= {f"{name}_mean": total[..., i].abs().mean() for i, name in enumerate(("px", "py", "pz"))}
    return {name: float(value) for name, value in found.items()}


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the sample standard deviation (0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
