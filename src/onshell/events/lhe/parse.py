"""The text of a Les Houches file as numbers: its `<init>` block, and events.

Numbers may be as Fortran writes them: 1.0D+00, 0.12-101 for 0.12E-101, ***** for what did not fit, 3*0.0 for three.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import unescape

from onshell.core.errors import OnshellError
from onshell.events.lhe.markup import TAG
from onshell.events.lhe.read import Block

REAL = re.compile(rb"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdDqQ]([+-]?\d+)|([+-]\d{3}))?")
"""A number; only an exponent of three digits may lack its letter."""

DIGITS = re.compile(rb"[+-]?\d{1,99}")
SPECIAL = re.compile(rb"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
REPEATED = re.compile(rb"([1-9]\d?)\*([^*]+)")

Column = tuple[str, bool, float | None]
"""Of one column: its name, whether it is a whole number, and what stands for stars (None: they are refused)."""

BEAMS: tuple[Column, ...] = (
    *((f"the PDG number of beam {i}", True, None) for i in (1, 2)),
    *((f"the energy of beam {i}", False, None) for i in (1, 2)),
    # What does not fit is a number, not 0; -1 stands for one that is not known.
    *((f"the PDF {what} of beam {i}", True, -1) for what in ("group", "set") for i in (1, 2)),
    ("the weighting strategy", True, None),
    ("the number of processes", True, None),
)
PROCESS: tuple[Column, ...] = (
    ("the cross section", False, None),
    # 0 is what programs write that do not know them.
    ("the error of the cross section", False, 0.0),
    ("the largest weight", False, 0.0),
    ("the process number", True, None),
)
EVENT: tuple[Column, ...] = (
    ("the number of particles", True, None),
    ("the process number", True, None),
    ("the weight", False, None),
    *((name, False, -1.0) for name in ("the scale", "alpha_QED", "alpha_QCD")),
)
PARTICLE: tuple[Column, ...] = (
    *((name, True, None) for name in ("the PDG number", "the status")),
    *((f"mother {i}", True, 0) for i in (1, 2)),
    *((name, True, None) for name in ("the colour", "the anticolour")),
    *((name, False, None) for name in ("p_x", "p_y", "p_z", "the energy")),
    *(("the mass", False, math.nan), ("the lifetime", False, 0.0), ("the spin", False, 9.0)),
)
"""The columns of the format's lines; stars become what the format has for unknown where it has that."""

CHILD = re.compile(rb"<(/?)[A-Za-z_:][^\s<>/\"']*")
CHILD_OR_REMARK = re.compile(rb"^[ \t]*#[^\n]*|<(/?)[A-Za-z_:][^\s<>/\"']*", re.MULTILINE)
ATTRIBUTE = re.compile(rb"([A-Za-z_:][\w:.-]*)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")

Words = Sequence[bytes]


class Event(NamedTuple):
    """The numbers of an event: those of its first line (`EVENT`), and of each particle (`PARTICLE`)."""

    info: list[Any]
    particles: list[list[Any]]


def read_init(init: Block) -> dict[str, Any]:
    """Return what an `<init>` block says: beams, weighting strategy, cross sections and generators.

    Raises
    ------
    OnshellError
        One line that names the file and the line.
    """
    try:
        lines = _lines(_outside_elements(init.text))
        if not lines:
            raise ValueError("no numbers in it")
        *beams, weighting, expected = _row(lines[0], BEAMS)
        count = max(expected, 0)
        processes = [_row(words, PROCESS) for words in lines[1 : count + 1]]
        found = len(processes) + sum(_fits(words, PROCESS) for words in lines[count + 1 :])
        # Some programs list no process at all; their cross sections are unknown.
        if processes and found != expected:
            raise ValueError(f"{found} processes where it says {expected}")
    except ValueError as error:
        raise OnshellError(
            f"{init.where}: line {init.line}: the <init> that begins here cannot be read ({error}); fix it"
        ) from error
    keys = ("value", "error", "unit_weight", "id")
    return {
        "beams": {key: beams[2 * i : 2 * i + 2] for i, key in enumerate(("id", "energy", "pdf_group", "pdf_set"))},
        "weighting": weighting,
        "cross_sections": [dict(zip(keys, process, strict=True)) for process in processes],
        "generators": _generators(init.text),
    }


def read_event(block: Block) -> Event | str:
    """Return the event of a block, or what is wrong with it."""
    if block.fault:
        return block.fault
    text = block.text
    child = CHILD.search(text)
    lines = _lines(text[: child.start()] if child else text)
    # Python takes 1_000 for a number.
    plain = b"_" not in text
    place, info = "its first line", None
    try:
        if lines:
            info = _numbers(lines[0], EVENT, 2, plain)
        if child and (info is None or len(lines) <= info[0]):
            lines = _lines(_outside_elements(text))
            info = _numbers(lines[0], EVENT, 2, plain) if lines else None
        if info is None:
            return "cannot be read (no numbers in it)"
        count = max(info[0], 0)
        particles = []
        for number, words in enumerate(lines[1 : count + 1], 1):
            place = f"particle {number}"
            particles.append(_particle(words, plain))
    except ValueError as error:
        return f"cannot be read ({place}: {error})"
    # Free text may follow; but no particle.
    particles += [_particle(words, False) for words in lines[count + 1 :] if _fits(words, PARTICLE)]
    return Event(info, particles)


def real(text: bytes) -> float:
    """Return the number that a text stands for, or raise a ValueError that names it."""
    match = REAL.fullmatch(text)
    if match:
        return float(match[1] + b"e" + (match[2] or match[3] or b"0"))
    if SPECIAL.fullmatch(text):
        return float(text)
    raise ValueError(f"{_shown(text)} is not a number")


def whole(text: bytes) -> int:
    """Return the whole number that a text stands for, or raise a ValueError that names it."""
    if DIGITS.fullmatch(text):
        return int(text)
    number = real(text)
    if not number.is_integer():
        raise ValueError(f"{_shown(text)} is not a whole number")
    return int(number)


def _particle(words: Words, plain: bool) -> list[Any]:
    """Return the numbers of a particle; a mass that did not fit is that of energy and momentum."""
    found = _numbers(words, PARTICLE, 6, plain)
    if math.isnan(found[10]):
        px, py, pz, e = found[6:10]
        found[10] = math.sqrt(max(e * e - (px * px + py * py + pz * pz), 0.0))
    return found


def _numbers(words: Words, columns: Sequence[Column], wholes: int, plain: bool) -> list[Any]:
    """Return the numbers of a line, of which the first `wholes` are whole ones.

    Nearly all lines are plain; what Python does not read, or a whole number above nine digits, is left to `_row`.
    """
    if plain and len(words) >= len(columns) and max(map(len, words[:wholes])) < 10:
        try:
            return [*map(int, words[:wholes]), *map(float, words[wholes : len(columns)])]
        except ValueError:
            pass
    return _row(words, columns)


def _row(words: Words, columns: Sequence[Column]) -> list[Any]:
    """Return the numbers of a line, one for each column, or raise a ValueError that says what is wrong with it."""
    found: list[bytes] = []
    for word in words:
        match = REPEATED.fullmatch(word)
        found += [match[2]] * int(match[1]) if match else [word]
    if len(found) < len(columns):
        raise ValueError(f"a line with too few numbers, {len(found)} where {len(columns)} are needed")
    return [_number(word, *column) for word, column in zip(found, columns, strict=False)]


def _number(word: bytes, name: str, is_whole: bool, unknown: float | None) -> float:
    """Return the number of a word in a column, `unknown` for stars."""
    if not word.strip(b"*"):
        if unknown is None:
            raise ValueError(f"{name} is {_shown(word)}, a number that did not fit into its column")
        return unknown
    try:
        return whole(word) if is_whole else real(word)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


def _fits(words: Words, columns: Sequence[Column]) -> bool:
    """Return whether a line can be read as one of these columns."""
    try:
        _row(words, columns)
    except ValueError:
        return False
    return True


def _shown(text: bytes) -> str:
    """Return a word as an error shows it."""
    return repr(text[:24].decode("utf-8", "replace"))


def _lines(text: bytes) -> list[Words]:
    """Return the words of each line that is neither empty nor a remark."""
    return [words for words in map(bytes.split, text.splitlines()) if words and not words[0].startswith(b"#")]


def _outside_elements(text: bytes) -> bytes:
    """Return the text that is in no element; what is in a remark is no tag."""
    pieces, at, depth = [], 0, 0
    while match := (CHILD if depth else CHILD_OR_REMARK).search(text, at):
        end = match.group(1)
        tag = None if end is None else TAG.match(text, match.end())
        if depth == 0:
            pieces.append(text[at : match.start() if tag else match.end()])
        at = tag.end() if tag else match.end()
        if tag and not tag[0].endswith(b"/>"):
            depth = max(depth - 1, 0) if end else depth + 1
    if depth == 0:
        pieces.append(text[at:])
    return b"".join(pieces)


def _generators(text: bytes) -> list[dict[str, str]]:
    """Return the generators that an `<init>` block names."""
    found = []
    for part in text.split(b"<generator")[1:]:
        tag = TAG.match(part)
        if tag is None or not part[:1].isspace():
            continue
        given = {name: one or two for name, one, two in ATTRIBUTE.findall(tag[0])}
        inside, closed, _ = part[tag.end() :].partition(b"</generator")
        if b"version" in given:
            words = inside if closed and not tag[0].endswith(b"/>") else b""
            values = (given.get(b"name", b""), given[b"version"], words)
            found.append(dict(zip(("name", "version", "words"), map(_one_line, values), strict=True)))
    return found


def _one_line(value: bytes) -> str:
    """Return a piece of XML as a string on one line."""
    return " ".join(unescape(value.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"}).split())
