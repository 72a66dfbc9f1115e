"""The directive ``room``: the API of every module of a package, found when the pages are built."""

import importlib
import pkgutil
from typing import Any

from docutils import nodes
from sections import sections
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def modules(name: str) -> list[str]:
    """Return the names of a package's modules in order, those of sub-packages too; of a module its own."""
    module = importlib.import_module(name)
    found = [name]
    for entry in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if entry.name != "__main__":
            found += modules(f"{name}.{entry.name}")
    return found


class Room(SphinxDirective):
    """Show the API of a package: its docstring, then each module under a heading of its own.

    With ``:only:``, the modules that it lists and nothing else.
    """

    required_arguments = 1
    option_spec = {"only": str}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        package = self.arguments[0]
        names = [f"{package}.{one}" for one in self.options.get("only", "").split()] or modules(package)
        lines = []
        for name in names:
            short = name.removeprefix("onshell.")
            heading = [] if name == package else [short, "-" * len(short), ""]
            options = [] if hasattr(importlib.import_module(name), "__path__") else ["   :members:"]
            lines += [*heading, f".. automodule:: {name}", *options, ""]
        return sections(self, lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("room", Room)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
