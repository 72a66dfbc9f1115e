"""The text of a Les Houches file as pylhe reads it: its `<init>` block, and events many at a time."""

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onshell.errors import OnshellError
from onshell.events.lhe.source import Block, Source

if TYPE_CHECKING:
    from pylhe import LHEEvent, LHEInit

END = "</LesHouchesEvents>\n"
BARE = '<LesHouchesEvents version="3.0">\n<init>\n0 0 0 0 0 0 0 0 0 0\n</init>\n'
"""A head that is enough to read events with: a file's own may be long, and not XML."""

UNREADABLE = (ValueError, IndexError, AttributeError, TypeError, ArithmeticError, Warning)
"""What pylhe raises, with warnings as errors, at text that it cannot read."""


def read_init(source: Source) -> "LHEInit":
    """Return the `<init>` block of a file, or raise the one-line error that says what is wrong with it."""
    from pylhe import LHEFile

    # Run cards that generators put into the header are not always XML; nothing in them is needed.
    plain = re.sub(r"<header.*?</header>|<!--.*?-->", "", source.head, flags=re.DOTALL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            init = LHEFile.fromstring(plain + END).init
    except UNREADABLE as error:
        raise OnshellError(
            f"{source.path}: line {source.line}: the <init> block above cannot be read ({why(error)}); mend it"
        ) from error
    return init


def read_events(blocks: Sequence[Block]) -> "list[LHEEvent | str]":
    """Return the events of the texts `blocks`, a string that says what is wrong in place of each that is not one."""
    whole = [block.text for block in blocks if not block.fault]
    events = _read("".join(whole))
    if isinstance(events, str) or len(events) != len(whole):
        # One that cannot be read ends pylhe's reading: alone, each is judged for itself.
        events = [_single(text) for text in whole]
    found = iter(events)
    return [block.fault or next(found) for block in blocks]


def _single(text: str) -> "LHEEvent | str":
    """Return the one event of a text, or what is wrong with it."""
    events = _read(text)
    if isinstance(events, str):
        return f"cannot be read ({events})"
    return events[0] if len(events) == 1 else "cannot be read (no single <event> in it)"


def _read(text: str) -> "list[LHEEvent] | str":
    """Return the events of a text, or why there are none."""
    from pylhe import LHEFile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(LHEFile.fromstring(BARE + text + END, with_attributes=False).events)
    except UNREADABLE as error:
        return why(error)


def why(error: BaseException) -> str:
    """Return what an error of pylhe's says, in words that need no knowledge of its code."""
    if isinstance(error, IndexError):
        return "a line with too few numbers"
    # The lines and columns that the XML reader counts are those of a piece of the file.
    return re.sub(r"^Parse Error: (.*?)(: line \d+, column \d+)?$", r"not well-formed XML: \1", str(error))


def describe(init: "LHEInit") -> dict[str, Any]:
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
