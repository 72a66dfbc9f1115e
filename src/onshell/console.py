"""What the command line says, and how it is stopped."""

import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from onshell.errors import OnshellError, nearest


def say(line: str) -> None:
    """Print one line at once, so that a log shows how far a job is."""
    print(line, flush=True)


def counter(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that says now and then how far a job is, its speed, and the time left."""
    start = last = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > 5:
            last, speed = now, done / max(now - start, 1e-9)
            say(f"{what}: {done:,} of {total:,} events, {speed:,.0f} per s, {(total - done) / speed:.0f} s left")

    return told


def numbers(option: str, text: str) -> list[float]:
    """Return the numbers of a comma-separated list."""
    try:
        return [float(word) for word in text.split(",")]
    except ValueError as error:
        raise OnshellError(f"{option} {text}: write numbers with commas between them, such as 1,0.5,0") from error


def known(kind: str, name: str, names: Iterable[str]) -> None:
    """Raise unless `name` is one of the configuration's `names`."""
    if name not in names:
        article = "an" if kind[0] in "aeiou" else "a"
        raise OnshellError(f"{name!r} is not {article} {kind} of the configuration; {nearest(name, names)}")


def apart(output: Path | None, *inputs: Path | None) -> None:
    """Raise if the output is one of the inputs, which it would destroy."""
    for path in inputs:
        if output is not None and path is not None and output.resolve() == path.resolve():
            raise OnshellError(f"{output}: is an input too; choose another name for the output")


def stop(number: int, frame: object) -> None:
    """Leave by way of every clean-up, so that Ctrl-C or a batch system's TERM leaves no temporary file."""
    print(f"onshell: stopped by {signal.Signals(number).name}; nothing is half-written", file=sys.stderr, flush=True)
    sys.exit(128 + number)
