"""Blocks drawn side by side by processes of one machine, each on a device."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue

import torch

from onshell.core.errors import OnshellError
from onshell.core.progress import Progress
from onshell.sampling.blocks import EVALUATIONS, BlockFiles, Job, Sampler
from onshell.training.device import choose_device


def devices(name: str, processes: int, progress: Progress) -> list[torch.device]:
    """Return the device of each process of a sampling that asks for `processes` of them on the device called `name`.

    On CUDA they take a GPU each. For auto there are as many processes as GPUs, if these are fewer, and one without any;
    for cpu and cuda there are exactly as many as asked for.

    Raises
    ------
    OnshellError
        For a device that is not there, and for more processes on cuda than there are GPUs.
    """
    if processes < 1:
        raise OnshellError(f"--processes {processes}: ask for 1 or more")
    where = choose_device(name)
    if processes == 1 or (where.type == "cpu" and name != "auto"):
        return [where] * processes
    if where.type == "cpu":
        progress(f"no GPU here: one process instead of {processes}; --device cpu starts them on the processor")
        return [where]
    if where.index is not None:
        raise OnshellError(
            f"--device {name}: one GPU for {processes} processes, which take one each; use --device cuda"
        )
    gpus = torch.cuda.device_count()
    if gpus < processes and name != "auto":
        raise OnshellError(
            f"--processes {processes}: they take a GPU each, but there are {gpus}; use --processes {gpus}, or ask for "
            "more GPUs"
        )
    if gpus < processes:
        progress(f"GPUs here: {gpus}, so as many processes instead of {processes}")
    return [torch.device("cuda", index) for index in range(min(processes, gpus))]


def draw_blocks(
    job: Job, files: BlockFiles, wanted: Sequence[tuple[int, int]], places: Sequence[torch.device]
) -> Iterator[tuple[int, int]]:
    """Yield (number of a block, evaluations it took) when it lies in `files`, drawn by a process on each of `places`.

    One place is this process's own. When a process fails, or the caller is stopped, all of them end; the blocks that
    they have finished stay.
    """
    if len(places) == 1:
        sampler = Sampler(job, places[0])
        for k, size in wanted:
            yield k, _draw(sampler, files, k, size)
        return
    context = multiprocessing.get_context("spawn")
    leash, held = context.Pipe(duplex=False)
    queue: SimpleQueue[torch.device] = context.SimpleQueue()
    for place in places:
        queue.put(place)
    # A worker ends when the other end of its leash is closed: by this process, or with it if it is killed outright.
    with contextlib.closing(leash), contextlib.closing(held):
        pool = ProcessPoolExecutor(len(places), context, _begin, (job, files, queue, leash))
        try:
            drawn = {pool.submit(_draw_here, k, size): k for k, size in wanted}
            for future in as_completed(drawn):
                yield drawn[future], future.result()
        except BaseException as error:
            held.close()
            if isinstance(error, BrokenProcessPool):
                raise OnshellError(
                    f"{job.model}: one of {len(places)} processes ended without a word, perhaps for want of memory; "
                    "the finished blocks are kept: run again to go on"
                ) from error
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _draw(sampler: Sampler, files: BlockFiles, k: int, size: int) -> int:
    """Draw and keep block `k`, and return how often the network was evaluated."""
    block = sampler.draw(k, size)
    files.write(k, block)
    evaluations: int = block[EVALUATIONS]
    return evaluations


_WORKER: list[tuple[Sampler, BlockFiles]] = []
"""What a process of the pool draws with."""


def _begin(job: Job, files: BlockFiles, queue: "SimpleQueue[torch.device]", leash: Connection) -> None:
    """Prepare a process of the pool; its model is read with its first block, so that a fault is that block's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(leash,), daemon=True).start()
    _WORKER.append((Sampler(job, queue.get()), files))


def _draw_here(k: int, size: int) -> int:
    """Draw a block in a process of the pool."""
    sampler, files = _WORKER[0]
    return _draw(sampler, files, k, size)


def _end_with_parent(leash: Connection) -> None:
    """End this process at once when nobody holds its leash any more."""
    with contextlib.suppress(EOFError, OSError):
        leash.recv()
    os._exit(1)
