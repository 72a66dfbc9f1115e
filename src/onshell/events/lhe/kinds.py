"""Kinds of files, known by how they begin: compressed ones, and those taken for Les Houches files by mistake."""

import re

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

NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")

KINDS = {
    b"\x89HDF\r\n\x1a\n": ("an HDF5 file", "convert it to a Les Houches file, which is text"),
    b"PAR1": ("a Parquet file", "an event table needs no import; `onshell show` looks into it"),
    b"ARROW1": ("an Arrow file", "give the Les Houches file that it was made from"),
    b"PK\x03\x04": ("a zip archive", "unpack it first"),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", "unpack it first"),
    b"Rar!\x1a\x07": ("a rar archive", "unpack it first"),
    b"LZIP": ("compressed by lzip", "decompress it first"),
    b"\x1f\x9d": ("compressed by compress", "decompress it first"),
    b"%PDF": ("a PDF document", "give the events themselves"),
    b"root\x00": ("a ROOT file", "convert it to a Les Houches file, which is text"),
    b"\x93NUMPY": ("a NumPy array", "give the Les Houches file that it was made from"),
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


def packing(start: bytes) -> str:
    """Return by which program the file was compressed that begins with `start`; nothing for none."""
    for magic, name in PACKED.items():
        if start.startswith(magic):
            return name
    return "zstd" if SKIPPABLE.match(start) else ""


def kind_of(start: bytes) -> tuple[str, str] | str:
    """Return what the file is, known by its first bytes, and what to do with it; nothing if it may be text."""
    if start[257:262] == b"ustar":
        return "a tar archive", "unpack it first"
    plain = start.lstrip()
    for magic, (what, remedy) in KINDS.items():
        if start.startswith(magic) or plain[: len(magic)].lower() == magic:
            return what, remedy
    if NO_TEXT.search(start) and b"<LesHouchesEvents" not in start:
        return "binary data", "give one as event generators write it"
    return ""
