"""Command lines on damaged files, in this process, and what is wrong with how each of them ends."""

import contextlib
import io
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from onshell import cli
from onshell.core.errors import OnshellError

PATIENCE = 10.0
"""Seconds of the processor after which a command hangs."""
MEMORY = 4 * 2**30
"""Bytes that a command may take beyond what the process has."""
NOISE = (RuntimeWarning, UserWarning, FutureWarning)


class Hang(BaseException):
    """A command that takes too long."""


@dataclass
class Outcome:
    """How a command line ended: its exit code, what it wrote on standard error, and an unexpected error."""

    code: object = 0
    lines: list[str] = field(default_factory=list)
    unforeseen: str | None = None


def run(words: list[str]) -> Outcome:
    """Return the outcome of `onshell` with these words, called in the present folder."""
    outcome, errors, app = Outcome(), io.StringIO(), cli.app

    def watched(*arguments: object, **options: object) -> None:
        # `main` makes one line of whatever happens; here it must be known what happened.
        try:
            app(*arguments, **options)
        except (OnshellError, SystemExit, Hang, BrokenPipeError):
            raise
        except BaseException as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "onshell" in frame.filename]
            at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
            outcome.unforeseen = f"{type(error).__name__} at {at}: {' '.join(str(error).split())[:100]}"
            raise

    with _limited(), warnings.catch_warnings(record=True) as noise, _process_kept():
        warnings.simplefilter("default")
        sys.argv, cli.app = ["onshell", *words], watched
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")), contextlib.redirect_stderr(errors):
            try:
                cli.main()
            except SystemExit as end:
                if isinstance(end.code, str):
                    print(end.code, file=errors)
                outcome.code = 1 if isinstance(end.code, str) else end.code or 0
            except Hang:
                outcome.code = f"none after {PATIENCE} s"
            except BaseException as error:
                outcome.code = f"none, but {type(error).__name__}"
    outcome.lines = errors.getvalue().splitlines()
    outcome.lines += [f"{w.category.__name__}: {w.message}" for w in noise if issubclass(w.category, NOISE)]
    return outcome


@contextlib.contextmanager
def _process_kept() -> Iterator[None]:
    """Put back what a command changes of its process."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    words, path, app, environment = sys.argv, list(sys.path), cli.app, dict(os.environ)
    try:
        yield
    finally:
        sys.argv, sys.path[:], cli.app = words, path, app
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise `Hang` when the block takes too long, and MemoryError when it takes too much memory."""

    def hang(number: int, frame: object) -> None:
        raise Hang

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    old = signal.signal(signal.SIGPROF, hang)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def faults(outcome: Outcome, before: dict[str, bytes], after: dict[str, bytes], damaged: str) -> list[str]:
    """Return what is wrong with an outcome, of a command line that reads the file `damaged` and may write `out`*."""
    found = [] if outcome.unforeseen is None else [outcome.unforeseen]
    lines = [line for line in outcome.lines if not line.startswith("onshell: warning: ")]
    if outcome.code == 0:
        found += [f"besides: {line[:200]}" for line in lines]
    elif outcome.code == 1:
        if len(lines) != 1 or not lines[0].startswith("onshell: error: "):
            found.append(f"not one line of error: {' | '.join(lines)[:300]}")
        elif damaged not in lines[0]:
            found.append(f"{damaged} is not named: {lines[0][:300]}")
    elif outcome.code != 2:
        found.append(f"exit code {outcome.code}")
    found += [f"{name} was changed" for name in before if after.get(name) != before[name]]
    new = [name for name in after if name not in before]
    if outcome.code == 0:
        new = [name for name in new if not Path(name).parts[0].startswith("out")]
    # A sampling goes on from its finished blocks, so it keeps them.
    new = [name for name in new if not Path(name).parts[0].startswith(".out.parquet.parts-")]
    return found + [f"{name} was left behind" for name in new]
