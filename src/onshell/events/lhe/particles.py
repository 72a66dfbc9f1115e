"""Which particles of an event are taken, in which order: by their PDG numbers or by names for groups of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from onshell.errors import OnshellError, nearest

NAMES: dict[str, tuple[int, ...]] = {
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


@dataclass(frozen=True)
class Slots:
    """The places of an event, first to last: the words they were given by, and the PDG numbers that fit each."""

    words: tuple[str, ...]
    ids: tuple[frozenset[int], ...]

    @property
    def ordered(self) -> bool:
        """Return whether no two places are alike, so that the order of the particles has a meaning."""
        return len(set(self.ids)) == len(self.ids)

    def fill(self, ids: Sequence[int]) -> list[int] | str:
        """Return the positions in `ids` of the particles that fill the places, or which place stays empty.

        Places are filled from left to right, each by the first particle that fits and is not taken yet.
        """
        taken: list[int] = []
        for word, known in zip(self.words, self.ids, strict=True):
            place = next((i for i, number in enumerate(ids) if number in known and i not in taken), None)
            if place is None:
                return f"no particle for {word!r} among {', '.join(map(str, ids)) or 'none'}"
            taken.append(place)
        return taken


def slots(text: str) -> Slots:
    """Return the places that a comma-separated list names: each a name, a PDG number, or several joined by |."""
    words = tuple(word.strip() for word in text.split(","))
    return Slots(words, tuple(frozenset(_numbers(word, text)) for word in words))


def _numbers(word: str, text: str) -> tuple[int, ...]:
    """Return the PDG numbers that a word of `text` stands for."""
    found: list[int] = []
    for part in word.split("|"):
        if part in NAMES:
            found += NAMES[part]
        elif re.fullmatch(r"[-+]?[1-9][0-9]*", part):
            found.append(int(part))
        else:
            raise OnshellError(f"particles {text!r}: {part!r} is no PDG number; {nearest(part, NAMES)}")
    return tuple(found)
