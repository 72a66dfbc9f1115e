"""Standard streams and arguments of the command line, and how it is stopped."""

import contextlib
import math
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from onshell.core.errors import OnshellError, unknown_name
from onshell.core.files import target


def say(line: str) -> None:
    """Print one line at once, so that a log shows how far a job is.

    Raises
    ------
    OnshellError
        When standard output takes no more, such as a log on a full disk; one that nobody reads is a BrokenPipeError.
    """
    try:
        print(line, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OnshellError(
            f"standard output: cannot be written ({error.strerror}); free some space, or send it elsewhere"
        ) from error


def prepare_streams() -> None:
    """Make standard streams that anything can be printed to.

    One that the caller closed leads nowhere: else the next file that is opened would get its number, and what is
    printed. What a terminal's encoding lacks is printed as an escape.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def give_up_output() -> None:
    """Let what standard output does not take go nowhere, so that the end of the process does not fail on it again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def numbers(option: str, text: str) -> list[float]:
    """Return the finite numbers of a comma-separated list."""
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError as error:
        raise OnshellError(f"{option} {text}: write numbers with commas between them, such as 1,0.5,0") from error
    if not all(map(math.isfinite, found)):
        raise OnshellError(f"{option} {text}: write finite numbers, such as 1,0.5,0")
    return found


def pairs(option: str, text: str) -> list[tuple[int, int]]:
    """Return the pairs of whole numbers, each joined by a colon, of a comma-separated list."""
    try:
        return [(int(a), int(b)) for a, b in (word.split(":") for word in text.split(","))]
    except ValueError as error:
        raise OnshellError(f"{option} {text}: write pairs such as 501:0,502:501,0:502") from error


def known(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise unless `name` is one of the configuration's `names`."""
    if name not in names:
        raise OnshellError(unknown_name(name, f"{kind} of the configuration", names))


def apart(output: Path | None, *inputs: Path | None) -> None:
    """Raise if the output is one of the inputs, which it would destroy, or no file at all, before any work is done."""
    if output is not None:
        target(output)
    for path in inputs:
        if output is not None and path is not None and output.resolve() == path.resolve():
            raise OnshellError(f"{output}: is an input too; choose another name for the output")


def stop(number: int, frame: object) -> None:
    """Leave by way of every clean-up, so that Ctrl-C or a batch system's TERM leaves no temporary file."""
    # The signal may come in the middle of another line, or when nobody reads any more.
    with contextlib.suppress(OSError, RuntimeError):
        print(
            f"onshell: stopped by {signal.Signals(number).name}; nothing is half-written", file=sys.stderr, flush=True
        )
    sys.exit(128 + number)
