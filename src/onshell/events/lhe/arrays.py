"""The events of a Les Houches file as arrays: the particles that are taken, and what is kept to go back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onshell.events.lhe.particles import Slots
from onshell.events.lhe.source import Block

if TYPE_CHECKING:
    from pylhe import LHEEvent, LHEParticle

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
    """What is wrong with one event: where it is, the kind of fault for the tally, and the words for the error.

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

    slots: Slots | None = None
    n_particles: int | None = None
    n_incoming: int | None = None


@dataclass
class Gathered:
    """Events as arrays: (px, py, pz, E, m) of the particles taken [n, N, 5] and sums over all of them.

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

    def of(self, rows: NDArray[np.bool_]) -> "Gathered":
        """Return the events of some rows."""
        blocks, left_out = (
            [one for one, kept in zip(each, rows, strict=True) if kept] for each in (self.blocks, self.left_out)
        )
        arrays = (values[rows] for values in (self.momenta, self.final, self.incoming, self.beam))
        return Gathered(blocks, *arrays, left_out, {name: values[rows] for name, values in self.columns.items()})


def gather(blocks: Sequence[Block], events: "Sequence[LHEEvent | str]", shape: Shape) -> tuple[Gathered, list[Fault]]:
    """Return the events whose particles could be taken, as arrays, and the faults of the others.

    The first event decides what `shape` leaves open.
    """
    faults: list[Fault] = []
    kept: list[Block] = []
    taken: list[list[LHEParticle]] = []
    outgoing: list[list[LHEParticle]] = []
    initial: list[list[LHEParticle]] = []
    infos = []
    for block, event in zip(blocks, events, strict=True):
        found = _take(event, shape)
        if isinstance(found[0], str):
            known = () if isinstance(event, str) else (event.eventinfo.pid, event.eventinfo.weight)
            faults.append(Fault(block, "truncated" if block.fault else found[0], found[1], *known))
            continue
        chosen, final, incoming = found
        kept.append(block)
        taken.append(chosen)
        outgoing.append(final)
        initial.append(incoming)
        infos.append(event.eventinfo)
    columns = {"event": np.array([block.number for block in kept], np.int64)}
    names = ("weight", "pid", "scale", "aqed", "aqcd")
    for (name, kind), key in zip(EVENT.items(), names, strict=True):
        columns[name] = np.array([getattr(info, key) for info in infos], kind)
    for name in ("scale", "alpha_qed", "alpha_qcd"):
        columns[name][~np.isfinite(columns[name])] = UNKNOWN
    columns |= _kept(taken, "", shape.n_particles or 0) | _kept(initial, "in_", shape.n_incoming or 0)
    first = [particles[:1] for particles in initial]
    sums = [np.array([_sum(particles) for particles in side]).reshape(-1, 4) for side in (outgoing, initial, first)]
    momenta = np.array([[(p.px, p.py, p.pz, p.e, p.m) for p in particles] for particles in taken], np.float64)
    left_out = [
        tuple((Counter(p.id for p in final) - Counter(p.id for p in chosen)).elements())
        for final, chosen in zip(outgoing, taken, strict=True)
    ]
    return Gathered(kept, momenta.reshape(len(kept), shape.n_particles or 0, 5), *sums, left_out, columns), faults


def _take(event: "LHEEvent | str", shape: Shape) -> "tuple[list[LHEParticle], ...] | tuple[str, str]":
    """Return the particles taken, all outgoing and all incoming ones; or the kind of fault and its words."""
    if isinstance(event, str):
        return "unreadable", event
    particles = event.particles
    if len(particles) != event.eventinfo.nparticles:
        return "missing particles", f"lists {len(particles)} particles but says {event.eventinfo.nparticles}"
    final = [p for p in particles if p.status == FINAL]
    incoming = [p for p in particles if p.status == INCOMING]
    chosen = final
    if shape.slots is not None:
        places = shape.slots.fill([p.id for p in final])
        if isinstance(places, str):
            return "particles not found", places
        chosen = [final[i] for i in places]
    wanted, n_incoming = shape.n_particles or len(chosen), len(incoming)
    if len(chosen) != wanted:
        return "another number of particles", f"{len(chosen)} particles where {wanted} are expected"
    if wanted < 2:
        return "another number of particles", f"{wanted} final particles; massless phase space takes 2 or more"
    if n_incoming > 2 or shape.n_incoming not in (None, n_incoming):
        expected = "2 at most" if n_incoming > 2 else shape.n_incoming
        return "another number of incoming particles", f"{n_incoming} incoming particles where {expected} are expected"
    numbers = (event.eventinfo.pid, *(n for p in (*chosen, *incoming) for n in (p.id, p.color1, p.color2)))
    if max(map(abs, numbers)) >= WHOLE:
        return "unreadable", f"the number {max(numbers, key=abs)} is no PDG number, colour line or process"
    shape.n_particles, shape.n_incoming = wanted, n_incoming
    return chosen, final, incoming


def _kept(events: "Sequence[Sequence[LHEParticle]]", prefix: str, width: int) -> dict[str, np.ndarray]:
    """Return what is kept of `width` particles of each event, one array [n, width] for each name in `PARTICLE`."""
    if width == 0:
        return {}
    keys = ("id", "color1", "color2", "spin")
    found = {
        f"{prefix}{name}": np.array([[getattr(p, key) for p in particles] for particles in events], kind).reshape(
            -1, width
        )
        for (name, kind), key in zip(PARTICLE.items(), keys, strict=True)
    }
    spin = found[f"{prefix}spin"]
    spin[~np.isfinite(spin)] = UNKNOWN_SPIN
    return found


def _sum(particles: "Sequence[LHEParticle]") -> tuple[float, float, float, float]:
    """Return the total four-momentum."""
    return (
        sum(p.px for p in particles),
        sum(p.py for p in particles),
        sum(p.pz for p in particles),
        sum(p.e for p in particles),
    )
