"""Augmentations: the choice of the frame (b, x) in which each truth event is embedded into q-space (App. A.1.1).

An augmentation is a dict, as in config.yaml:

- ``{"copies": A}``: A random frames; the first ceil(n/A) events, each in all A of them, make n rows (`single`: A = 1);
- ``{"b": [bx, by, bz], "x": x}``: this frame for every event (`identity`: b = 0, x = 1);
- ``{"per_event": true}``: a fresh random frame for each event (`continuous`);
- ``"by_process": {process: {"b": ..., "x": ...}}`` beside one of the above: the frame of one process, as published.

Random frames follow the distribution of (b, x) of a RAMBO point. Their streams are named by process and augmentation
and not by the cutoff: all cutoffs of a process share them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import ConfigDict, Field, model_validator

from onshell.core.errors import OnshellError
from onshell.core.forms import Form, Positive, Vector
from onshell.core.reading import checked
from onshell.core.rng import stream
from onshell.events.table import ROWS, Events
from onshell.physics import rambo
from onshell.physics.masses import to_massless

AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "single": {"copies": 1},
    "identity": {"b": [0.0, 0.0, 0.0], "x": 1.0},
    "double": {"copies": 2},
    "many": {"copies": 10},
    "continuous": {"per_event": True},
}
"""The five augmentations of the paper, for any process.

`single` draws its frame for every process; that of config.yaml has the published frame for the antennas (`by_process`).
"""


class Frame(Form):
    """One frame."""

    model_config = ConfigDict(extra="forbid")
    b: Vector
    x: Positive


class Augmentation(Form):
    """The forms that the module describes."""

    model_config = ConfigDict(extra="forbid")
    copies: Annotated[int, Field(ge=1)] | None = None
    per_event: Literal[True] | None = None
    b: Vector | None = None
    x: Positive | None = None
    by_process: dict[str, Frame] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        """Refuse several forms at once, half a frame, and frames of processes beside many frames."""
        forms = [form for form in (self.copies, self.per_event, self.b) if form is not None]
        if len(forms) != 1 or (self.b is None) != (self.x is None):
            raise ValueError("not exactly one of the forms")
        if self.by_process is not None and (self.per_event or (self.copies or 1) != 1):
            raise ValueError("by_process gives one frame per process, which goes with copies: 1, or with b and x")
        return self


def validate(spec: Mapping[str, Any], name: str) -> None:
    """Raise `OnshellError`, naming the key's path, unless `spec` is one of the forms that the module describes."""
    where, remedy = f"augmentations.{name}", "give exactly one of copies, per_event, or b together with x"
    if not isinstance(spec, Mapping):
        raise OnshellError(f"{where}: {spec!r} is not a mapping; {remedy}")
    checked(dict(spec), Augmentation, where, remedy)


@dataclass(frozen=True)
class Frames:
    """The frames of one augmentation of one process: `b` [A, 3] and `x` [A], or None where each event has its own."""

    name: str
    spec: dict[str, Any]
    process: str
    n_particles: int
    seed: int
    b: torch.Tensor | None
    x: torch.Tensor | None

    @property
    def copies(self) -> int:
        """Return A, the number of rows that each truth event gives."""
        return 1 if self.b is None else len(self.b)

    def events_needed(self, n: int) -> int:
        """Return how many of `n` truth events are used, so that their copies make n rows."""
        return math.ceil(n / self.copies)

    def metadata(self) -> dict[str, Any]:
        """Return the entry `augmentation` of a table's metadata; b and x are null where they are columns."""
        b, x = (None if values is None else values.tolist() for values in (self.b, self.x))
        return {"name": self.name, "spec": self.spec, "seed": self.seed, "b": b, "x": x}

    def of_rows(self, first: int, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return b [n, 3] and x [n] of the rows from `first` on."""
        if self.b is not None and self.x is not None:
            if self.copies == 1:
                return self.b.expand(n, 3), self.x.expand(n)
            copy = torch.arange(first, first + n) % self.copies
            return self.b[copy], self.x[copy]
        # Whole blocks are drawn and cut, so that a row's frame does not depend on how the rows are asked for.
        blocks = range(first // ROWS, (first + n - 1) // ROWS + 1) if n else range(1)
        drawn = [
            rambo.sample_frames(ROWS, self.n_particles, stream(self.seed, "embed", self.process, self.name, k))
            for k in blocks
        ]
        cut = slice(first - blocks[0] * ROWS, first - blocks[0] * ROWS + n)
        return torch.cat([b for b, _ in drawn])[cut], torch.cat([x for _, x in drawn])[cut]


def frames(spec: Mapping[str, Any], *, name: str, process: str, n_particles: int, seed: int) -> Frames:
    """Return the frames of the augmentation `spec`, called `name`, for a process of N particles."""
    validate(spec, name)
    general = {key: value for key, value in spec.items() if key != "by_process"}
    spec = dict(spec.get("by_process", {}).get(process, general))
    b = x = None
    if "x" in spec:
        b, x = (torch.tensor([spec[key]], dtype=torch.float64) for key in ("b", "x"))
    elif "copies" in spec:
        b, x = rambo.sample_frames(spec["copies"], n_particles, stream(seed, "embed", process, name))
    return Frames(name, spec, process, n_particles, seed, b, x)


def fills_fibre(augmentation: Mapping[str, Any] | None) -> bool | None:
    """Return whether an `augmentation`, as in metadata, has a frame for each event; None where these do not say."""
    spec = (augmentation or {}).get("spec")
    return None if spec is None else bool(spec.get("per_event"))


def embed_chunks(chunks: Iterable[Events], chosen: Frames, n: int) -> Iterator[tuple[torch.Tensor, dict[str, Any]]]:
    """Yield q [rows, N, 3] and columns: the first `n` rows of the truth events `chunks` in their frames.

    Row r is copy r mod A of truth event r // A. The columns are `event` (of the truth), `weight` if the truth has it,
    `copy` if A > 1, and `bx`, `by`, `bz`, `x` where they differ from row to row.
    """
    row = 0
    for events in chunks:
        rows = min(len(events) * chosen.copies, n - row)
        if rows <= 0:
            return
        b, x = chosen.of_rows(row, rows)
        index = torch.arange(rows) // chosen.copies
        p = events.momenta if chosen.copies == 1 else events.momenta[index]
        q = rambo.to_q(to_massless(p[:rows]), b, x)
        columns = {"event": np.arange(row, row + rows) // chosen.copies}
        columns |= {name: events.columns[name][index.numpy()] for name in ("event", "weight") if name in events.columns}
        if chosen.copies > 1:
            columns["copy"] = np.arange(row, row + rows) % chosen.copies
        if chosen.b is None or chosen.copies > 1:
            columns |= {name: values.numpy() for name, values in zip(("bx", "by", "bz"), b.unbind(1), strict=True)}
            columns["x"] = x.numpy()
        yield q, columns
        row += rows


def embed(
    p: torch.Tensor | Events,
    spec: Mapping[str, Any],
    *,
    name: str = "by-hand",
    process: str = "unknown",
    seed: int = 0,
) -> Events:
    """Return truth events `p` [n, N, 3] embedded in q-space by the augmentation `spec`.

    Returns
    -------
    Events
        q [n, N, 3], the columns of `embed_chunks`, and the frames in the metadata.

    Raises
    ------
    OnshellError
        When `spec` is none of the forms that the module describes.

    References
    ----------
    App. A.1.1 of arXiv:2604.02415.
    """
    truth = p if isinstance(p, Events) else Events(p.to(torch.float64))
    n = len(truth)
    chosen = frames(spec, name=name, process=process, n_particles=truth.n_particles, seed=seed)
    metadata = {**truth.metadata, "augmentation": chosen.metadata(), "split": {"train": [0, n]}}
    for q, columns in embed_chunks([truth], chosen, n):
        return Events(q, columns, metadata, "q")
    return Events(truth.momenta, {"event": np.empty(0, np.int64)}, metadata, "q")
