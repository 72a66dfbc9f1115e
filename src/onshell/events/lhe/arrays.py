"""The events of a Les Houches file as arrays: the particles that are taken, and what is kept to go back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onshell.events.lhe.parse import read_event
from onshell.events.lhe.read import Block
from onshell.events.lhe.select import Selection

Array = NDArray[np.float64]
FINAL, INCOMING = 1, -1
"""Status codes."""

UNKNOWN_SPIN, UNKNOWN = 9.0, -1.0
"""What the format writes for a spin, or a scale or coupling, that is not known."""

WHOLE = 2**63
"""Whole numbers of a file stay below this."""

PARTICLE = {"id": np.int64, "colour": np.int64, "anticolour": np.int64, "spin": np.float64}
"""What is kept of each particle besides its momentum, as columns; `in_` before the name for incoming particles."""

EVENT = {"weight": float, "process_id": np.int64, "scale": float, "alpha_qed": float, "alpha_qcd": float}
"""What is kept of each event's first line."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one event: where it is, the kind of fault for the counts, and the words for the error.

    `process_id` and `weight` are those of an event whose first line could be read.
    """

    block: Block
    kind: str
    words: str
    process_id: int | None = None
    weight: float = 0.0


@dataclass
class Shape:
    """What all events of a file have in common: numbers of particles taken and of incoming ones, by the first event."""

    selection: Selection | None = None
    n_particles: int | None = None
    n_incoming: int | None = None


@dataclass
class Arrays:
    """Events as arrays: (px, py, pz, E, m) in GeV of the particles taken [n, N, 5] and sums over all of them.

    `final` and `incoming` [n, 4] are the sums (px, py, pz, E) over all outgoing and incoming particles, `beam` [n, 4]
    is the first incoming one; `left_out` are the PDG numbers of the final particles that were not taken, and `columns`
    those of the event table.
    """

    blocks: list[Block]
    momenta: Array
    final: Array
    incoming: Array
    beam: Array
    left_out: list[tuple[int, ...]]
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.blocks)

    def take(self, rows: NDArray[np.bool_]) -> "Arrays":
        """Return the events of some rows, a mask [n]."""
        return Arrays(
            blocks=[block for block, kept in zip(self.blocks, rows, strict=True) if kept],
            momenta=self.momenta[rows],
            final=self.final[rows],
            incoming=self.incoming[rows],
            beam=self.beam[rows],
            left_out=[numbers for numbers, kept in zip(self.left_out, rows, strict=True) if kept],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


class _Taken(NamedTuple):
    """An event that can be taken: its first line, and the particles chosen, all outgoing and all incoming."""

    block: Block
    info: list[Any]
    chosen: list[list[Any]]
    final: list[list[Any]]
    incoming: list[list[Any]]


def to_arrays(blocks: Sequence[Block], shape: Shape) -> tuple[Arrays, list[Fault]]:
    """Return the events of the texts `blocks` whose particles could be taken, as arrays, and the faults of the others.

    The first event decides what `shape` leaves open.
    """
    found = [_take(block, shape) for block in blocks]
    faults = [each for each in found if isinstance(each, Fault)]
    taken = [each for each in found if isinstance(each, _Taken)]
    columns = {"event": np.array([each.block.number for each in taken], np.int64)}
    columns |= {
        name: np.array([each.info[place] for each in taken], kind)
        for (name, kind), place in zip(EVENT.items(), (2, 1, 3, 4, 5), strict=True)
    }
    columns |= _of_particles([each.chosen for each in taken], "", shape.n_particles or 0)
    columns |= _of_particles([each.incoming for each in taken], "in_", shape.n_incoming or 0)
    for name in ("scale", "alpha_qed", "alpha_qcd"):
        columns[name][~np.isfinite(columns[name])] = UNKNOWN
    momenta = np.array([[particle[6:11] for particle in each.chosen] for each in taken], float)
    found_ids = ((Counter(p[0] for p in each.final), Counter(p[0] for p in each.chosen)) for each in taken)
    arrays = Arrays(
        blocks=[each.block for each in taken],
        momenta=momenta.reshape(len(taken), shape.n_particles or 0, 5),
        final=_sums([each.final for each in taken]),
        incoming=_sums([each.incoming for each in taken]),
        beam=_sums([each.incoming[:1] for each in taken]),
        left_out=[tuple((final - chosen).elements()) for final, chosen in found_ids],
        columns=columns,
    )
    return arrays, faults


def _take(block: Block, shape: Shape) -> _Taken | Fault:
    """Return the particles taken of an event, all outgoing and all incoming ones; or what is wrong with it."""
    event = read_event(block)
    if isinstance(event, str):
        return Fault(block, "truncated" if block.fault else "unreadable", event)
    (count, process_id, weight, *_), particles = event

    def fault(kind: str, words: str) -> Fault:
        return Fault(block, kind, words, process_id, weight)

    if len(particles) != count:
        return fault("missing particles", f"lists {len(particles)} particles but says {count}")
    final = [p for p in particles if p[1] == FINAL]
    incoming = [p for p in particles if p[1] == INCOMING]
    chosen = final
    if shape.selection is not None:
        places = shape.selection.fill([p[0] for p in final])
        if isinstance(places, str):
            return fault("particles not found", places)
        chosen = [final[i] for i in places]
    wanted, n_incoming = shape.n_particles or len(chosen), len(incoming)
    if len(chosen) != wanted:
        return fault("another number of particles", f"{len(chosen)} particles where {wanted} are expected")
    if wanted < 2:
        return fault("another number of particles", f"{wanted} final particles; massless phase space takes 2 or more")
    if n_incoming > 2 or shape.n_incoming not in (None, n_incoming):
        expected = "2 at most" if n_incoming > 2 else shape.n_incoming
        return fault(
            "another number of incoming particles", f"{n_incoming} incoming particles where {expected} are expected"
        )
    numbers = (process_id, *(p[i] for p in (*chosen, *incoming) for i in (0, 4, 5)))
    if max(map(abs, numbers)) >= WHOLE:
        largest = max(numbers, key=abs)
        return fault("unreadable", f"the number {largest} is no PDG number, colour line or process")
    shape.n_particles, shape.n_incoming = wanted, n_incoming
    return _Taken(block, event.info, chosen, final, incoming)


def _of_particles(events: Sequence[list[list[Any]]], prefix: str, width: int) -> dict[str, np.ndarray]:
    """Return what is kept of `width` particles of each event, one array [n, width] for each name in `PARTICLE`."""
    if width == 0:
        return {}
    found = {
        f"{prefix}{name}": np.array([[p[place] for p in particles] for particles in events], kind).reshape(-1, width)
        for (name, kind), place in zip(PARTICLE.items(), (0, 4, 5, 12), strict=True)
    }
    spin = found[f"{prefix}spin"]
    spin[~np.isfinite(spin)] = UNKNOWN_SPIN
    return found


def _sums(events: Sequence[list[list[Any]]]) -> Array:
    """Return the total four-momenta [n, 4] of the particles of each event."""
    found = [[sum(p[place] for p in particles) for place in (6, 7, 8, 9)] for particles in events]
    return np.array(found, float).reshape(-1, 4)
