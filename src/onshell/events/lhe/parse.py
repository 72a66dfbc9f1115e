"""The text of a Les Houches file as pylhe's objects: its `<init>` block, and events many at a time."""

import math
import re
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import unescape

from pylhe import LHEEvent, LHEEventInfo, LHEGenerator, LHEInit, LHEInitInfo, LHEParticle, LHEProcInfo

from onshell.core.errors import OnshellError
from onshell.events.lhe.markup import TAG
from onshell.events.lhe.numbers import Column, row
from onshell.events.lhe.source import Block, Init

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
REMARK = re.compile(rb"^[ \t]*#[^\n]*|<(/?)[A-Za-z_:][^\s<>/\"']*", re.MULTILINE)
ATTRIBUTE = re.compile(rb"([A-Za-z_:][\w:.-]*)\s*=\s*(?:\"([^\"<]*)\"|'([^'<]*)')")

Words = list[bytes]


def read_init(init: Init) -> LHEInit:
    """Return the `<init>` block of a file, or raise the one-line error that says what is wrong with it."""
    try:
        lines = _lines(_own(init.text))
        if not lines:
            raise ValueError("no numbers in it")
        info = LHEInitInfo(*row(lines[0], BEAMS))
        count = max(info.numProcesses, 0)
        processes = [LHEProcInfo(*row(words, PROCESS)) for words in lines[1 : count + 1]]
        more = sum(_fits(words, PROCESS) for words in lines[count + 1 :])
        # Some programs list no process at all; their cross sections are unknown.
        if processes and len(processes) + more != info.numProcesses:
            raise ValueError(f"{len(processes) + more} processes where it says {info.numProcesses}")
    except ValueError as error:
        raise OnshellError(
            f"{init.where}: line {init.line}: the <init> that begins here cannot be read ({error}); mend it"
        ) from error
    return LHEInit(info, processes, _generators(init.text))


def read_events(blocks: Sequence[Block]) -> list[LHEEvent | str]:
    """Return the events of the texts `blocks`, a string that says what is wrong in place of each that is not one."""
    return [block.fault or _event(block.text) for block in blocks]


def describe(init: LHEInit) -> dict[str, Any]:
    """Return the `<init>` block as plain data: beams, weighting strategy, cross sections and generators."""
    info = init.initInfo
    return {
        "beams": {
            "id": [info.beamA, info.beamB],
            "energy": [info.energyA, info.energyB],
            "pdf_group": [info.PDFgroupA, info.PDFgroupB],
            "pdf_set": [info.PDFsetA, info.PDFsetB],
        },
        "weighting": info.weightingStrategy,
        "cross_sections": [
            {"id": p.procId, "value": p.xSection, "error": p.error, "unit_weight": p.unitWeight} for p in init.procInfo
        ],
        "generators": [{"name": g.name, "version": g.version, "words": g.description} for g in init.generators],
    }


def _event(text: bytes) -> LHEEvent | str:
    """Return the event of a text, or what is wrong with it."""
    child = CHILD.search(text)
    lines = _lines(text[: child.start()] if child else text)
    # Python takes 1_000 for a number.
    plain = b"_" not in text
    place = "its first line"
    try:
        info = LHEEventInfo(*_numbers(lines[0], EVENT, 2, plain)) if lines else None
        if child and (info is None or len(lines) <= info.nparticles):
            lines = _lines(_own(text))
            info = LHEEventInfo(*_numbers(lines[0], EVENT, 2, plain)) if lines else None
        if info is None:
            return "cannot be read (no numbers in it)"
        count = max(info.nparticles, 0)
        particles = []
        for number, words in enumerate(lines[1 : count + 1], 1):
            place = f"particle {number}"
            particles.append(_particle(words, plain))
    except ValueError as error:
        return f"cannot be read ({place}: {error})"
    # Free text may follow; but no particle.
    particles += [_particle(words, False) for words in lines[count + 1 :] if _fits(words, PARTICLE)]
    return LHEEvent(info, particles)


def _particle(words: Words, plain: bool) -> LHEParticle:
    """Return the particle of a line."""
    particle = LHEParticle(*_numbers(words, PARTICLE, 6, plain))
    if math.isnan(particle.m):
        squares = sum(p * p for p in (particle.px, particle.py, particle.pz))
        particle.m = math.sqrt(max(particle.e * particle.e - squares, 0.0))
    return particle


def _numbers(words: Words, columns: Sequence[Column], wholes: int, plain: bool) -> list[Any]:
    """Return the numbers of a line, of which the first `wholes` are whole ones.

    Nearly all lines are plain; what Python does not read, or a whole number above nine digits, is left to `row`.
    """
    if plain and len(words) >= len(columns) and max(map(len, words[:wholes])) < 10:
        try:
            return [*map(int, words[:wholes]), *map(float, words[wholes : len(columns)])]
        except ValueError:
            pass
    return row(words, columns)


def _fits(words: Words, columns: Sequence[Column]) -> bool:
    """Return whether a line can be read as one of these columns."""
    try:
        row(words, columns)
    except ValueError:
        return False
    return True


def _lines(text: bytes) -> list[Words]:
    """Return the words of each line that is neither empty nor a remark."""
    lines = map(bytes.split, text.splitlines())
    return [words for words in lines if words and not words[0].startswith(b"#")]


def _own(text: bytes) -> bytes:
    """Return the text that is in no element inside of it; what is in a remark is no tag."""
    pieces, at, depth = [], 0, 0
    while match := (CHILD if depth else REMARK).search(text, at):
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


def _generators(text: bytes) -> list[LHEGenerator]:
    """Return the generators that an `<init>` block names."""
    found = []
    for part in text.split(b"<generator")[1:]:
        tag = TAG.match(part)
        if tag is None or not part[:1].isspace():
            continue
        pairs = {name: one or two for name, one, two in ATTRIBUTE.findall(tag[0])}
        inside, closed, _ = part[tag.end() :].partition(b"</generator")
        words = inside if closed and not tag[0].endswith(b"/>") else b""
        name, version, words = (_text(value) for value in (pairs.get(b"name", b""), pairs.get(b"version", b""), words))
        if b"version" in pairs:
            found.append(LHEGenerator(name, version, words))
    return found


def _text(value: bytes) -> str:
    """Return a piece of XML as a string on one line."""
    return " ".join(unescape(value.decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"}).split())
