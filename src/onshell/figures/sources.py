"""Which code draws a figure or writes a table, and a digest of it: what the workflow watches, without importing it."""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from onshell.core.errors import OnshellError

ROOT = Path(__file__).parents[1]
SHARED = ("evaluation.observables", "evaluation.tables")
"""Modules of other rooms that decide what drawings look like: symbols, ranges, and the writer of tables."""


@cache
def _text(module: str) -> str:
    """Return the code of a module, such as "figures.panels"."""
    return (ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


@cache
def module_of(name: str) -> str:
    """Return the module of figures/ that defines the function `name`, such as "figures.muon" for fig02."""
    for path in sorted((ROOT / "figures").glob("*.py")):
        module = f"figures.{path.stem}"
        if re.search(rf"^def {re.escape(name)}\(data: FigureData\)", _text(module), re.MULTILINE):
            return module
    raise OnshellError(f"{name}: no code draws it; write a function of that name in onshell.figures")


def imported(module: str) -> Iterator[str]:
    """Yield the modules of figures/, and the `SHARED` ones, that a module imports."""
    for found in re.findall(r"^from onshell\.([\w.]+) import", _text(module), re.MULTILINE):
        if found.startswith("figures.") or found in SHARED:
            yield found


def sources(name: str) -> list[str]:
    """Return the module that draws `name`, and all that it imports of drawing code, directly or not."""
    found, new = set(), {module_of(name)}
    while new:
        found |= new
        new = {other for module in new for other in imported(module)} - found
    return sorted(found)


def digest(name: str) -> str:
    """Return a digest of the code and the style that draw `name`: the drawing is made again when it changes."""
    contents = [_text(module) for module in sources(name)]
    contents.append((ROOT / "figures" / "style.mplstyle").read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(contents).encode()).hexdigest()[:16]
