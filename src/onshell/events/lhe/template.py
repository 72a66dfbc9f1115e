"""What a Les Houches event has and an event table of momenta lacks: energy, frame, PDG numbers, colour, beams."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events.lhe.arrays import UNKNOWN, UNKNOWN_SPIN, WHOLE
from onshell.events.lhe.checks import FIXED, LARGEST, SMALLEST
from onshell.events.lhe.colours import GLUON, colour_lines
from onshell.events.lhe.cross_sections import Info
from onshell.events.lhe.imported import COLUMNS, Columns

E_CM = 1000.0
"""GeV, where neither the table nor the call says."""

INCOMING = (11, -11)
"""Electron and positron, along +z and -z."""

Dress = Callable[[int, Columns], Columns]
"""Returns the columns of the next so many events, given those that they have themselves."""


@dataclass(frozen=True)
class Wishes:
    """What a call says of the events it writes: E_cm in GeV, PDG numbers and colour lines, first to last particle.

    `independent_energy`: what events of a template lend may go to any momenta.
    """

    e_cm: float | None = None
    ids: tuple[int, ...] | None = None
    colours: tuple[tuple[int, int], ...] | None = None
    incoming: tuple[int, ...] | None = None
    independent_energy: bool = False

    def check(self) -> None:
        """Raise unless the energy is one, and the numbers are such as files hold."""
        if self.e_cm is not None and not SMALLEST < self.e_cm < LARGEST:
            raise OnshellError(f"--e-cm {self.e_cm:g}: no energy; give GeV above 0")
        for number in (*(self.ids or ()), *(self.incoming or ()), *(n for pair in self.colours or () for n in pair)):
            if abs(number) >= WHOLE:
                raise OnshellError(f"--ids, --incoming, --colours: {number} is too large; give PDG numbers and lines")
        if self.incoming is not None and not 1 <= len(self.incoming) <= 2:
            raise OnshellError(f"--incoming: {len(self.incoming)} particles; give one, that decays, or two")

    def changes(self, about: Info) -> bool:
        """Return whether these events are of another process than those of the file that a table is `about`."""
        moved = self.e_cm is not None and any(abs(self.e_cm / limit - 1.0) > FIXED for limit in about["e_cm"])
        others = self.ids is not None and [[number] for number in self.ids] != about["places"]
        return moved or others or (self.incoming is not None and list(self.incoming) != about["beams"]["id"])

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


def of_itself(n: int, own: Columns) -> Columns:
    """Return the columns of n imported events: their own."""
    del n
    return {name: own[name] for name in COLUMNS if name in own}


def by_default(n_particles: int, e_cm: float) -> Dress:
    """Return the dress of events of which nothing is known: gluons in a colour ring from e- e+ at rest, weight 1."""

    def dress(n: int, own: Columns) -> Columns:
        found = {"weight": own.get("weight", np.ones(n)), "process_id": np.ones(n, np.int64)}
        found |= {name: np.full(n, UNKNOWN) for name in ("alpha_qed", "alpha_qcd")}
        found |= {f"{name}_{axis}": np.zeros(n) for name in ("boost", "beam") for axis in "xyz"}
        found["beam_z"] = np.ones(n)
        found |= {"e_cm": np.full(n, e_cm), "scale": np.full(n, e_cm)}
        found |= _particles((GLUON,) * n_particles, None, n, n_particles, "ids")
        inside = _particles(INCOMING, None, n, len(INCOMING), "incoming")
        return found | {f"in_{name}": values for name, values in inside.items()}

    return dress


def energy_of(metadata: Mapping[str, Any]) -> float:
    """Return E_cm in GeV of generated events by their table's metadata: that of the process, or 1000 GeV."""
    value = (metadata.get("parameters") or {}).get("sqrt_s", E_CM)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < math.inf:
        raise OnshellError(f"metadata: parameters say sqrt_s = {value!r}, which is no energy; give --e-cm")
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
    found["id"] = np.tile(np.array(ids, np.int64), (n, 1))
    found["spin"] = np.full((n, width), UNKNOWN_SPIN)
    return found


def _lines(colours: Sequence[tuple[int, int]], n: int, width: int) -> Columns:
    """Return the columns of the colour lines of `width` particles that are the same in n events."""
    if len(colours) != width:
        raise OnshellError(f"colours: {len(colours)} pairs for {width} particles; give {width}")
    pairs = np.array(colours, np.int64).reshape(1, width, 2).repeat(n, 0)
    return {"colour": pairs[..., 0].copy(), "anticolour": pairs[..., 1].copy()}
