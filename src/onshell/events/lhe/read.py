"""A Les Houches file as text: of each document in it the `<init>`, then the events one by one, with their lines.

Comments, CDATA sections and tags count as in XML. What is between the format's own tags need not be XML: the run cards
in headers often are not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from onshell.core.errors import OnshellError
from onshell.events.lhe.markup import IN_HEADER, OPENING, Kept, Scanner
from onshell.events.lhe.opening import Input, label

BEFORE = 1 << 20
"""Bytes that may stand before the first tag of a Les Houches file, and between two documents in one file."""

HEAD = 1 << 26
"""Bytes that may stand before the end of `<init>`, 64 MiB: hundreds of times the longest known."""

LONGEST = 1 << 24
"""Bytes of the longest event or `<init>`, 16 MiB."""

ROOT = b"LesHouchesEvents"
AGAIN = "make or copy the file again"
SECTIONS = {"comment": "the comment", "cdata": "the CDATA section", "other": "the tag"}


@dataclass(frozen=True)
class Block:
    """The text of an event, or of an `<init>`, without its comments, and the line that it begins in, from 1.

    `where` names its file. An event has a `number`, from 0, and an `index` in its file; `fault` says why its text is
    not whole.
    """

    where: str
    line: int
    text: bytes
    number: int = 0
    index: int = 0
    fault: str = ""

    @property
    def place(self) -> str:
        """Return where the event is in its file."""
        return f"event {self.index} (line {self.line})"


class Source:
    """An open Les Houches file, which may hold several documents, one after the other.

    `head` returns the `<init>` of the next document, `blocks` yields its events; `first` is the number of the first
    event of the file.
    """

    def __init__(self, path: Path, first: int = 0) -> None:
        self.where = label(path)
        self.input = Input(path)
        self.scanner = Scanner(self.input.read)
        self.first, self.count, self.documents = first, 0, 0
        self.begun = self.ended = False

    def head(self) -> Block | None:
        """Return the `<init>` of the next document, or None at the end of the file; raise if there is no such thing."""
        if self.ended or not self._root():
            return None
        self.documents += 1
        most = self.scanner.passed + HEAD
        while match := self.scanner.find(OPENING, None, most):
            line, name, end = self.scanner.line, match["name"], match["end"]
            if name is None:
                self._skip(match, most)
            elif name == b"init" and not end:
                return self._init(line, most)
            elif name == b"header" and not end:
                self._header(line, most)
            elif name == ROOT or (name == b"event" and not end):
                what = "events begin" if name == b"event" else f"{match[0].decode()}> stands"
                raise self._error(line, f"{what} before </init>; {AGAIN}")
        raise self._no_init(most)

    def blocks(self) -> Iterator[Block]:
        """Yield the events of the document; where it breaks off, the last block says so."""
        opened, kept, fault = 0, None, ""
        while match := self.scanner.find(OPENING, kept):
            line, name, end = self.scanner.line, match["name"], match["end"]
            if name is None:
                if not self.scanner.skip(match, kept):
                    section = SECTIONS[match.lastgroup or "other"]
                    yield self._last(opened if kept else line, f"in {section} that begins in line {line}")
                    return
                continue
            if name == b"header" and kept is None and not end:
                self._header(line)
                continue
            attributes = self.scanner.attributes()
            if name == b"event" and end:
                text = b"" if kept is None else kept.text
                if kept is None:
                    opened, fault = line, "has </event> but no <event> before it"
                elif text is None:
                    fault = f"is longer than {LONGEST >> 20} MiB"
                yield self._block(opened, fault, b"" if fault else text or b"")
                kept = None
            elif name == b"event":
                if kept is not None:
                    yield self._block(opened, "has no </event> before the next event begins")
                opened, kept = line, Kept(LONGEST)
                fault = "has a tag <event that does not end" if attributes is None else ""
            elif name == ROOT:
                self.begun = not end
                if kept is not None:
                    yield self._block(opened, f"has no </event> before {match[0].decode()}>")
                elif self.begun:
                    yield self._block(line, "another <LesHouchesEvents> begins before it, without </LesHouchesEvents>")
                return
            elif kept is None and name == b"init" and not end:
                raise self._error(line, "a second <init>; delete it, or give it a <LesHouchesEvents> of its own")
        if kept is None:
            yield self._last(self.scanner.last_line, "before it, without </LesHouchesEvents>")
        else:
            yield self._last(opened, "in the middle of it")

    def _last(self, line: int, where: str) -> Block:
        """Return the event that the file ends in or before."""
        self.ended = True
        if self.input.damaged:
            raise self._error(self.scanner.last_line, f"{self.input.broken}; {AGAIN}")
        return self._block(line, self._end(where))

    def _root(self) -> bool:
        """Pass the tag that begins a document, and return whether there is one."""
        if self.begun:
            self.begun = False
            return True
        first, most = self.documents == 0, self.scanner.passed + BEFORE
        while True:
            kept, line = Kept(BEFORE), self.scanner.line
            match = self.scanner.find(OPENING, kept, most if first else None)
            if not first:
                self._check_between(kept.text, line)
            if match is None and first:
                start = self.input.start[:24].decode("utf-8", "replace")
                why = self.input.broken or f"no <LesHouchesEvents> in it; it starts with {start!r}"
                raise OnshellError(
                    f"{self.where}: not a Les Houches file ({why}); give one as event generators write it"
                )
            if match is None:
                if self.input.broken:
                    raise self._error(self.scanner.last_line, f"{self._end('')}; {AGAIN}")
                return False
            if match["name"] is None:
                self._skip(match, self.scanner.passed + HEAD)
                continue
            if match["name"] != ROOT or match["end"]:
                place = "before <LesHouchesEvents>" if first else "after </LesHouchesEvents>"
                tag = f"{match[0].decode()}>"
                raise self._error(self.scanner.line, f"{tag} {place}, where no such thing may stand; {AGAIN}")
            self.scanner.attributes()
            return True

    def _check_between(self, text: bytes | None, line: int) -> None:
        """Raise at text after a document that is no remark: it may be what is left of events."""
        if text is None:
            raise self._error(line, f"more than {BEFORE >> 20} MiB of text after </LesHouchesEvents>; {AGAIN}")
        for row, words in enumerate(map(bytes.strip, text.split(b"\n"))):
            if words and not words.startswith(b"#"):
                shown = words[:24].decode("utf-8", "replace")
                raise self._error(line + row, f"{shown!r} after </LesHouchesEvents>; delete it, or {AGAIN}")

    def _init(self, line: int, most: int) -> Block:
        """Return the text up to `</init>`."""
        self.scanner.attributes()
        kept = Kept(LONGEST)
        while match := self.scanner.find(OPENING, kept, most):
            if match["name"] is None:
                self._skip(match, most, kept)
            elif match["name"] == b"init" and match["end"]:
                self.scanner.attributes()
                return Block(self.where, line, kept.text or b"")
            elif match["name"] == b"event":
                raise self._error(self.scanner.line, f"events begin before </init>; {AGAIN}")
        raise self._no_init(most)

    def _header(self, line: int, most: int | None = None) -> None:
        """Pass a header, of which nothing is needed, that begins in `line`."""
        if (self.scanner.attributes() or b"").endswith(b"/"):
            return
        while match := self.scanner.find(IN_HEADER, None, most):
            if match["name"] is not None:
                self.scanner.attributes()
                return
            self._skip(match, most)
        if most is not None and self.scanner.passed > most:
            raise self._no_init(most)
        raise self._error(line, f"the <header> that begins here does not end; {AGAIN}")

    def _skip(self, match: re.Match[bytes], most: int | None, kept: Kept | None = None) -> None:
        """Pass a comment or the like, or raise if it does not end."""
        line = self.scanner.line
        if not self.scanner.skip(match, kept, most):
            if most is not None and self.scanner.passed > most:
                raise self._no_init(most)
            raise self._error(line, f"{SECTIONS[match.lastgroup or 'other']} that begins here does not end; {AGAIN}")

    def _no_init(self, most: int) -> OnshellError:
        """Return the error that there is no `</init>`."""
        if self.scanner.passed > most:
            return self._error(self.scanner.line, f"more than {HEAD >> 20} MiB before </init>; shorten the header")
        return self._error(self.scanner.last_line, f"{self._end('before </init>')}; {AGAIN}")

    def _end(self, where: str) -> str:
        """Return that the file ends `where` it should not."""
        return f"{self.input.broken or 'the file ends'} {where}".rstrip()

    def _error(self, line: int, words: str) -> OnshellError:
        return OnshellError(f"{self.where}: line {line}: {words}")

    def _block(self, line: int, fault: str, text: bytes = b"") -> Block:
        """Return the next event."""
        self.count += 1
        return Block(self.where, line, text, self.first + self.count - 1, self.count - 1, fault)
