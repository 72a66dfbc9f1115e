"""Colour lines of final states that have none: the simplest planar flow of quarks, antiquarks and gluons."""

from collections.abc import Sequence

from onshell.core.errors import OnshellError

FIRST = 501
"""The number of the first colour line."""

GLUON = 21


def triplet(number: int) -> int:
    """Return 1 for the PDG number of a quark, -1 for that of an antiquark, 0 for any other."""
    return (1 if number > 0 else -1) if 1 <= abs(number) <= 6 else 0


def colour_lines(ids: Sequence[int]) -> list[tuple[int, int]]:
    """Return (colour, anticolour) of particles that together carry none, by their PDG numbers; (0, 0) if colourless.

    Gluons lie, in their order, on the line from the first quark to the first antiquark; further pairs are joined
    directly. Gluons alone make a closed ring.
    """
    quarks = [i for i, number in enumerate(ids) if triplet(number) > 0]
    antiquarks = [i for i, number in enumerate(ids) if triplet(number) < 0]
    gluons = [i for i, number in enumerate(ids) if number == GLUON]
    if len(quarks) != len(antiquarks) or (not quarks and len(gluons) == 1):
        raise OnshellError(
            f"ids {','.join(map(str, ids))}: carry colour together ({len(quarks)} quarks, {len(antiquarks)} "
            f"antiquarks, {len(gluons)} gluons); give their colour lines with --colours"
        )
    found = [(0, 0)] * len(ids)
    if not quarks:
        for k, i in enumerate(gluons):
            found[i] = (FIRST + k, FIRST + (k + 1) % len(gluons))
        return found
    line = FIRST
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
