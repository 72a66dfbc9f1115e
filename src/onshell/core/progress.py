"""How far a job is, and what it says: records of the logger "onshell", numbers and all.

A message is a line; a `Count` is a record that carries its numbers. `log` takes both. They are printed, line by line,
unless `show_progress` turns counts into a bar on a terminal, or the caller gives the logger other handlers.
"""

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from onshell.core.console import say
from onshell.core.format import format_duration, format_number

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

EVERY = {True: 0.1, False: 5.0}
"""Seconds between two counts of events, on a terminal and in a log."""


@dataclass(frozen=True)
class Count:
    """`done` of `total` of a `unit` (epoch, block, event, ...) of the work `what`, and the numbers that go with it.

    The name of a rate has a slash in it, such as "events/s"; `elapsed` and `left` are seconds.
    """

    done: int
    total: int
    unit: str
    what: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    elapsed: float | None = None
    left: float | None = None

    @property
    def place(self) -> str:
        """Return how far the work is: "epoch 3/16"."""
        return f"{self.unit} {self.done:,}/{self.total:,}"

    @property
    def news(self) -> str:
        """Return the numbers, each with its name."""
        return "  ".join(
            f"{value:,.0f} {name}" if "/" in name else f"{name} {format_number(value, 4)}"
            for name, value in self.numbers.items()
        )

    def __str__(self) -> str:
        """Return the line of a log: "muon: epoch 3/16  loss 0.1234  2,000 events/s  elapsed 12 s  left 52 s"."""
        times = (("elapsed", self.elapsed), ("left", self.left))
        clocks = (f"{name} {format_duration(seconds)}" for name, seconds in times if seconds is not None)
        parts = (f"{self.what}: {self.place}" if self.what else self.place, self.news, *clocks)
        return "  ".join(part for part in parts if part)


Progress = Callable[[Count | str], None]
"""What takes the messages and counts of a job."""


class LineHandler(logging.Handler):
    """Prints every record as a line: on standard output, and warnings on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record; what cannot be written is raised, see `say`."""
        if record.levelno >= logging.WARNING:
            print(f"onshell: warning: {record.getMessage()}", file=sys.stderr, flush=True)
        else:
            self.show(record)

    def show(self, record: logging.LogRecord) -> None:
        """Print a record that is no warning."""
        say(record.getMessage())


class BarHandler(LineHandler):
    """Moves a bar by the records that count, and prints the others above it."""

    def __init__(self, bar: "Bar", task: "TaskID"):
        super().__init__()
        self.bar, self.task = bar, task

    def show(self, record: logging.LogRecord) -> None:
        """Move the bar or print a line."""
        count: Count | None = getattr(record, "count", None)
        if count is None:
            self.bar.console.print(record.getMessage(), markup=False, highlight=False)
        else:
            # The bar has its own clock.
            news = count.news.replace("  ", " ")
            self.bar.update(self.task, completed=count.done, total=count.total, count=count.place, news=news)


LOGGER = logging.getLogger("onshell")
LOGGER.setLevel(logging.INFO)
LOGGER.propagate = False
LOGGER.addHandler(LineHandler())


def log(item: Count | str) -> None:
    """Log a message, or a count with its numbers as the record's `count`."""
    LOGGER.info("%s", item, extra={"count": item if isinstance(item, Count) else None})


def warn(line: str) -> None:
    """Log that the work goes on, but is not what it may be taken for."""
    LOGGER.warning("%s", line)


@contextlib.contextmanager
def show_progress(what: str) -> Iterator[Progress]:
    """Show `what` as a bar on a terminal, from the start to the end of the block; in a log, every record is a line."""
    if not on_terminal():
        yield log
        return
    handlers = LOGGER.handlers[:]
    with _bar() as bar:
        LOGGER.handlers = [BarHandler(bar, bar.add_task(what, total=None, count="", news=""))]
        try:
            yield log
        finally:
            LOGGER.handlers = handlers


def counter(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that reports, now and then, how many events are done, their rate, the rest."""
    start = last = time.monotonic()

    def count(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > EVERY[on_terminal()]:
            last, rate = now, done / max(now - start, 1e-9)
            left = (total - done) / rate if rate else None
            log(Count(done, total, "event", what, {"events/s": rate}, left=left))

    return count


def on_terminal() -> bool:
    """Return whether somebody looks on; of the processes of torchrun, only the first speaks to them."""
    return sys.stdout.isatty() and os.environ.get("RANK", "0") == "0"


def _bar() -> "Bar":
    """Return a bar that is not shown yet: what, bar, count, time so far, time left, news."""
    from rich import progress as rich

    columns = (rich.TextColumn("{task.description}"), rich.BarColumn(30), rich.TextColumn("{task.fields[count]}"))
    clocks = (rich.TimeElapsedColumn(), rich.TimeRemainingColumn(elapsed_when_finished=False))
    # Speed is that of the whole job: an epoch may take longer than rich's half a minute.
    return rich.Progress(*columns, *clocks, rich.TextColumn("{task.fields[news]}"), speed_estimate_period=1e9)
