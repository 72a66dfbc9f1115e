"""The directive ``verbs``: the help of every verb of the command line, as a terminal shows it."""

import os
from typing import Any
from unittest.mock import patch

from docutils import nodes
from sections import sections
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.testing import CliRunner

from onshell.cli import app as command_line
from onshell.cli.examples import EXAMPLES

WIDTH = "84"


def help_of(*verb: str) -> str:
    """Return what ``onshell VERB --help`` prints, without colour."""
    with patch.dict(os.environ, {"COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}):
        shown = CliRunner().invoke(command_line, [*verb, "--help"], prog_name="onshell", catch_exceptions=False)
    return "\n".join(line.rstrip() for line in shown.stdout.strip("\n").splitlines())


class Verbs(SphinxDirective):
    """Show the help of every verb, a section each, in the panels of ``onshell --help``."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        lines = []
        for panel, verbs in EXAMPLES.items():
            lines += [panel, "~" * len(panel), ""]
            for verb in verbs:
                text = [f"   {line}" for line in help_of(verb).splitlines()]
                lines += [verb, "^" * len(verb), "", ".. code-block:: text", "", *text, ""]
        return sections(self, lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("verbs", Verbs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
