"""What is wrong with events that could be read: momenta, masses, conservation, energy."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.events.lhe.arrays import Arrays, Fault
from onshell.events.lhe.frames import believed, energies, masses, square_root
from onshell.events.lhe.read import Block

MASSLESS = 1e-3
"""Largest |m| of a particle over E_cm that counts as zero, unless another is given."""

CONSERVED = 1e-6
"""Largest difference of a component of the outgoing from the incoming momentum, over the energy in that frame."""

LARGEST, SMALLEST = 1e100, 1e-100
"""Sizes of a weight, 0 apart, whose square and whose sum over any number of events are numbers still."""

THRESHOLD = 1e-9
"""Least share of E_cm that is left to move with."""

FIXED = 1e-3
"""Largest relative difference between an event's E_cm and that of beams without parton distributions."""

Check = tuple[Any, str, Callable[[int], str]]
"""Which events are bad [n], the kind of fault, and what is wrong with the event of a row."""


@dataclass(frozen=True)
class Limits:
    """What events are checked by: `massless` is a share of E_cm; `energy` compares E_cm with that of the beams."""

    massless: float = MASSLESS
    energy: bool = True

    def __post_init__(self) -> None:
        """Raise unless `massless` is a share."""
        if not 0.0 <= self.massless <= 1.0:
            raise OnshellError(f"massless: {self.massless:g}; give a share of E_cm from 0 to 1, such as 1e-3")


def check_init(about: dict[str, Any], init: Block) -> dict[str, Any]:
    """Return what an `<init>` block says, as `parse.read_init` has it, or raise if a number of it is none."""
    named = [(f"{key.replace('_', ' ')} of a beam", value) for key, pair in about["beams"].items() for value in pair]
    named += [
        (f"{'cross section' if key == 'value' else key.replace('_', ' ')} of process {process['id']}", value)
        for process in about["cross_sections"]
        for key, value in process.items()
    ]
    for name, value in [*named, ("weighting strategy", about["weighting"])]:
        if not math.isfinite(value) or abs(value) > LARGEST or (type(value) is int and abs(value) >= 2**63):
            raise OnshellError(
                f"{init.where}: line {init.line}: the <init> that begins here gives {value} as {name}; write a number, "
                "such as -1 for one that is not known"
            )
    return about


def check_events(events: Arrays, init: dict[str, Any], limits: Limits) -> tuple[NDArray[np.bool_], list[Fault]]:
    """Return which events are good [n], and the first fault of each that is not."""
    faults: list[Fault] = []
    good = np.ones(len(events), bool)
    if len(events):
        with np.errstate(all="ignore"):
            for bad, kind, words in _checks(events, init, limits):
                faults += [Fault(events.blocks[row], kind, words(row)) for row in np.flatnonzero(bad & good).tolist()]
                good &= ~bad
    return good, faults


def _checks(events: Arrays, init: dict[str, Any], limits: Limits) -> Iterator[Check]:
    """Yield what may be wrong, in the order in which it is reported."""
    weight = events.columns["weight"]
    four = events.momenta[..., :4].reshape(len(events), -1)
    finite = np.isfinite(np.concatenate([four, events.incoming, weight[:, None]], 1)).all(1)
    yield ~finite, "not finite", lambda _: "a momentum or the weight is NaN or infinite"
    odd = (np.abs(weight) > LARGEST) | ((weight != 0.0) & (np.abs(weight) < SMALLEST))
    yield odd, "weight out of range", lambda row: f"the weight {weight[row]:g} is no cross section in pb"
    yield from _masses(events, limits)
    if "in_id" in events.columns:
        yield _conservation(events)
        if limits.energy and events.columns["in_id"].shape[1] == 2 and math.prod(init["beams"]["energy"]) > 0.0:
            yield _energy(events, init["beams"])


def _masses(events: Arrays, limits: Limits) -> Iterator[Check]:
    """Yield events without a centre-of-mass frame, and those whose energies, momenta and masses do not fit."""
    e, mass = events.momenta[..., 3], masses(events)
    length = np.linalg.norm(events.momenta[..., :3], axis=2)
    e_cm = energies(events, mass)
    ids = events.columns["id"]

    def negative(row: int) -> str:
        worst = int(np.argmax(e[row] < 0.0))
        return f"particle {worst + 1} (PDG {ids[row, worst]}) has the negative energy {e[row, worst]:.6g}"

    # Masses that count as none may be anything; those of a file are taken as they are printed.
    printed, derived = np.abs(events.momenta[..., 4]), square_root(events)
    heavy = ~(np.maximum(printed, np.abs(derived)) <= limits.massless * e_cm[:, None])
    wrong = heavy & ~believed(events)

    def contradicts(row: int) -> str:
        worst = int(np.argmax(wrong[row]))
        sign = "a space-like " if derived[row, worst] < 0.0 else ""
        return (
            f"particle {worst + 1} (PDG {ids[row, worst]}) has {printed[row, worst]:.4g} GeV in its mass column, but "
            f"{sign}{abs(derived[row, worst]):.4g} GeV by energy and momentum"
        )

    none = "all particles taken move in one direction, or none moves"
    yield ~(e_cm > 1e-9 * length.sum(1)), "no centre-of-mass frame", lambda _: none
    yield (e < 0.0).any(1), "negative energy", negative
    yield wrong.any(1), "mass contradicted", contradicts
    threshold = "its particles are at rest in their centre-of-mass frame, and have no phase space"
    yield ~(mass.sum(1) < (1.0 - THRESHOLD) * e_cm), "at threshold", lambda _: threshold


def _conservation(events: Arrays) -> Check:
    """Return events whose outgoing particles do not carry the momentum of the incoming ones."""
    off = np.abs(events.final - events.incoming).max(1)

    def words(row: int) -> str:
        out, into = events.final[row, 3], events.incoming[row, 3]
        return (
            f"outgoing and incoming momenta differ by {off[row]:.3g} GeV (energies {out:.8g} and {into:.8g}): "
            "are particles missing?"
        )

    return ~(off <= CONSERVED * events.incoming[:, 3]), "momentum not conserved", words


def _energy(events: Arrays, beams: dict[str, Any]) -> Check:
    """Return events whose E_cm the beams of the header cannot give: wrong units, most likely."""
    most = 2.0 * math.prod(beams["energy"]) ** 0.5
    total = events.incoming
    mass = np.sqrt(np.maximum(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(1), 0.0))
    alone = not any(beams["pdf_group"]) and not any(beams["pdf_set"])
    fixed = alone & (events.columns["in_id"] == np.array(beams["id"])).all(1)
    wrong = (mass > most * (1.0 + FIXED)) | (fixed & (mass < most * (1.0 - FIXED)))

    def words(row: int) -> str:
        return (
            f"E_cm is {mass[row]:.6g}, but the beams of the header give {most:.6g} GeV: wrong units? "
            "(--any-energy does not compare)"
        )

    return wrong, "energy unlike the beams'", words
