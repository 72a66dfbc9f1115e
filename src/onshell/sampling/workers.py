"""Processes that draw blocks side by side: `python -m onshell.sampling.workers`, with a task as JSON on standard input.

A worker says on standard output which blocks are done, and ends when its standard input does: with its parent.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from onshell.core.errors import OnshellError, unexpected
from onshell.sampling.parts import GoneError, Parts
from onshell.sampling.sampler import draw, read_same_model

COMMAND = (sys.executable, "-P", "-m", "onshell.sampling.workers")
PATIENCE = 20.0
"""Seconds in which a worker must end when it is told to."""


def draw_by_workers(tasks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Yield each block (k, size) that one of the workers, one for each of `tasks`, has finished.

    When one fails, or the caller is stopped, all of them are; the blocks that they have finished stay.

    Raises
    ------
    OnshellError
        The error of the first worker that failed.
    """
    heard: queue.Queue[tuple[int, str]] = queue.Queue()
    workers: list[subprocess.Popen] = []
    listeners: list[threading.Thread] = []
    try:
        for rank, task in enumerate(tasks):
            worker = subprocess.Popen(
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(task)
            )
            workers.append(worker)
            listeners.append(threading.Thread(target=_listen, args=(rank, worker.stdout, heard), daemon=True))
            listeners[-1].start()
            # One that has died already says why below.
            with contextlib.suppress(BrokenPipeError):
                worker.stdin.write(json.dumps(task) + "\n")
                worker.stdin.flush()
        at_work = len(workers)
        while at_work:
            rank, line = heard.get()
            if not line:
                at_work -= 1
                if code := workers[rank].wait():
                    raise _failure(rank, len(workers), code)
                continue
            news = json.loads(line)
            if "error" in news:
                raise (GoneError if news["gone"] else OnshellError)(news["error"])
            yield tuple(news["block"])
    finally:
        _stop(workers)
        for listener in listeners:
            listener.join()


def task_of(model: Path, parts: Parts, blocks: Sequence[tuple[int, int]], **options: Any) -> dict[str, Any]:
    """Return the task of drawing `blocks` of `parts` from the model file `model`, as plain types."""
    keys = {"settings": parts.settings, "sizes": parts.sizes, "times": parts.times, "n_particles": parts.n_particles}
    return {"model": str(model), "parts": {"out": str(parts.out), **keys}, "blocks": list(blocks), **options}


def main() -> None:
    """Do the task on standard input."""
    # What libraries print must not come between the lines for the parent.
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which stops its workers
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with open(0, "rb", buffering=0, closefd=False) as orders:
        task = json.loads(orders.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(**news: Any) -> None:
        print(json.dumps(news), file=told, flush=True)

    keys = task.pop("parts")
    try:
        parts = Parts(Path(keys.pop("out")), **keys)
        model, blocks = Path(task.pop("model")), task.pop("blocks")
        for block in draw(read_same_model(model, parts), model, parts, blocks, **task):
            tell(block=block)
    except OnshellError as error:
        tell(error=str(error), gone=isinstance(error, GoneError))
        sys.exit(1)
    except Exception as error:
        if os.environ.get("ONSHELL_TRACEBACK", "0") not in ("", "0"):
            raise
        tell(error=unexpected(error), gone=False)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself now


def _environment(task: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a worker: one thread on a processor, where the workers are the threads."""
    alone = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} if task["device"] == "cpu" else {}
    return {**os.environ, **alone}


def _listen(rank: int, lines: IO[str], heard: "queue.Queue[tuple[int, str]]") -> None:
    """Pass on the lines of a worker, and an empty one at their end."""
    with lines:
        for line in lines:
            heard.put((rank, line))
    heard.put((rank, ""))


def _failure(rank: int, size: int, code: int) -> OnshellError:
    """Return the error of a worker that ended with `code` and said nothing."""
    why = f"failed with exit code {code}, see above"
    if code < 0:
        hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
        why = f"was killed by {signal.Signals(-code).name}{hint}"
    return OnshellError(f"process {rank + 1} of {size} {why}; the finished blocks are kept: run again to go on")


def _stop(workers: Sequence[subprocess.Popen]) -> None:
    """End the workers that still run."""
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.close()


def _end_with_parent() -> None:
    """Stop this process when its parent is gone."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
