"""What is wrong with events that could be read: momenta, masses, conservation, energy."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.events.lhe.arrays import Fault, Gathered
from onshell.events.lhe.frames import energies, masses

MASSLESS = 1e-3
"""Largest |m| of a particle over E_cm that counts as zero, unless told otherwise."""

CONSERVED = 1e-6
"""Largest difference of a component of the outgoing from the incoming momentum, over the energy in that frame."""

LARGEST, SMALLEST = 1e100, 1e-100
"""Sizes of a weight, 0 apart, whose square and whose sum over any number of events are numbers still."""

FIXED = 1e-3
"""Largest relative difference between an event's E_cm and that of beams without parton distributions."""


@dataclass(frozen=True)
class Limits:
    """What events are judged by: `massless` is a share of E_cm; `energy` compares E_cm with that of the beams."""

    massless: float = MASSLESS
    energy: bool = True

    def __post_init__(self) -> None:
        """Raise unless `massless` is a share."""
        if not 0.0 <= self.massless <= 1.0:
            raise OnshellError(f"massless: {self.massless:g}; give a share of E_cm from 0 to 1, such as 1e-3")


def check_init(init: dict[str, Any], where: str, line: int) -> dict[str, Any]:
    """Return what an `<init>` block says, as `parse.describe` has it, or raise if a number of it is none."""
    beams = init["beams"]
    named = [(f"{key.replace('_', ' ')} of a beam", value) for key, pair in beams.items() for value in pair]
    named += [
        (f"{'cross section' if key == 'value' else key.replace('_', ' ')} of process {process['id']}", value)
        for process in init["cross_sections"]
        for key, value in process.items()
    ]
    for name, value in [*named, ("weighting strategy", init["weighting"])]:
        if not math.isfinite(value) or abs(value) > LARGEST or (type(value) is int and abs(value) >= 2**63):
            raise OnshellError(
                f"{where}: line {line}: the <init> that begins here gives {value} as {name}; write a number, "
                "such as -1 for one that is not known"
            )
    return init


def judge(found: Gathered, init: dict[str, Any], limits: Limits) -> tuple[NDArray[np.bool_], list[Fault]]:
    """Return which events are good [n], and the fault of each that is not."""
    faults: list[Fault] = []
    good = np.ones(len(found), bool)
    if not len(found):
        return good, faults

    def blame(bad: NDArray[np.bool_], kind: str, words: Any) -> None:
        """Take the events `bad` for bad; `words` says of a row what is wrong with it."""
        for row in np.flatnonzero(bad & good):
            faults.append(Fault(found.blocks[row], kind, words(row)))
        good[bad] = False

    weight = found.columns["weight"]
    four = found.momenta[..., :4].reshape(len(found), -1)
    finite = np.isfinite(np.concatenate([four, found.incoming, weight[:, None]], 1)).all(1)
    blame(~finite, "not finite", lambda _: "a momentum or the weight is NaN or infinite")
    odd = (np.abs(weight) > LARGEST) | ((weight != 0.0) & (np.abs(weight) < SMALLEST))
    blame(odd, "weight out of range", lambda row: f"the weight {weight[row]:g} is no cross section in pb")
    with np.errstate(all="ignore"):
        _masses(found, limits, blame)
        _conservation(found, blame)
        if limits.energy:
            _energy(found, init, blame)
    return good, faults


def _masses(found: Gathered, limits: Limits, blame: Any) -> None:
    """Blame events with massive particles, and those without a centre-of-mass frame."""
    e, mass = found.momenta[..., 3], masses(found)
    length = np.linalg.norm(found.momenta[..., :3], axis=2)
    e_cm = energies(found, mass)
    none = ~(e_cm > 1e-9 * length.sum(1))
    wrong = (mass > limits.massless * e_cm[:, None]) | (e < 0.0)

    def massive(row: int) -> str:
        worst = int(np.argmax(np.where(e[row] < 0.0, np.inf, mass[row])))
        number, m, energy = found.columns["id"][row, worst], mass[row, worst], e[row, worst]
        if energy < 0.0:
            return f"particle {worst + 1} (PDG {number}) has the negative energy {energy:.6g}"
        share = f"{m / e_cm[row]:.2g} of E_cm where {limits.massless:g} counts as massless"
        return f"particle {worst + 1} (PDG {number}) is massive: {m:.4g} GeV, {share}"

    blame(none, "no centre-of-mass frame", lambda _: "all particles taken move in one direction, or none moves")
    blame((e < 0.0).any(1), "negative energy", massive)
    blame(wrong.any(1), "massive", massive)


def _conservation(found: Gathered, blame: Any) -> None:
    """Blame events whose outgoing particles do not carry the momentum of the incoming ones."""
    if "in_id" not in found.columns:
        return
    off = np.abs(found.final - found.incoming).max(1)
    energy = found.incoming[:, 3]

    def words(row: int) -> str:
        out, into = found.final[row, 3], found.incoming[row, 3]
        return (
            f"outgoing and incoming momenta differ by {off[row]:.3g} GeV (energies {out:.8g} and {into:.8g}): "
            "are particles missing?"
        )

    blame(~(off <= CONSERVED * energy), "momentum not conserved", words)


def _energy(found: Gathered, init: dict[str, Any], blame: Any) -> None:
    """Blame events whose E_cm the beams of the header cannot give: wrong units, most likely."""
    beams = init["beams"]
    product = beams["energy"][0] * beams["energy"][1]
    if not product > 0.0 or found.columns.get("in_id", np.empty((0, 0))).shape[1] != 2:
        return
    most = 2.0 * product**0.5
    total = found.incoming
    mass = np.sqrt(np.maximum(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(1), 0.0))
    alone = not any(beams["pdf_group"]) and not any(beams["pdf_set"])
    fixed = alone & (found.columns["in_id"] == np.array(beams["id"])).all(1)
    wrong = (mass > most * (1.0 + FIXED)) | (fixed & (mass < most * (1.0 - FIXED)))
    blame(
        wrong,
        "energy unlike the beams'",
        lambda row: (
            f"E_cm is {mass[row]:.6g}, but the beams of the header give {most:.6g} GeV: wrong units? "
            "(--any-energy does not compare)"
        ),
    )
