"""The command line: `onshell VERB`. The one place that joins configuration, paths and the work of the package."""

import signal
import sys
from pathlib import Path

# `onshell --help` lists the verbs in the order of these imports.
from onshell.cli import data, models, results
from onshell.cli.options import app
from onshell.console import stop
from onshell.errors import OnshellError

__all__ = ["data", "main", "models", "results"]


def main() -> None:
    """Run the command line; a fault that the user can mend is one line on standard error and exit code 1."""
    # A generator of one's own, "module:function", is looked for here too.
    sys.path.append(str(Path.cwd()))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        app()
    except OnshellError as error:
        sys.exit(f"onshell: error: {error}")
