"""What a Les Houches event has and an event table of momenta lacks: energy, frame, PDG numbers, colour, beams.

Imported events have their own; generated ones take them from random events of an imported table, the template, or have
defaults; a call may override them.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.arrays import UNKNOWN, UNKNOWN_SPIN, WHOLE
from onshell.events.lhe.checks import FIXED, LARGEST, SMALLEST
from onshell.events.lhe.imported import BEAM, COLUMNS, COUNTS, Columns, checked_columns, info
from onshell.events.lhe.select import FIRST_LINE, GLUON, colour_lines, kind
from onshell.events.lhe.weights import Info
from onshell.events.parquet import Table
from onshell.events.table import read_events

E_CM = 1000.0
"""GeV, where neither the table nor the call says."""

INCOMING = (11, -11)
"""Electron and positron, along +z and -z."""

VARIES = 1e-3
"""Relative differences above this are no rounding."""

KINDS, FLAVOURS = "the kinds of particles", "the flavours"

Assign = Callable[[int, Columns], Columns]
"""Returns the columns of the next so many events, given those that they have themselves."""


@dataclass(frozen=True)
class Overrides:
    """What a call says of the events it writes.

    `e_cm` is in GeV; `ids`, `colours` and `incoming` are PDG numbers and colour lines, first to last particle. `frame`
    is "lab", where imported events were, "cm", or a velocity "vx,vy,vz". `project` first puts events of a p-space model
    on the shell. `independent_energy`: what events of a template have may go to any momenta.
    """

    e_cm: float | None = None
    ids: tuple[int, ...] | None = None
    colours: tuple[tuple[int, int], ...] | None = None
    incoming: tuple[int, ...] | None = None
    frame: str = "lab"
    project: bool = False
    independent_energy: bool = False

    def __post_init__(self) -> None:
        """Raise unless the energy is one, and the numbers are such as files hold."""
        if self.e_cm is not None and not SMALLEST < self.e_cm < LARGEST:
            raise OnshellError(f"--e-cm {self.e_cm:g}: no energy; give GeV above 0")
        for number in (*(self.ids or ()), *(self.incoming or ()), *(n for pair in self.colours or () for n in pair)):
            if abs(number) >= WHOLE:
                raise OnshellError(f"--ids, --incoming, --colours: {number} is too large; give PDG numbers and lines")
        if self.incoming is not None and not 1 <= len(self.incoming) <= 2:
            raise OnshellError(f"--incoming: {len(self.incoming)} particles; give one, that decays, or two")
        self.boost  # noqa: B018 (raises)

    @property
    def boost(self) -> tuple[float, float, float] | None:
        """Return the boost gamma v to the frame: None for "lab", 0 for "cm", else that of "vx,vy,vz"."""
        if self.frame in ("lab", "cm"):
            return None if self.frame == "lab" else (0.0, 0.0, 0.0)
        try:
            vx, vy, vz = map(float, self.frame.split(","))
            square = vx * vx + vy * vy + vz * vz
        except ValueError:
            square = math.inf
        if not square < 1.0:
            raise OnshellError(
                f"--frame {self.frame}: give lab, cm, or a velocity below that of light, such as 0,0,0.6"
            )
        root = math.sqrt(1.0 - square)
        return vx / root, vy / root, vz / root

    def changes(self, about: Info) -> bool:
        """Return whether these events are of another process than those of the file that a table is `about`."""
        moved = self.e_cm is not None and any(abs(self.e_cm / limit - 1.0) > FIXED for limit in about["e_cm"])
        others = self.ids is not None and [[number] for number in self.ids] != about["places"]
        return moved or others or (self.incoming is not None and list(self.incoming) != about["beams"]["id"])

    def apply(self, columns: Columns, n_particles: int) -> Columns:
        """Return `columns` of n events with what is given in place of what they hold."""
        n, found = len(columns["e_cm"]), dict(columns)
        if self.e_cm is not None:
            found["e_cm"] = np.full(n, self.e_cm)
            found["scale"] = found["e_cm"]
        if self.ids is not None:
            found |= _particles(self.ids, self.colours, n, n_particles, "ids")
        elif self.colours is not None:
            found |= _lines(self.colours, n, n_particles)
        if self.incoming is not None:
            # Their colour lines are others than those of the final particles.
            last = FIRST_LINE - 1
            above = int(max(found["colour"].max(initial=0), found["anticolour"].max(initial=0), last)) - last
            lines = [(c and c + above, a and a + above) for c, a in colour_lines(self.incoming)]
            found |= _incoming(_particles(self.incoming, lines, n, len(self.incoming), "incoming"))
        if self.boost is not None:
            found |= {f"boost_{axis}": np.full(n, value) for axis, value in zip("xyz", self.boost, strict=True)}
        return found


def default_columns(n_particles: int, metadata: Mapping[str, Any]) -> Assign:
    """Return how events get columns of which nothing is known: gluons in a colour ring from e- e+ at rest, weight 1.

    E_cm in GeV is that of the process, by the table's metadata, or 1000 GeV.
    """
    e_cm = (metadata.get("parameters") or {}).get("sqrt_s", E_CM)
    if isinstance(e_cm, bool) or not isinstance(e_cm, int | float) or not 0.0 < e_cm < math.inf:
        raise OnshellError(f"metadata: parameters say sqrt_s = {e_cm!r}, which is no energy; give --e-cm")

    def assign(n: int, columns: Columns) -> Columns:
        found = {"weight": columns.get("weight", np.ones(n)), "process_id": np.ones(n, np.int64)}
        found |= {name: np.full(n, UNKNOWN) for name in ("alpha_qed", "alpha_qcd")}
        found |= {f"{name}_{axis}": np.zeros(n) for name in ("boost", "beam") for axis in "xyz"}
        found["beam_z"] = np.ones(n)
        found |= {"e_cm": np.full(n, float(e_cm)), "scale": np.full(n, float(e_cm))}
        found |= _particles((GLUON,) * n_particles, None, n, n_particles, "ids")
        return found | _incoming(_particles(INCOMING, None, n, len(INCOMING), "incoming"))

    return assign


class Template:
    """An imported table whose events give generated ones what these lack.

    `about` is what it says of its file, `columns` what its events have, and `weights` [n] what each of them counts for.
    """

    def __init__(self, path: Path, n_particles: int) -> None:
        self.path = path
        with Table(path, "p", n_particles) as table:
            about, rows = info(table), table.rows
        if about is None or not rows:
            raise OnshellError(f"{path}: no events of a Les Houches file; give a table that `onshell import` made")
        columns = [column for column in COLUMNS if column not in ("spin", "in_spin")]
        events = read_events(path, space="p", n_particles=n_particles, columns=columns, check=False)
        found = checked_columns(events.columns, path)
        used = found["weight"] != 0.0
        self.about, self.metadata = about, events.metadata
        self.columns = {name: values[used] for name, values in found.items()}
        self.weights = self.columns.pop("weight")
        if not self.weights.sum() > 0.0:
            raise OnshellError(
                f"{path}: its weights sum to {self.weights.sum():g}, which is no distribution; import again"
            )

    def check_same(self, metadata: Mapping[str, Any], where: Path) -> None:
        """Raise if the events of a table `where` are of another process, by both tables' metadata."""
        remedy = "give the table that the model's own training set was made of"
        named = [key for key in ("dataset", "process") if key in self.metadata and metadata.get(key) is not None]
        if named and self.metadata[named[0]] != metadata[named[0]]:
            this, other = self.metadata[named[0]], metadata[named[0]]
            raise OnshellError(
                f"{self.path}: holds events of {named[0]} {this!r}, but {where} those of {other!r}; {remedy}"
            )
        places = metadata.get("places")
        # Fewer events show fewer of the PDG numbers of a place.
        if places is not None and not all(
            set(a) <= set(b) or set(b) <= set(a) for a, b in zip(self.about["places"], places, strict=False)
        ):
            raise OnshellError(
                f"{self.path}: its particles have the PDG numbers {self.about['places']}, those of {where} {places}; "
                f"{remedy}"
            )

    def varying(self, overrides: Overrides) -> list[str]:
        """Return what differs from event to event and is assigned all the same.

        Energy, frame and kinds of particles belong to the momenta of an event: others may not have them, unless
        `overrides` says that they are independent, or replaces them. Flavours of quarks and leptons are assigned.
        """
        found = []
        if overrides.e_cm is None and _varies(self.columns["e_cm"]):
            low, high = (f"{limit(self.columns['e_cm']):.6g}" for limit in (np.min, np.max))
            found.append(f"E_cm ({low} to {high} GeV)")
        boost = np.stack([self.columns[f"boost_{axis}"] for axis in "xyz"], 1)
        if overrides.boost is None and np.ptp(boost, 0).max() > VARIES * np.sqrt(1.0 + (boost**2).sum(1).max()):
            found.append("the boost")
        if self.about["incoming"] == 2 and max(np.ptp(self.columns[name]) for name in BEAM) > VARIES:
            found.append("the direction of the beam")
        numbers = np.concatenate([self.columns[name] for name in ("id", "in_id") if name in self.columns], 1)
        each, place = np.unique(numbers, return_inverse=True)
        kinds = np.array([kind(number) for number in each.tolist()])[place].reshape(numbers.shape)
        if overrides.ids is None and np.ptp(kinds, 0).any():
            found.append(KINDS)
        if found and not overrides.independent_energy:
            raise OnshellError(
                f"{self.path}: not the same in all events: {', '.join(found)}; given to momenta that this does not "
                "belong to, it makes wrong masses and angles: give --e-cm, --frame or --ids, or, where the momenta do "
                "not depend on it, --independent-energy (in the configuration, independent_energy: true)"
            )
        if overrides.ids is None and np.ptp(numbers, 0).any() and KINDS not in found:
            found.append(FLAVOURS)
        return found

    def columns_at_random(self, overrides: Overrides, varying: Sequence[str], rng: np.random.Generator) -> Assign:
        """Return how events get the columns of random events of the table, in proportion to what these count for.

        Spins are unknown; so are a scale and couplings that differ from event to event, unless energies may, too.
        `varying` is that of the method of this name.
        """
        given, upto = dict(self.columns), self._shares(varying).cumsum()
        if not overrides.independent_energy:
            for key in ("scale", "alpha_qed", "alpha_qcd"):
                given[key] = np.full_like(given[key], UNKNOWN) if _varies(given[key]) else given[key]

        def assign(n: int, columns: Columns) -> Columns:
            rows = np.searchsorted(upto, rng.random(n) * upto[-1], side="right").clip(max=len(upto) - 1)
            found = {column: values[rows] for column, values in given.items()}
            for prefix in ("", "in_"):
                if f"{prefix}id" in found:
                    found[f"{prefix}spin"] = np.full(found[f"{prefix}id"].shape, UNKNOWN_SPIN)
            return found | {"weight": columns.get("weight", np.ones(n))}

        return assign

    def _shares(self, varying: Sequence[str]) -> np.ndarray:
        """Return how often each event is taken [n]: by weight; where some are negative, by channels' sums."""
        if (self.weights > 0.0).all():
            return self.weights
        if set(varying) - {KINDS, FLAVOURS}:
            raise OnshellError(
                f"{self.path}: has negative weights, by which no energies can be drawn; give --e-cm and --frame, or "
                "import without them"
            )
        parts = [self.columns[name].reshape(len(self.weights), -1) for name in COUNTS if name in self.columns]
        _, channel = np.unique(np.concatenate(parts, 1), axis=0, return_inverse=True)
        net, size = (np.bincount(channel.ravel(), values) for values in (self.weights, np.abs(self.weights)))
        if (net < 0.0).any():
            raise OnshellError(
                f"{self.path}: the weights of one of its channels sum to {net.min():g}: it cannot be drawn; give a "
                "table of more events"
            )
        return np.abs(self.weights) * (net / size)[channel.ravel()]


def _varies(values: np.ndarray) -> bool:
    """Return whether numbers differ by more than rounding."""
    return bool(np.ptp(values) > VARIES * np.abs(values).max())


def _particles(ids: Sequence[int], colours: Sequence[tuple[int, int]] | None, n: int, width: int, what: str) -> Columns:
    """Return the columns of `width` particles that are the same in n events."""
    if len(ids) != width:
        raise OnshellError(
            f"{what} {','.join(map(str, ids))}: {len(ids)} PDG numbers for {width} particles; give {width}"
        )
    found = _lines(colour_lines(ids) if colours is None else colours, n, width)
    found["id"] = np.tile(np.array(ids, np.int64), (n, 1))
    found["spin"] = np.full((n, width), UNKNOWN_SPIN)
    return found


def _lines(colours: Sequence[tuple[int, int]], n: int, width: int) -> Columns:
    """Return the columns of the colour lines of `width` particles that are the same in n events."""
    if len(colours) != width:
        raise OnshellError(f"colours: {len(colours)} pairs for {width} particles; give {width}")
    pairs = np.array(colours, np.int64).reshape(1, width, 2).repeat(n, 0)
    return {"colour": pairs[..., 0].copy(), "anticolour": pairs[..., 1].copy()}


def _incoming(columns: Columns) -> Columns:
    """Return columns of particles as those of incoming ones."""
    return {f"in_{name}": values for name, values in columns.items()}
