"""The exception for errors that a user can fix, and the words that help."""

import difflib
import os
from collections.abc import Collection, Iterable, Iterator

MOST_NAMES = 40
"""Known names that an error lists; of more, only the nearest."""


class OnshellError(Exception):
    """An error in the input: one line that names the file or key and says what to do."""


class StoppedError(OnshellError):
    """Work that was stopped before its end and saved: the same command goes on with it. Exit code 75, "try again"."""

    code = 75


def unexpected(error: BaseException) -> str:
    """Return in one line what an unexpected error says, and how to learn more."""
    kind, text = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError" or "can't allocate memory" in text:
        return "not enough memory; give the job more, or ask for fewer events, particles or weights at a time"
    if isinstance(error, OSError) and error.strerror:
        what = "standard output, or a file beside it" if error.filename is None else os.fsdecode(error.filename)
        return f"{what}: {error.strerror}; `onshell --traceback ...` shows where"
    said = f"{kind}: {text:.300}" if text else kind
    return f"{said}; unexpected: `onshell --traceback ...` shows where, for a report with the input"


def nearest(word: object, known: Iterable[object]) -> str:
    """Return the end of an error message: the name nearest to `word`, and all the known ones if not too many."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=3, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    if len(names) > MOST_NAMES:
        three = close if len(close) == 3 else difflib.get_close_matches(str(word), names, n=3, cutoff=0.0)
        return f"{hint}(nearest of {len(names)}: {', '.join(three)})"
    return f"{hint}(known: {', '.join(names) if names else 'none'})"


def unknown_name(value: object, kind: str, known: Iterable[str]) -> str:
    """Return that `value` is not of this kind, and the names `known` that are."""
    article = "an" if kind[0] in "aeiou" else "a"
    return f"{value!r} is not {article} {kind}; {nearest(value, known)}"


def unknown(path: str, value: object, kind: str, known: Collection[str]) -> Iterator[str]:
    """Yield the problem of `value` at `path`, if it is not among the names `known` of this kind."""
    if value not in known:
        yield f"{path}: {unknown_name(value, kind, known)}"
