"""What is in an event table: its kind, counts, conservation, and the quantiles of observables."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.observables import compared
from onshell.evaluation.weights import Weights, summary, weights_of
from onshell.events.checks import TOLERANCE
from onshell.events.table import Events
from onshell.physics import rambo
from onshell.physics.kinematics import energies, norm, violation
from onshell.physics.observables import LOG_FLOOR, cos_theta, phi, tau

TINY = 1e-280
"""Squares of energies that are smaller lose digits, or are 0."""

QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
"""Between the smallest and the largest value of an observable."""

KINDS = ("import", "truth", "training set", "samples", "trajectory", "forward process", "events made elsewhere")


def overview(events: Events, where: object = "events") -> dict[str, Any]:
    """Return what there is to say of `events`, plain types throughout; `where` names them in errors.

    ``kind`` is one of `KINDS`; ``conservation`` the largest, mean and median |sum E - 1| and |sum p|, in q-space of the
    phase-space points that the map gives, and whether they are ``on_shell``; ``observables`` (by time, where states
    have a column ``time``) each with min, max, mean, sd and quantiles; ``weights`` the number of effective events and
    the share of negative ones, None where all count alike; ``columns`` type and range of each further column. Means
    and standard deviations are weighted, quantiles count every event once.

    Raises
    ------
    OnshellError
        For a table without events, or with some that no observable is defined for; for weights that are no
        distribution.
    """
    if not len(events):
        raise OnshellError(f"{where}: no events in it; make it again with more than 0")
    check_defined(events, where)
    weights, times = weights_of(events, where), events.columns.get("time")
    try:
        p = events.momenta if events.space == "p" else rambo.to_p(events.momenta)
    except OnshellError as error:
        raise OnshellError(f"{where}: {error}") from error
    found: dict[str, Any] = {
        "kind": kind(events.metadata, events.space, times is not None),
        "space": events.space,
        "events": len(events),
        "n_particles": events.n_particles,
        "split": split_of(events.metadata),
        "conservation": conserved(p),
        "weights": None if weights is None else {**summary(weights, len(events)), **_ends(weights)},
        "columns": {name: described(values) for name, values in events.columns.items()},
    }
    if events.momenta.shape[-1] == 4:
        found["columns"] = {"mass": described(events.momenta[..., 3].numpy()), **found["columns"]}
    if times is None:
        found["observables"] = observed(events.momenta, events, weights)
    else:
        states = {float(time): torch.from_numpy(np.flatnonzero(times == time)) for time in np.unique(times)[::-1]}
        found["times"] = {f"{time:g}": observed(events.momenta[rows], events, None) for time, rows in states.items()}
    return found


def check_defined(events: Events, where: object) -> None:
    """Raise unless all events have observables: two particles or more, that neither vanish nor overflow."""
    if events.n_particles < 2:
        raise OnshellError(f"{where}: events of one particle, which has no observables; give two or more")
    # In q-space every point stands for an event by way of the map, which divides by its length and its mass.
    squares = (energies(events.momenta.double()).sum(-1) ** 2).numpy()
    bad = ~((squares > TINY) & np.isfinite(squares))
    if events.space == "q" and not bad.any():
        bad = ~np.isfinite(rambo.to_p(events.momenta).numpy()).all((1, 2))
    if bad.any():
        raise OnshellError(
            f"{where}: row {np.flatnonzero(bad)[0]} and {bad.sum() - 1} more: momenta that all vanish, lie on a line, "
            "or have squares beyond double precision; leave such events out"
        )


def split_of(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of events of each part of a table, in the order of its rows."""
    ranges = sorted((metadata.get("split") or {}).items(), key=lambda part: part[1])
    return {name: last - first for name, (first, last) in ranges}


def kind(metadata: Mapping[str, Any], space: str, timed: bool = False) -> str:
    """Return what a table is, one of `KINDS`, by its metadata, its space and whether it has a column ``time``."""
    if "forward" in metadata:
        return "forward process"
    if "run" in metadata:
        return "trajectory" if timed else "samples"
    if space == "q":
        return "training set"
    if "lhe" in metadata:
        return "import"
    return "truth" if "generator" in metadata else "events made elsewhere"


def conserved(p: Tensor) -> dict[str, Any]:
    """Return how far events [n, N, 3] are from sum E = 1 and sum p = 0, and whether all count as on the shell."""
    excess, total = violation(p)
    sides = {"energy": excess.abs(), "momentum": norm(total)}
    found: dict[str, Any] = {
        name: {"max": float(v.max()), "mean": float(v.mean()), "median": float(v.median())} for name, v in sides.items()
    }
    return found | {"on_shell": all(side["max"] <= TOLERANCE for side in found.values())}


def observed(x: Tensor, events: Events, weights: Weights) -> dict[str, dict[str, float]]:
    """Return the statistics of the observables of states `x` [n, N, 3] of the table `events`, by name."""
    values = of_q(x) if events.space == "q" else compared(x, *_law(events.metadata))
    return {name: statistics(v, weights, len(x)) for name, v in values.items()}


def of_q(q: Tensor) -> dict[str, np.ndarray]:
    """Return the observables of points of q-space [n, N, 3], by name.

    log10 |q|, cos theta and phi of all particles, pooled [nN]; of each point the fibre |b| and x, and log10 tau of the
    event below it [n].
    """
    b, x = rambo.frame(q)
    found = {"log10_|q|": norm(q).clamp_min(LOG_FLOOR).log10(), "cos_theta": cos_theta(q), "phi": phi(q)}
    found |= {"|b|": norm(b), "x": x, "log10_tau": tau(rambo.to_p(q)).clamp_min(LOG_FLOOR).log10()}
    return {name: value.numpy().ravel() for name, value in found.items()}


def statistics(values: np.ndarray, weights: Weights, n: int) -> dict[str, float]:
    """Return min, max, mean, sd and `QUANTILES` (q01, q25, ...) of the values [n k] of n events."""
    w = None if weights is None else np.repeat(weights, len(values) // n)
    mean = np.average(values, weights=w)
    # Weights of either sign can leave a negative variance.
    variance = max(float(np.average((values - mean) ** 2, weights=w)), 0.0)
    found = _ends(values) | {"mean": float(mean), "sd": variance**0.5}
    cuts = np.quantile(values, QUANTILES)
    return found | {f"q{100 * share:02.0f}": float(cut) for share, cut in zip(QUANTILES, cuts, strict=True)}


def described(values: np.ndarray) -> dict[str, Any]:
    """Return type, width (numbers per event) and range of a column [n] or [n, k]; numbers that are not finite apart."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    found = {"type": str(values.dtype), "width": 1 if values.ndim == 1 else values.shape[1]}
    found |= _ends(finite) if finite.size else {}
    return found | ({"not_finite": int(values.size - finite.size)} if finite.size < values.size else {})


def _ends(values: np.ndarray) -> dict[str, float]:
    """Return the smallest and the largest value; whole numbers stay whole."""
    return {"min": values.min().item(), "max": values.max().item()}


def _law(metadata: Mapping[str, Any]) -> tuple[str, bool | None]:
    """Return process and meaning of the order of particles, as `compared` wants them."""
    return metadata.get("process", ""), metadata.get("ordered")
