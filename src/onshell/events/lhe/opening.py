"""A Les Houches file opened for reading: a file, a pipe or standard input, decompressed by what it holds."""

import gzip
import lzma
import os
import re
import stat
import sys
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from onshell.core.errors import OnshellError

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

PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
"""How compressed files begin."""

SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""How the frame without content begins that some programs put before those of zstd."""

BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")

UNPACK, CONVERT = "unpack it first", "convert it to a Les Houches file, which is text"
ORIGINAL = "give the Les Houches file that it was made from"
OTHERS = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", CONVERT),
    b"PAR1": ("a Parquet file", "an event table needs no import; `onshell show` looks into it"),
    b"ARROW1": ("an Arrow file", ORIGINAL),
    b"PK\x03\x04": ("a zip archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", UNPACK),
    b"Rar!\x1a\x07": ("a rar archive", UNPACK),
    b"LZIP": ("compressed by lzip", "decompress it first"),
    b"\x1f\x9d": ("compressed by compress", "decompress it first"),
    b"%PDF": ("a PDF document", "give the events themselves"),
    b"root\x00": ("a ROOT file", CONVERT),
    b"\x93NUMPY": ("a NumPy array", ORIGINAL),
    b"SQLite format 3\x00": ("an SQLite database", "give a Les Houches file"),
    b"\x7fELF": ("a program", "give the file that it wrote"),
    b"hepmc::": ("a HepMC file", "convert it, or give the Les Houches file of the hard process"),
    b"version https://git-lfs": ("a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    b"<!doctype html": ("a web page", "download the file again"),
    b"<html": ("a web page", "download the file again"),
    b"\xff\xfe": ("text in UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("text in UTF-16", "save it as UTF-8"),
}
"""How files begin that are taken for Les Houches files by mistake: what they are, and what to do."""


class Input:
    """The plain bytes of a Les Houches file, of a pipe, or of standard input (`-`); `start` are the first of them.

    Where the bytes break off before their end, reading ends too, and `broken` says why. What was read is good then, but
    not if the file is `damaged`: which of its numbers are wrong nobody knows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.broken, self.damaged = "", False
        self.raw = _opened(path)
        try:
            status = os.fstat(self.raw.fileno())
            mode, self.size = status.st_mode, status.st_size if stat.S_ISREG(status.st_mode) else 0
        except (OSError, ValueError):
            mode, self.size = stat.S_IFREG, 0
        try:
            first = _Peeked(self.raw)
            if not first.start:
                piped = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
                why = "nothing came through the pipe; look at what the command before it says"
                raise OnshellError(f"{label(path)}: {why if piped else 'empty (0 bytes); make or copy the file again'}")
            packed = packing(first.start)
            self.stream = _Peeked(_decompressed(first, packed), self._piece) if packed else first
            self.start = self.stream.start
            inner = packing(self.start) if packed else ""
            twice = (f"compressed twice ({inner} inside {packed})", "decompress it once")
            if kind := twice if inner else other_kind(self.start):
                raise OnshellError(f"{label(path)}: not a Les Houches file but {kind[0]}; {kind[1]}")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.path != Path(STDIN):
            self.raw.close()

    @property
    def share(self) -> float:
        """Return which share of the file has been read, from 0 to 1; 1 if its size is not known."""
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
        """Return the next bytes of a stream, none where it breaks off."""
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


def packing(start: bytes) -> str:
    """Return by which program the file was compressed that begins with `start`; nothing for none."""
    known = (name for magic, name in PACKED.items() if start.startswith(magic))
    return next(known, "zstd" if SKIPPABLE.match(start) else "")


def other_kind(start: bytes) -> tuple[str, str] | None:
    """Return what a file is by its first bytes, and what to do with it; None if it may be text."""
    if start[257:262] == b"ustar":
        return "a tar archive", UNPACK
    plain = start.lstrip()
    for magic, kind in OTHERS.items():
        if start.startswith(magic) or plain[: len(magic)].lower() == magic:
            return kind
    if BINARY.search(start) and b"<LesHouchesEvents" not in start:
        return "binary data", "give one as event generators write it"
    return None


def _opened(path: Path) -> BinaryIO:
    """Return the open file, or raise the line that says why there is none."""
    if path == Path(STDIN):
        stdin: Any = sys.stdin
        closed = stdin is None or stdin.closed
        if closed or stdin.isatty():
            what = "closed" if closed else "a terminal"
            raise OnshellError(f"standard input: {what}; pipe a file into it, or name one")
        return getattr(stdin, "buffer", stdin)
    try:
        if path.is_dir():
            raise OnshellError(f"{path}: a folder; name the Les Houches file itself")
        return path.open("rb")
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such file; check the name") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OnshellError(f"{path}: cannot be read ({why}); check the path and its permissions") from error


def _decompressed(raw: Any, name: str) -> Any:
    """Return the decompressed bytes as a stream; one member, frame or stream after the other."""
    if name == "gzip":
        return gzip.GzipFile(fileobj=raw)
    if name == "xz":
        return _Xz(raw)
    # pyarrow calls it bz2; unlike the module bz2 it does not pass over what is no further stream.
    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), "bz2" if name == "bzip2" else name)


class _Peeked:
    """A stream whose first bytes, `start`, have been looked at and are read again; it may be a pipe."""

    closed = False

    def __init__(self, raw: Any, read: Any = None) -> None:
        self.raw = raw
        self.start = b""
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
        """Do nothing: whoever opened the file closes it."""


class _Xz:
    """The decompressed bytes of xz streams: unlike in `lzma.open`, what follows a stream must be another or zeros."""

    def __init__(self, raw: _Peeked) -> None:
        self.raw, self.data, self.ended = raw, b"", False
        self.decoder: lzma.LZMADecompressor | None = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)

    def read(self, n: int) -> bytes:
        """Return at most `n` bytes, none at the end."""
        while True:
            if self.decoder is None:
                self.data = self.data.lstrip(b"\x00") or self._more().lstrip(b"\x00")
                if self.data:
                    self.decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)
                elif self.ended:
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

    def _more(self) -> bytes:
        piece = self.raw.read(PIECE)
        self.ended = not piece
        return piece
