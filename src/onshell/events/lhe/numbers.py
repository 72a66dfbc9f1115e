"""Numbers as Fortran writes them: 1.0D+00, 0.12-101 for 0.12E-101, ***** for what did not fit, 3*0.0 for three."""

import re
from collections.abc import Sequence

REAL = re.compile(rb"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdDqQ]([+-]?\d+)|([+-]\d{3}))?")
"""A number; only an exponent of three digits may lack its letter."""

DIGITS = re.compile(rb"[+-]?\d{1,99}")

SPECIAL = re.compile(rb"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)

REPEATED = re.compile(rb"([1-9]\d?)\*([^*]+)")

Column = tuple[str, bool, float | None]
"""Of one column: its name, whether it is a whole number, and what stands for stars (None: they are refused)."""


def real(text: bytes) -> float:
    """Return the number that a text stands for, or raise a ValueError that names it."""
    match = REAL.fullmatch(text)
    if match:
        return float(match[1] + b"e" + (match[2] or match[3] or b"0"))
    if SPECIAL.fullmatch(text):
        return float(text)
    raise ValueError(f"{shown(text)} is not a number")


def whole(text: bytes) -> int:
    """Return the whole number that a text stands for, or raise a ValueError that names it."""
    if DIGITS.fullmatch(text):
        return int(text)
    number = real(text)
    if not number.is_integer():
        raise ValueError(f"{shown(text)} is not a whole number")
    return int(number)


def stars(text: bytes) -> bool:
    """Return whether Fortran wrote a number that did not fit into its column."""
    return not text.strip(b"*")


def row(words: Sequence[bytes], columns: Sequence[Column]) -> list[float]:
    """Return the numbers of a line, one for each column, or raise a ValueError that says what is wrong with it."""
    found: list[bytes] = []
    for word in words:
        match = REPEATED.fullmatch(word)
        found += [match[2]] * int(match[1]) if match else [word]
    if len(found) < len(columns):
        raise ValueError(f"a line with too few numbers, {len(found)} where {len(columns)} are needed")
    return [_number(word, *column) for word, column in zip(found, columns, strict=False)]


def _number(word: bytes, name: str, is_whole: bool, unknown: float | None) -> float:
    if stars(word):
        if unknown is None:
            raise ValueError(f"{name} is {shown(word)}, a number that did not fit into its column")
        return unknown
    try:
        return whole(word) if is_whole else real(word)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from error


def shown(text: bytes) -> str:
    """Return a word as an error shows it."""
    return repr(text[:24].decode("utf-8", "replace"))
