"""How measurements are written down: each beside its floor, with its error, and all observables summed up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from onshell.evaluation.intervals import Errors, Floor, errors, excess, floor_of, over
from onshell.evaluation.metrics import Measurement, SamplePair, conservation, spread
from onshell.evaluation.weights import per_value

Floors = Mapping[str, Sequence[float]]
"""The measurements of all replicates of truth against truth, by the names of `Measurement`."""

Entry = dict[str, Any]
DISTANCES = ("w1", "ks")


def uncertainties(pair: SamplePair, *, extended: bool = False) -> dict[str, dict[str, float]]:
    """Return the standard errors of W1, KS and means of each compared observable, and its standard deviation in truth.

    ``w1_error``, ``ks_error``, ``mean_error`` (of the difference of means) and ``truth_sd``.
    """
    found = {}
    for name, (ours, theirs) in (pair.observables | (pair.further if extended else {})).items():
        error = errors(ours, theirs, pair.sizes, pair.weights)
        w = per_value(pair.weights[1], theirs, len(pair.truth))
        mean = np.average(theirs, weights=w)
        # Weights of either sign can leave a negative variance.
        variance = max(float(np.average((theirs - mean) ** 2, weights=w)), 0.0)
        found[name] = {"w1_error": error.w1, "ks_error": error.ks, "mean_error": error.mean, "truth_sd": variance**0.5}
    return found


def report(
    sample: Tensor,
    measured: Measurement,
    floors: Floors,
    counts: Mapping[str, Any],
    uncertain: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    """Return the JSON content of metrics/<run>.json without its header.

    ``observables.<name>`` holds w1, ks and what `uncertainties` are, each beside its floor (`beside`).
    ``features.<space>.<frechet|auc>`` holds mean and sd over splits and autoencoders, and mean, sd, low and high of the
    floor over replicates. ``all`` sums up the observables (`summed`).
    """
    found: dict[str, Any] = {"counts": dict(counts), "conservation": conservation(sample)}
    found |= {"observables": {}, "features": {}}
    for key, values in measured.items():
        mean, sd = spread(values)
        name, quantity = key.split(".")
        low = floor_of(floors[key], signed=quantity == "auc") if key in floors else None
        if quantity in DISTANCES:
            entry = found["observables"].setdefault(name, dict(uncertain[name]))
            entry |= {quantity: mean} | beside(quantity, mean, entry, low)
        else:
            found["features"].setdefault(name, {})[quantity] = {"mean": mean, "sd": sd} | floor_entry("floor", low)
    sums = summed(found["observables"], floors)
    return found | ({"all": sums} if sums else {})


def floor_entry(name: str, low: Floor | None) -> Entry:
    """Return mean, sd, low and high of a floor, as <name>_mean and so on; nothing without one."""
    return {} if low is None else {f"{name}_{part}": getattr(low, part) for part in ("mean", "sd", "low", "high")}


def beside(quantity: str, value: float, uncertain: Mapping[str, float], low: Floor | None) -> Entry:
    """Return what an observable's W1 or KS is beside its floor, if that is known.

    ``floor_w1_mean``, _sd, and _low to _high, the range of a perfect model; ``w1_over_floor`` with its error (unless
    the floor is 0), and of W1 what it has beyond the floor: ``excess``, ``excess_low``, ``excess_high``.
    """
    found = floor_entry(f"floor_{quantity}", low)
    if low is None or low.mean <= 0.0:
        return found
    error = Errors(*(uncertain[f"{name}_error"] for name in Errors._fields))
    ratio, ratio_error = over(value, getattr(error, quantity), low)
    found |= {f"{quantity}_over_floor": ratio, f"{quantity}_over_floor_error": ratio_error}
    if quantity == "w1":
        ends = excess(value, error, low)
        found |= dict(zip(("excess", "excess_low", "excess_high"), ends, strict=True))
    return found


def summed(observables: Mapping[str, Entry], floors: Floors) -> Entry:
    """Return ``worst`` and ``mean`` of the W1 of all observables over their floors, and the size-free ``excess``.

    The first two stand beside their own floors: of every replicate the worst and the mean of its observables over the
    floor of the other replicates, for a floor that holds it would be too kind. The error of ``mean`` is the mean error,
    the most that it can be. ``excess`` is the root mean square of the observables' excess over their ``truth_sd``,
    where negative squares count; ``low`` and ``high`` are that of the ends of their intervals.
    """
    names = [
        name for name, entry in observables.items() if "w1_over_floor" in entry and min(floors[f"{name}.w1"]) > 0.0
    ]
    if not names:
        return {}
    entries = [observables[name] for name in names]
    ratios, error = (np.array([entry[f"w1_over_floor{end}"] for entry in entries]) for end in ("", "_error"))
    chance = left_one_out([floors[f"{name}.w1"] for name in names])
    place = int(ratios.argmax())
    worst = {"observable": names[place], "value": float(ratios[place]), "error": float(error[place])}
    mean = {"value": float(ratios.mean()), "error": float(error.mean())}
    units = np.array([entry["truth_sd"] for entry in entries])
    squares = np.array([observables[name]["w1"] ** 2 - floor_of(floors[f"{name}.w1"]).square for name in names])
    known = units > 0.0

    def root(values: np.ndarray) -> float:
        return float(max((values[known] / units[known] ** 2).mean(), 0.0) ** 0.5) if known.any() else 0.0

    ends = {end: root(np.array([entry[f"excess_{end}"] ** 2 for entry in entries])) for end in ("low", "high")}
    return {
        "worst": worst | floor_entry("floor", floor_of(chance.max(0))),
        "mean": mean | floor_entry("floor", floor_of(chance.mean(0))),
        "excess": {"value": root(squares)} | ends,
    }


def left_one_out(values: Sequence[Sequence[float]]) -> np.ndarray:
    """Return every replicate [K, R] over the mean of the others, for K measurements of R replicates each."""
    x = np.array(values, np.float64)
    return x * (x.shape[1] - 1) / (x.sum(1, keepdims=True) - x)
