"""A Les Houches file as text: its head, then its events one by one, each with its number and line."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from onshell.errors import OnshellError

GZIP = b"\x1f\x8b"
LONGEST = 1 << 20
"""Bytes of the longest line, and of what may stand before the first tag of a Les Houches file."""


@dataclass(frozen=True)
class Block:
    """The text of one event, its number in the file (from 0) and the line that it begins in (from 1).

    `fault` says why the text is not whole; it is empty for a whole event.
    """

    number: int
    line: int
    text: str
    fault: str = ""


class Source:
    """An open Les Houches file: `head` is all its text up to the end of `<init>`, `blocks` yields its events."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.raw, self.size = _opened(self.path)
        self.stream: BinaryIO | gzip.GzipFile = self.raw
        self.line = 0
        self.broken = ""
        try:
            self._choose()
            self.head = self._head()
        except BaseException:
            self.raw.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()

    @property
    def share(self) -> float:
        """Return which share of the file has been read, from 0 to 1."""
        return min(1.0, self.raw.tell() / max(self.size, 1))

    def blocks(self) -> Iterator[Block]:
        """Yield the events; where the file breaks off, the last block says so."""
        lines: list[bytes] = []
        number = first = 0
        for line in self._lines():
            if _begins(line):
                if lines:
                    yield Block(number, first, "", "has no </event> before the next event begins")
                    number += 1
                lines, first = [], self.line
            if lines or first == self.line:
                lines.append(line)
            if lines and b"</event>" in line:
                yield Block(number, first, b"".join(lines).decode("utf-8", "replace"))
                number, lines = number + 1, []
            if not lines and b"</LesHouchesEvents>" in line:
                return
        what = self.broken or "the file ends"
        if lines:
            yield Block(number, first, "", f"{what} in the middle of it")
        else:
            yield Block(number, self.line, "", f"{what} before it, without </LesHouchesEvents>")

    def _choose(self) -> None:
        """Take the file for compressed or not: its name and its first bytes must agree."""
        start = self.raw.read(6)
        self.raw.seek(0)
        if self.path.suffix == ".gz" and not start.startswith(GZIP):
            raise OnshellError(
                f"{self.path}: not a gzip file, though its name says so (it starts with {start!r}); if it is plain "
                f"text, rename it to {self.path.stem}"
            )
        if start.startswith(GZIP):
            self.stream = gzip.GzipFile(fileobj=self.raw)

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines from here on and count them; where the file is damaged they end, and `broken` says why."""
        try:
            while line := self.stream.readline(LONGEST):
                self.line += 1
                yield line
        except EOFError:
            self.broken = "the compressed file breaks off"
        except (gzip.BadGzipFile, zlib.error) as error:
            self.broken = f"the compressed file is damaged ({str(error).rstrip('.')})"
        except OSError as error:
            self.broken = f"the file cannot be read on ({error.strerror})"

    def _head(self) -> str:
        """Return the text up to `</init>`, or raise if this is no Les Houches file."""
        lines, size, known = [], 0, False
        for line in self._lines():
            lines.append(line)
            size += len(line)
            known = known or b"<LesHouchesEvents" in line
            if (not known and size > LONGEST) or _begins(line):
                break
            if known and b"</init>" in line:
                return b"".join(lines).decode("utf-8", "replace")
        if not known:
            start = b"".join(lines)[:24]
            why = self.broken or f"no <LesHouchesEvents> in it; it starts with {start!r}"
            raise OnshellError(f"{self.path}: not a Les Houches file ({why}); give one as event generators write it")
        why = self.broken or ("events begin" if lines and _begins(lines[-1]) else "the file ends")
        raise OnshellError(f"{self.path}: line {self.line}: {why} before </init>; make or copy the file again")


def _begins(line: bytes) -> bool:
    """Return whether an event begins in a line."""
    start = line.lstrip()
    return start.startswith((b"<event>", b"<event "))


def _opened(path: Path) -> tuple[BinaryIO, int]:
    """Return the open file and its size in bytes."""
    try:
        if path.is_dir():
            raise OnshellError(f"{path}: a folder; name the Les Houches file itself")
        size = path.stat().st_size
        handle = path.open("rb")
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such file; check the name") from error
    except OSError as error:
        raise OnshellError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    if size == 0:
        handle.close()
        raise OnshellError(f"{path}: empty (0 bytes); make or copy the file again")
    return handle, size
