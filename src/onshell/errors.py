"""The one exception that means: the user can mend this, and the words that help."""

import difflib
from collections.abc import Iterable


class OnshellError(Exception):
    """A fault in the input, told in one line that names the file or key and says what to do."""


def nearest(word: object, known: Iterable[object]) -> str:
    """Return the end of an error message: the known name nearest to `word`, and all the known names."""
    names = [str(name) for name in known]
    close = difflib.get_close_matches(str(word), names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}(known: {', '.join(names) if names else 'none'})"
