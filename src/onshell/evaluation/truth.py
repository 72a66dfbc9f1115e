"""The truth that models are judged by, and the cuts that it is known to obey."""

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.evaluation.floors import Pool
from onshell.evaluation.weights import COLUMNS, weights_of
from onshell.events.table import Events, read_events, read_metadata
from onshell.physics.kinematics import pair_masses
from onshell.physics.process import PROCESSES

PARTS = ("test", "final")
"""The parts of truth that no model sees: settings may be chosen by the first, never by the second."""

ROUNDING = 1e-9
"""Relative: events this close to a cut are on the right side of it."""


def held_out(path: str | os.PathLike[str], part: str = "test") -> Events:
    """Return one of `PARTS` of a truth file; in place of the test part every event of a file without parts."""
    if part not in PARTS:
        raise OnshellError(f"judge: {part!r} is no part of truth that judges; use {' or '.join(PARTS)}")
    parts = read_metadata(path).get("split") or {}
    if part == "final" and "final" not in parts:
        raise OnshellError(
            f"{path}: has no part 'final'; make one with `onshell generate DATASET --final N`, or of your own events "
            "with `onshell import FILE --final SHARE`, or let the part 'test' judge"
        )
    return not_empty(path, read_events(path, space="p", rows=part if parts else None, columns=COLUMNS))


def judged_by(metadata: Mapping[str, Any], part: str) -> str:
    """Return the part of truth that judges, as metrics name it: `part`, or all of a table without parts."""
    return part if metadata.get("split") else "all"


def one_judge(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the part of truth that judged all `metrics`, by run; those of the test part once did not say so.

    Raises
    ------
    OnshellError
        When they differ: numbers of one table are judged by one part of truth.
    """
    parts = {run: str(one.get("judge", "test")) for run, one in metrics.items()}
    first = next(iter(parts), "")
    for run, part in parts.items():
        if part != parts[first]:
            raise OnshellError(
                f"{run}: judged by the part {part!r} of truth where {first} is by {parts[first]!r}; make the metrics "
                "of both again with one `judge`"
            )
    return parts.get(first, "test")


def judge_note(part: str) -> str:
    """Return in words which part of truth judged, as tables say below."""
    words = {"final": "final, which no choice of settings has seen", "all": "all its events, for want of parts"}
    return f"Truth: {words.get(part, part)}."


def pool_of(path: str | os.PathLike[str]) -> Pool | None:
    """Return all events of a table that `onshell import` made, to draw truth from; None for any other."""
    if "lhe" not in read_metadata(path):
        return None
    events = read_events(path, space="p", columns=COLUMNS)
    return Pool(events.momenta, weights_of(events, path))


def not_empty(path: str | os.PathLike[str], events: Events) -> Events:
    """Return `events`, read from `path`, if there are any."""
    if not len(events):
        raise OnshellError(f"{path}: no events in the part that is needed; make it again with more than 0")
    return events


def check_same_kind(paths: tuple[object, object], a: Events, b: Events) -> None:
    """Raise if the particles of one of two tables have masses and those of the other have none."""
    heavy = [events.momenta.shape[-1] == 4 for events in (a, b)]
    if heavy[0] != heavy[1]:
        first, second = paths if heavy[0] else paths[::-1]
        raise OnshellError(
            f"{first}: of massive particles, but those of {second} have no masses; they cannot be compared"
        )


def pair_cut(metadata: Mapping[str, Any]) -> float | None:
    """Return the smallest s_IJ/E_cm^2 of any pair in truth, by its table's metadata; None where no cut is known."""
    known = PROCESSES.get(metadata.get("generator", ""))
    if known is None or known.cut is None or not known.cut.pair_mass:
        return None
    cutoff = (metadata.get("parameters") or {}).get("cutoff", metadata.get("cutoff"))
    return None if cutoff is None else float(cutoff)


def inside(p: Tensor, cut: float) -> Tensor:
    """Return which events [n, N, 3] have all s_IJ at or above `cut`, as booleans [n]."""
    return torch.cat([pair_masses(part.double()).amin(-1) >= cut * (1.0 - ROUNDING) for part in p.split(1 << 15)])
