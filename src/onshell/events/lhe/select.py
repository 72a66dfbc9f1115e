"""Particles by PDG number, name or group: which of an event are taken, in which order, and which colour lines fit."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onshell.core.errors import OnshellError, nearest

GROUPS: dict[str, tuple[int, ...]] = {
    "q": (1, 2, 3, 4, 5, 6),
    "qbar": (-1, -2, -3, -4, -5, -6),
    "g": (21,),
    "j": (1, 2, 3, 4, 5, -1, -2, -3, -4, -5, 21),
    "a": (22,),
    "l-": (11, 13, 15),
    "l+": (-11, -13, -15),
    "nu": (12, 14, 16),
    "nubar": (-12, -14, -16),
}
"""Names for groups of particles: quark, antiquark, gluon, jet, photon, charged leptons, neutrinos."""

QUARKS = {"d": 1, "u": 2, "s": 3, "c": 4, "b": 5, "t": 6}
NEUTRINOS = {"ve": 12, "vm": 14, "vt": 16, "nu_e": 12, "nu_mu": 14, "nu_tau": 16}

PARTICLES: dict[str, int] = {
    **QUARKS,
    **{f"{name}{bar}": -number for name, number in (QUARKS | NEUTRINOS).items() for bar in ("~", "bar")},
    **{"e-": 11, "mu-": 13, "ta-": 15, "tau-": 15, "e+": -11, "mu+": -13, "ta+": -15, "tau+": -15},
    **NEUTRINOS,
    **{"g": 21, "a": 22, "gamma": 22, "z": 23, "Z": 23, "z0": 23, "Z0": 23},
    **{"w+": 24, "W+": 24, "w-": -24, "W-": -24, "h": 25, "H": 25, "h0": 25},
}
"""PDG numbers of particles by their names in MadGraph and Pythia."""


GLUON = 21
FIRST_LINE = 501
"""The number of the first colour line."""


@dataclass(frozen=True)
class Selection:
    """The particles to take, first to last: the words they were given by, and the PDG numbers that fit each place."""

    words: tuple[str, ...]
    ids: tuple[frozenset[int], ...]

    @property
    def ordered(self) -> bool:
        """Return whether no two places are alike, so that the order of the particles has a meaning."""
        return len(set(self.ids)) == len(self.ids)

    def fill(self, ids: Sequence[int]) -> list[int] | str:
        """Return the positions in `ids` of the particles that fill the places, or the words for a place left empty.

        Places are filled from left to right, each by the first particle that fits and is not taken yet.
        """
        taken: list[int] = []
        for word, known in zip(self.words, self.ids, strict=True):
            place = next((i for i, number in enumerate(ids) if number in known and i not in taken), None)
            if place is None:
                return f"no particle for {word!r} among {', '.join(map(str, ids)) or 'none'}"
            taken.append(place)
        return taken


def selection(text: str) -> Selection:
    """Return the places that a comma-separated list names: each a name, a PDG number, or several joined by |.

    A name is that of a group, such as q, or of a particle, such as u~, mu+ or gamma.
    """
    words = tuple(word.strip() for word in text.split(","))
    places: list[frozenset[int]] = []
    for word in words:
        parts = [part.strip() for part in word.split("|")]
        found = (GROUPS.get(part) or (_number(part, f"particles {text!r}", GROUPS),) for part in parts)
        places.append(frozenset(number for numbers in found for number in numbers))
    return Selection(words, tuple(places))


def pdg_numbers(option: str, text: str) -> tuple[int, ...]:
    """Return the PDG numbers of a comma-separated list of particles, each a number or a name; `option` gave it."""
    return tuple(_number(word.strip(), f"{option} {text}") for word in text.split(","))


def kind(number: int) -> int:
    """Return which group a PDG number belongs to, jets apart; the number itself where to none."""
    names = [name for name, members in GROUPS.items() if number in members and name != "j"]
    return list(GROUPS).index(names[0]) - 1000 if names else number


def colour_lines(ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return (colour, anticolour) of particles that together carry none, by their PDG numbers; (0, 0) if colourless.

    This is the simplest planar flow: gluons lie, in their order, on the line from the first quark to the first
    antiquark; further pairs are joined directly. Gluons alone make a closed ring.
    """
    quarks, antiquarks, gluons = ([i for i, n in enumerate(ids) if n in GROUPS[name]] for name in ("q", "qbar", "g"))
    if len(quarks) != len(antiquarks) or (not quarks and len(gluons) == 1):
        raise OnshellError(
            f"ids {','.join(map(str, ids))}: carry colour together ({len(quarks)} quarks, {len(antiquarks)} "
            f"antiquarks, {len(gluons)} gluons); give their colour lines with --colours"
        )
    found = [(0, 0)] * len(ids)
    if not quarks:
        for k, i in enumerate(gluons):
            found[i] = (FIRST_LINE + k, FIRST_LINE + (k + 1) % len(gluons))
        return found
    line = FIRST_LINE
    found[quarks[0]] = (line, 0)
    for i in gluons:
        # A gluon takes up the line that reaches it as its anticolour and begins the next one.
        found[i] = (line + 1, line)
        line += 1
    found[antiquarks[0]] = (0, line)
    for quark, antiquark in zip(quarks[1:], antiquarks[1:], strict=True):
        line += 1
        found[quark], found[antiquark] = (line, 0), (0, line)
    return found


def _number(word: str, where: str, groups: Iterable[str] = ()) -> int:
    """Return the PDG number that a word stands for, or raise; `groups` are further names that the error lists."""
    if word in PARTICLES:
        return PARTICLES[word]
    if re.fullmatch(r"[-+]?[1-9][0-9]{0,9}", word):
        return int(word)
    raise OnshellError(f"{where}: {word!r} is no PDG number; {nearest(word, [*groups, *PARTICLES])}")
