"""A Les Houches file opened for reading: a file, a pipe or standard input, decompressed by what it holds."""

import gzip
import lzma
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa

from onshell.core.errors import OnshellError
from onshell.events.lhe.kinds import kind_of, packing

STDIN = "-"
"""The name that stands for standard input."""

START = 512
"""Bytes at the beginning of a file by which its kind is known."""

SMALL = 1 << 13
"""Bytes that are decompressed at once."""

PIECE = 1 << 16
"""Bytes of an xz file that are read at once."""

XZ_MEMORY = 1 << 28
"""Bytes that a decompressor of xz may take: four times what `xz -9` asks for."""

BROKEN = "the compressed file breaks off"


class Input:
    """The plain bytes of a Les Houches file, of a pipe, or of standard input (`-`).

    Where the bytes break off before their end, reading ends too, and `broken` says why. What was read is good then, but
    not if the file is `damaged`: which of its numbers are wrong nobody can tell.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken, self.damaged = "", False
        self.raw, self.size = _opened(path)
        try:
            first = _Restarted(self.raw)
            if not first.start:
                raise OnshellError(f"{label(path)}: {_nothing(self.raw)}")
            packed = packing(first.start)
            _refuse(path, "" if packed else kind_of(first.start))
            self.stream = _Restarted(_decompressed(first, packed), self._piece) if packed else first
            if packed:
                inner = packing(self.stream.start)
                _refuse(path, (f"compressed twice ({inner} inside {packed})", "decompress it once") if inner else "")
                _refuse(path, kind_of(self.stream.start))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path != Path(STDIN):
            self.raw.close()

    @property
    def start(self) -> bytes:
        """Return the first bytes."""
        return self.stream.start

    @property
    def share(self) -> float:
        """Return which share of the file has been read, from 0 to 1; 1 if nobody knows how much there is."""
        return min(1.0, self.raw.tell() / self.size) if self.size else 1.0

    def read(self, n: int) -> bytes:
        """Return the next `n` bytes, fewer at the end."""
        pieces, size = [], 0
        # Small pieces: with the one in which the file breaks off, all that is in it is lost.
        while size < n and (piece := self.stream.rest or self._piece(self.stream.raw, min(n - size, SMALL))):
            self.stream.rest = b""
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)

    def _piece(self, stream: Any, n: int) -> bytes:
        try:
            return b"" if self.broken else getattr(stream, "read1", stream.read)(n)
        except EOFError:
            self.broken = BROKEN
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError, pa.ArrowInvalid) as error:
            self._damage(error)
        except OSError as error:
            # pyarrow, too, raises these; it gives no number.
            if error.errno is not None:
                self.broken = f"the file cannot be read on ({error.strerror})"
            elif "Truncated" in str(error):
                self.broken = BROKEN
            else:
                self._damage(error)
        return b""

    def _damage(self, error: Exception) -> None:
        reason = str(error).partition("\n")[0].rstrip(".")
        self.broken, self.damaged = f"the compressed file is damaged ({reason})", True


def label(path: Path) -> str:
    """Return what messages call a path."""
    return "standard input" if path == Path(STDIN) else str(path)


def title(path: Path) -> str:
    """Return what a file is called without its folder; of a pipe that a shell made, all of its path."""
    return label(path) if path.parts[:2] in (("/", "dev"), ("/", "proc")) or path == Path(STDIN) else path.name


def _refuse(path: Path, kind: tuple[str, str] | str) -> None:
    """Raise if a file is of another kind."""
    if kind:
        raise OnshellError(f"{label(path)}: not a Les Houches file but {kind[0]}; {kind[1]}")


def _opened(path: Path) -> tuple[BinaryIO, int]:
    """Return the open file and its size in bytes, 0 for a pipe or a device."""
    if path == Path(STDIN):
        if sys.stdin is None or sys.stdin.closed:
            raise OnshellError("standard input: closed; pipe a file into it, or name one")
        if sys.stdin.isatty():
            raise OnshellError("standard input: a terminal; pipe a file into it, or name one")
        handle = getattr(sys.stdin, "buffer", sys.stdin)
        return handle, _size(handle)
    try:
        if path.is_dir():
            raise OnshellError(f"{path}: a folder; name the Les Houches file itself")
        handle = path.open("rb")
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OnshellError(f"{path}: cannot be read ({why}); check the path and its permissions") from error
    return handle, _size(handle)


def _size(handle: BinaryIO) -> int:
    """Return the size of a regular file in bytes, 0 for anything else."""
    try:
        status = os.fstat(handle.fileno())
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _nothing(handle: BinaryIO) -> str:
    """Return that a file is empty, or that nothing came through a pipe."""
    try:
        mode = os.fstat(handle.fileno()).st_mode
    except (OSError, ValueError):
        mode = stat.S_IFREG
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "nothing came through the pipe; look at what the command before it says"
    return "empty (0 bytes); make or copy the file again"


def _decompressed(raw: "_Restarted", name: str) -> Any:
    """Return the decompressed bytes as a stream; one member, frame or stream after the other."""
    if name == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if name == "xz":
        return _Xz(raw)
    # pyarrow calls it bz2; unlike the module bz2 it does not pass over what is no further stream.
    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), "bz2" if name == "bzip2" else name)


class _Restarted:
    """A stream whose first bytes, `start`, have been looked at and are read again; it may be a pipe."""

    def __init__(self, raw: Any, read: Any = None) -> None:
        self.raw = raw
        self.start = self.rest = b""
        self.closed = False
        while len(self.start) < START:
            wanted = START - len(self.start)
            piece = read(raw, wanted) if read else raw.read(wanted)
            if not piece:
                break
            self.start += piece
        self.rest = self.start

    def read(self, n: int = -1) -> bytes:
        """Return at most `n` bytes, none at the end."""
        if not self.rest:
            return self.raw.read(n)
        n = len(self.rest) if n < 0 else n
        piece, self.rest = self.rest[:n], self.rest[n:]
        return piece

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def close(self) -> None:
        """Leave the file to whoever opened it."""


class _Xz:
    """The decompressed bytes of xz streams: unlike in `lzma.open`, what follows a stream must be another or zeros."""

    def __init__(self, raw: _Restarted) -> None:
        self.raw, self.data = raw, b""
        self.decoder: lzma.LZMADecompressor | None = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)

    def read(self, n: int) -> bytes:
        """Return at most `n` bytes, none at the end."""
        while True:
            if self.decoder is None:
                self.data = self.data.lstrip(b"\x00") or self._more().lstrip(b"\x00")
                if self.data:
                    self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)
                elif self.raw_ended:
                    return b""
                continue
            if self.decoder.needs_input and not self.data:
                self.data = self._more()
                if not self.data:
                    raise EOFError
            found = self.decoder.decompress(self.data, n)
            self.data = b""
            if self.decoder.eof:
                self.data, self.decoder = self.decoder.unused_data, None
            if found:
                return found

    raw_ended = False

    def _more(self) -> bytes:
        piece = self.raw.read(PIECE)
        self.raw_ended = not piece
        return piece
