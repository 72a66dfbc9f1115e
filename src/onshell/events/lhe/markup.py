"""The markup of a Les Houches file, found as XML has it, from a stream: in bounded memory, and with line numbers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

CHUNK = 1 << 18
"""Bytes that are read at once."""

MARGIN = 32
"""More bytes than any pattern that `Scanner.find` is asked for."""

LONGEST_TAG = 1 << 16
"""Bytes of the longest tag."""

OPENING = re.compile(
    rb"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<other>\?|!DOCTYPE\b)"
    rb"|(?P<end>/?)(?P<name>LesHouchesEvents|header|init|event)(?=[\s/>]))"
)
"""Where a comment, a section of plain characters, an instruction, or one of the format's own tags begins."""

IN_HEADER = re.compile(rb"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<end>/)(?P<name>header)(?=[\s>]))")
"""What counts inside a header, whose text is free and often no XML."""

CLOSING = {"comment": re.compile(rb"-->"), "cdata": re.compile(rb"\]\]>"), "other": re.compile(rb">")}

TAG = re.compile(rb"""(?:[^<>"']++|"[^<"]*+"|'[^<']*+')*+>""")
"""The attributes of a tag, over however many lines, and its end; XML allows no < in an attribute."""


@dataclass
class Kept:
    """Pieces of text, up to `limit` bytes; nothing of what is longer."""

    limit: int
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def add(self, piece: bytes) -> None:
        """Add a piece."""
        self.size += len(piece)
        self.pieces.append(piece) if self.size <= self.limit else self.pieces.clear()

    @property
    def text(self) -> bytes | None:
        """Return the text, None where it is longer than the limit."""
        return b"".join(self.pieces) if self.size <= self.limit else None


class Scanner:
    """A stream of bytes that is read from mark to mark; `line` is the line, from 1, that it has come to.

    `passed` counts the bytes up to there. `read` returns at most so many further bytes, and none at the end.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.line, self.passed = 1, 0
        self._read, self._buffer, self._at, self._ended = read, b"", 0, False
        self._newline = False

    @property
    def last_line(self) -> int:
        """Return the number of the last line before this place that is not empty."""
        return max(1, self.line - self._newline)

    def find(self, pattern: re.Pattern[bytes], kept: Kept | None = None, most: int | None = None) -> re.Match | None:
        """Pass the next match of `pattern` and return it; the text before it goes to `kept`.

        Without one, or none before `most` bytes of the stream have passed, return None.
        """
        while True:
            match = pattern.search(self._buffer, self._at)
            if match is not None:
                self._pass(match.start(), kept)
                self._pass(match.end())
                return match
            self._pass(len(self._buffer) if self._ended else max(self._at, len(self._buffer) - MARGIN), kept)
            if self._ended or (most is not None and self.passed > most):
                return None
            self._more()

    def attributes(self) -> bytes | None:
        """Pass the rest of the tag whose name was just passed, and return its attributes; None if it has no end."""
        while True:
            match = TAG.match(self._buffer, self._at)
            end = match.end() - 1 if match else -1
            if match is None:
                next_tag = self._buffer.find(b"<", self._at)
                if next_tag < 0 and not self._ended and len(self._buffer) - self._at < LONGEST_TAG:
                    self._more()
                    continue
                # A quotation mark too many: the tag ends all the same.
                end = self._buffer.find(b">", self._at, None if next_tag < 0 else next_tag)
                if end < 0:
                    return None
            found = self._buffer[self._at : end]
            self._pass(end + 1)
            return found

    def skip(self, match: re.Match, kept: Kept | None = None, most: int | None = None) -> bool:
        """Pass the comment or the like that begins with `match`, and return whether it ends.

        The characters of a CDATA section are text like any other: they go to `kept`, without what looks like a tag.
        """
        kind = match.lastgroup or "other"
        inside = Kept(kept.limit) if kept is not None and kind == "cdata" else None
        found = self.find(CLOSING[kind], inside, most) is not None
        if kept is not None and inside is not None:
            text = inside.text
            kept.add(b" " * (kept.limit + 1) if text is None else text.replace(b"<", b" "))
        return found

    def _pass(self, to: int, kept: Kept | None = None) -> None:
        """Go on to a place in the buffer."""
        if to > self._at:
            if kept is not None:
                kept.add(self._buffer[self._at : to])
            self.line += self._buffer.count(b"\n", self._at, to)
            self._newline = self._buffer[to - 1] == 0x0A
            self.passed += to - self._at
            self._at = to

    def _more(self) -> None:
        """Read on; what has been passed is forgotten."""
        piece = self._read(CHUNK)
        self._ended = not piece
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
