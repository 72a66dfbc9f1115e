"""The command line: `onshell VERB`. The one place that joins configuration, paths and the work of the package."""

import gc
import os
import signal
import sys
import traceback

import typer

from onshell.cli import compare, data, doctor, lhe, models, plan, project, results, runs, show, weights
from onshell.cli.examples import teach
from onshell.cli.options import TRACEBACK, app
from onshell.core.console import give_up_output, prepare_streams, stop
from onshell.core.errors import OnshellError, StoppedError, unexpected
from onshell.core.paths import SURROGATE

__all__ = [
    "compare",
    "data",
    "doctor",
    "lhe",
    "main",
    "models",
    "plan",
    "project",
    "results",
    "runs",
    "show",
    "weights",
]

UsageError: type = typer.BadParameter.__bases__[0]
"""What a call that does not fit its verb raises; typer has no public name for it."""

teach(app)


def main() -> None:
    """Run the command line; an error that the user can fix is one line on standard error and exit code 1.

    A call that does not fit its verb is one line with exit code 2, any other error one with exit code 1, whose
    traceback `--traceback` (anywhere) or ONSHELL_TRACEBACK=1 shows. Work that was stopped and saved ends with exit
    code 75; output that nobody reads any more ends it without a word.
    """
    # Importing torch and pandas makes a million objects that stay: to look for garbage among them again and again took
    # an eighth of a short command.
    gc.set_threshold(100_000, 20, 20)
    prepare_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    # Figures are files: a notebook's way to show them, inherited by what it starts, is none of theirs.
    os.environ["MPLBACKEND"] = "agg"
    arguments = [word for word in sys.argv[1:] if word != TRACEBACK]
    traced = len(arguments) < len(sys.argv) - 1 or os.environ.get("ONSHELL_TRACEBACK", "0") not in ("", "0")
    try:
        for word in arguments:
            if SURROGATE.search(word):
                raise OnshellError(f"{word!r}: is not UTF-8 text, as paths in tables and logs must be; rename the file")
        try:
            code = app(arguments or ["--help"], standalone_mode=False)
        finally:
            sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except UsageError as error:
        verb = f" {error.ctx.info_name}" if error.ctx and error.ctx.parent else ""
        words = " ".join(error.format_message().split()).rstrip(".")
        print(f"onshell: error: {words}; `onshell{verb} --help` shows how", file=sys.stderr, flush=True)
        sys.exit(2)
    except StoppedError as pause:
        print(f"onshell: {pause}", file=sys.stderr, flush=True)
        sys.exit(pause.code)
    except BrokenPipeError:
        give_up_output()
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        foreseen = isinstance(error, OnshellError)
        give_up_output()
        if traced:
            traceback.print_exc()
        sys.exit(f"onshell: error: {' '.join(str(error).splitlines()) if foreseen else unexpected(error)}")
