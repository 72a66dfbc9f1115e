"""What the command line says, and how it is stopped."""

import atexit
import contextlib
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from onshell.core.errors import OnshellError, stranger
from onshell.core.files import target

if TYPE_CHECKING:
    import rich.progress


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


def warn(line: str) -> None:
    """Print one line on standard error: the work goes on, but is not what it may be taken for."""
    print(f"onshell: warning: {line}", file=sys.stderr, flush=True)


def counter(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that tells how far a job is, its speed, and the time left.

    A bar on a terminal, a line now and then in a log.
    """
    return _bar(what) if on_terminal() else _lines(what)


@contextlib.contextmanager
def teller(what: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that says one line of a job, such as "aps: epoch 3/16  loss +0.12".

    On a terminal, lines that count move a bar instead, which shows from the start that `what` is at work; other lines
    stand above it. In a log, every line is printed.
    """
    if not on_terminal():
        yield say
        return
    with _progress() as bar:
        task = bar.add_task(what, total=None, count="", news="")

        def told(line: str) -> None:
            counted = COUNT.search(line)
            if counted is None:
                bar.console.print(line, markup=False, highlight=False)
                return
            done, total = (int(number.replace(",", "")) for number in counted.groups()[1:])
            # The bar has its own clock.
            news = [part for part in line[counted.end() :].split("  ") if part and not CLOCK.search(part)]
            bar.update(task, completed=done, total=total, count=counted[0], news=" ".join(news).strip(" :"))

        yield told


COUNT = re.compile(r"\b(epoch|block|replicate|autoencoder) ([\d,]+)/([\d,]+)")
"""What counts in a line: done and total."""

CLOCK = re.compile(r"^(elapsed|left) | left$")


def on_terminal() -> bool:
    """Return whether somebody looks on; of the processes of torchrun, only the first speaks to them."""
    return sys.stdout.isatty() and os.environ.get("RANK", "0") == "0"


def _progress() -> "rich.progress.Progress":
    """Return a bar that is not shown yet: what, bar, count, time so far, time left, news."""
    from rich import progress as rich

    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(30), rich.TextColumn("{task.fields[count]}"))
    clocks = (rich.TimeElapsedColumn(), rich.TimeRemainingColumn(elapsed_when_finished=False))
    # Speed is that of the whole job: an epoch may take longer than rich's half a minute.
    return rich.Progress(*columns, *clocks, rich.TextColumn("{task.fields[news]}"), speed_estimate_period=1e9)


def _bar(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that moves a bar on the terminal."""
    bar = _progress()
    task = bar.add_task(what, total=None, count="", news="")
    # A job that fails leaves the bar as it is: only the cursor must come back.
    atexit.register(bar.stop)

    def told(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total, count=f"{done:,}/{total:,} events")
        if done >= total:
            bar.stop()

    return told


def _lines(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that prints a line every five seconds, and at the end."""
    start = last = time.monotonic()

    def told(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > 5:
            last, speed = now, done / max(now - start, 1e-9)
            say(f"{what}: {done:,} of {total:,} events, {speed:,.0f} per s, {(total - done) / speed:.0f} s left")

    return told


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
        raise OnshellError(stranger(name, f"{kind} of the configuration", names))


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
