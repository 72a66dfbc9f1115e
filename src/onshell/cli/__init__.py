"""The command line: `onshell VERB`. The one place that joins configuration, paths and the work of the package."""

import gc
import signal
import sys

from onshell.cli import data, doctor, lhe, models, plan, results, show, weights
from onshell.cli.examples import teach
from onshell.cli.options import app
from onshell.console import stop
from onshell.errors import OnshellError, StoppedError

__all__ = ["data", "doctor", "lhe", "main", "models", "plan", "results", "show", "weights"]

teach(app)


def main() -> None:
    """Run the command line; a fault that the user can mend is one line on standard error and exit code 1.

    Work that was stopped and saved ends with exit code 75.
    """
    # Importing torch and pandas makes a million objects that stay: to look for garbage among them again and again took
    # an eighth of a short command.
    gc.set_threshold(100_000, 20, 20)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        app()
    except StoppedError as pause:
        print(f"onshell: {pause}", file=sys.stderr, flush=True)
        sys.exit(pause.code)
    except OnshellError as error:
        sys.exit(f"onshell: error: {error}")
