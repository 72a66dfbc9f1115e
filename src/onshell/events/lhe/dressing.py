"""What a Les Houches event has and an event table of momenta lacks: energy, frame, PDG numbers, colour, beams."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onshell.errors import OnshellError
from onshell.events.lhe.colours import GLUON, colour_lines
from onshell.events.lhe.gather import EVENT, PARTICLE
from onshell.events.table import read_events
from onshell.streams import stream

E_CM = 1000.0
"""GeV, where neither the table nor the call says."""

INCOMING = (11, -11)
"""Electron and positron, along +z and -z."""

UNKNOWN_SPIN, UNKNOWN = 9.0, -1.0
"""What the format writes for a spin, or a coupling, that is not known."""

COLUMNS = (
    *EVENT,
    *(f"{name}_{axis}" for name in ("boost", "beam") for axis in "xyz"),
    *(f"{prefix}{name}" for prefix in ("", "in_") for name in PARTICLE),
    "e_cm",
)
"""Columns of an imported table besides momenta and `event`."""

Columns = dict[str, np.ndarray]
Dress = Callable[[int, Columns], Columns]
"""Returns the columns of the next so many events, given those that they have themselves."""


@dataclass(frozen=True)
class Wishes:
    """What a call says of the events it writes: E_cm in GeV, PDG numbers and colour lines, first to last particle."""

    e_cm: float | None = None
    ids: tuple[int, ...] | None = None
    colours: tuple[tuple[int, int], ...] | None = None
    incoming: tuple[int, ...] | None = None

    def over(self, columns: Columns, n_particles: int) -> Columns:
        """Return `columns` of n events with what is wished in place of what they hold."""
        n, found = len(columns["e_cm"]), dict(columns)
        if self.e_cm is not None:
            found["e_cm"] = np.full(n, self.e_cm)
            found["scale"] = found["e_cm"]
        if self.ids is not None:
            found |= _particles(self.ids, self.colours, n, n_particles, "ids")
        elif self.colours is not None:
            found |= _lines(self.colours, n, n_particles)
        if self.incoming is not None:
            used = int(max(found["colour"].max(initial=0), found["anticolour"].max(initial=0), 500))
            lines = [(c + used - 500 if c else 0, a + used - 500 if a else 0) for c, a in colour_lines(self.incoming)]
            inside = _particles(self.incoming, tuple(lines), n, len(self.incoming), "incoming")
            found |= {f"in_{name}": values for name, values in inside.items()}
        return found


def of_itself(n_particles: int) -> Dress:
    """Return the dress of an imported table: its own columns."""
    del n_particles
    return lambda n, own: {name: own[name] for name in COLUMNS if name in own}


def by_default(n_particles: int, e_cm: float) -> Dress:
    """Return the dress of events of which nothing is known: gluons in a colour ring from e- e+ at rest, weight 1."""

    def dress(n: int, own: Columns) -> Columns:
        found = {"weight": own.get("weight", np.ones(n)), "process_id": np.ones(n, np.int32)}
        found |= {name: np.full(n, UNKNOWN) for name in ("alpha_qed", "alpha_qcd")}
        found |= {f"{name}_{axis}": np.zeros(n) for name in ("boost", "beam") for axis in "xyz"}
        found["beam_z"] = np.ones(n)
        found |= {"e_cm": np.full(n, e_cm), "scale": np.full(n, e_cm)}
        found |= _particles((GLUON,) * n_particles, None, n, n_particles, "ids")
        inside = _particles(INCOMING, None, n, len(INCOMING), "incoming")
        return found | {f"in_{name}": values for name, values in inside.items()}

    return dress


def like(path: Path, n_particles: int, seed: int, name: str) -> tuple[Dress, dict[str, Any]]:
    """Return the dress that generated events take from random events of the imported table `path`, and its metadata.

    E_cm, boost, incoming particles, PDG numbers, colour lines and couplings of an event are those of one event of the
    table, drawn by the size of its weight; spins are unknown. The mean weight is that of the table.
    """
    columns = [column for column in COLUMNS if column not in ("spin", "in_spin")]
    table = read_events(path, space="p", n_particles=n_particles, columns=columns, check=False)
    if "id" not in table.columns or not len(table):
        raise OnshellError(f"{path}: no events of a Les Houches file; give a table that `onshell import` made")
    kept = {column: table.columns[column] for column in columns if column in table.columns}
    weights = kept.pop("weight")
    sizes = np.abs(weights).cumsum()
    # Weights of strategy 3 are 1 or -1 by definition; all others average to a cross section.
    unit = 1.0 if abs(table.metadata["lhe"]["weighting"]) == 3 else _mean(weights)
    rng = stream(seed, "export", name)

    def dress(n: int, own: Columns) -> Columns:
        rows = np.searchsorted(sizes, rng.random(n) * sizes[-1], side="right").clip(max=len(sizes) - 1)
        found = {column: values[rows] for column, values in kept.items()}
        found["weight"] = unit * own.get("weight", np.ones(n))
        found |= {
            f"{prefix}spin": np.full(found[f"{prefix}id"].shape, UNKNOWN_SPIN)
            for prefix in ("", "in_")
            if f"{prefix}id" in found
        }
        return found

    return dress, table.metadata


def _mean(weights: np.ndarray) -> float:
    """Return the mean weight; exactly the weight of events that all have the same."""
    return float(weights[0] if (weights == weights[0]).all() else weights.mean())


def energy_of(metadata: Mapping[str, Any]) -> float:
    """Return E_cm in GeV of generated events by their table's metadata: that of the process, or 1000 GeV."""
    value = (metadata.get("parameters") or {}).get("sqrt_s", E_CM)
    return float(value)


def _particles(
    ids: Sequence[int], colours: tuple[tuple[int, int], ...] | None, n: int, width: int, what: str
) -> Columns:
    """Return the columns of `width` particles that are the same in n events."""
    if len(ids) != width:
        raise OnshellError(
            f"{what} {','.join(map(str, ids))}: {len(ids)} PDG numbers for {width} particles; give {width}"
        )
    found = _lines(colour_lines(ids) if colours is None else colours, n, width)
    found["id"] = np.tile(np.array(ids, np.int32), (n, 1))
    found["spin"] = np.full((n, width), UNKNOWN_SPIN)
    return found


def _lines(colours: Sequence[tuple[int, int]], n: int, width: int) -> Columns:
    """Return the columns of the colour lines of `width` particles that are the same in n events."""
    if len(colours) != width:
        raise OnshellError(f"colours: {len(colours)} pairs for {width} particles; give {width}")
    pairs = np.array(colours, np.int32).reshape(1, width, 2).repeat(n, 0)
    return {"colour": pairs[..., 0].copy(), "anticolour": pairs[..., 1].copy()}
