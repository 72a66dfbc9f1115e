"""The one exception that means: the user can mend this, and the words that help."""

import difflib
from collections.abc import Collection, Iterable, Iterator


class OnshellError(Exception):
    """A fault in the input, told in one line that names the file or key and says what to do."""


class StoppedError(OnshellError):
    """Work that was stopped before its end and saved: the same command goes on with it. Exit code 75, "try again"."""

    code = 75


def nearest(word: object, known: Iterable[object]) -> str:
    """Return the end of an error message: the known name nearest to `word`, and all the known names."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}(known: {', '.join(names) if names else 'none'})"


def stranger(value: object, kind: str, known: Iterable[str]) -> str:
    """Return that `value` is not of this kind, and the names `known` that are."""
    article = "an" if kind[0] in "aeiou" else "a"
    return f"{value!r} is not {article} {kind}; {nearest(value, known)}"


def unknown(path: str, value: object, kind: str, known: Collection[str]) -> Iterator[str]:
    """Yield the fault of `value` at `path`, if it is not among the names `known` of this kind."""
    if value not in known:
        yield f"{path}: {stranger(value, kind, known)}"
