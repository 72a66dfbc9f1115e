"""Docstrings are plain English with code in backticks: whatever reST would take for markup is made harmless."""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(``[^`]+``|`[^`]+`)")
MARKUP = re.compile(r"([|*\\]|_(?![A-Za-z0-9]))")

ARRAY_LIKE = re.compile(r"[~\w.]*_Buffer \| .*?_NestedSequence\[complex \| bytes \| str\]")
ARRAY = re.compile(r"[~\w.]*\bndarray\[[~\w.]*tuple\[[~\w.]*Any, \.\.\.\], [~\w.]*dtype\[[~\w.]*float64\]\]")


def harmless(line: str) -> str:
    """Return a line in which |q|, x_ and *names are text, and `code` is code."""
    parts = CODE.split(line)
    return "".join(f"``{part.strip('`')}``" if i % 2 else MARKUP.sub(r"\\\1", part) for i, part in enumerate(parts))


def process(_app: Sphinx, what: str, _name: str, _of: object, _options: object, lines: list[str]) -> None:
    """Make the lines of a docstring harmless; a block after `::` is code and stays."""
    code = False
    for i, line in enumerate(lines):
        if code and line.strip() and not line.startswith(" "):
            code = False
        if not code:
            lines[i] = harmless(line)
        code = code or line.rstrip().endswith("::")
    if what in ("attribute", "data"):
        # Napoleon would take the words before a colon in the first line for a type: let it look at a comment.
        lines[:0] = ["..", ""]


def plain_types(
    _app: Sphinx, _what: str, _name: str, _of: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Return a signature in which numpy's types have the names that people know."""
    return tuple(part and ARRAY.sub("NDArray", ARRAY_LIKE.sub("ArrayLike", part)) for part in (signature, returned))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it ahead of napoleon, which turns "Raises" and the like into markup that must stay."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("autodoc-process-signature", plain_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
