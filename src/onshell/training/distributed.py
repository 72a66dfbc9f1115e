"""The processes that train one model together: started by torchrun, one alone or several that add up gradients.

`onshell train --processes N` becomes torchrun, on one node or more.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from onshell.core.errors import OnshellError
from onshell.training.device import choose_device

SHARDS = 12
"""Fixed shares of the events: each process takes as many, so that the training is always the same."""


@dataclass(frozen=True)
class ProcessGroup:
    """A process, number `rank` of `size`, among those that train together, and its device."""

    device: torch.device
    rank: int = 0
    size: int = 1

    def sum(self, tensor: Tensor) -> Tensor:
        """Return `tensor` itself, with the sum over all processes in it; every process must call this."""
        if self.size > 1:
            try:
                distributed.all_reduce(tensor)
            except RuntimeError as error:
                raise OnshellError(
                    f"process {self.rank} of {self.size}: lost the others; the first that stopped says why"
                ) from error
        return tensor

    def total(self, number: float) -> float:
        """Return the sum of a `number` over all processes."""
        return self.sum(torch.tensor([number], dtype=torch.float64, device=self.device)).item()

    def wait(self) -> None:
        """Return when every process has come here."""
        self.total(0.0)


@contextlib.contextmanager
def process_group(device: str = "auto") -> Iterator[ProcessGroup]:
    """Yield the group of this process: of one, unless torchrun started several; `device` as in `choose_device`.

    Several processes on CUDA take one GPU each, cuda:LOCAL_RANK, and talk by NCCL; on a CPU they talk by Gloo.
    """
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        yield ProcessGroup(choose_device(device))
        return
    if size < 1 or SHARDS % size:
        raise OnshellError(f"torchrun: {size} processes cannot share twelfths of a batch; start 1, 2, 3, 4, 6 or 12")
    rank, local = _number("RANK"), _number("LOCAL_RANK")
    where = choose_device(device)
    if where.type == "cuda":
        if where.index is not None:
            raise OnshellError(f"device: {device!r} for {size} processes, which take a GPU each; use --device cuda")
        if local >= (gpus := torch.cuda.device_count()):
            raise OnshellError(f"torchrun: a GPU for each process, but this machine has {gpus}; use as many processes")
        where = torch.device("cuda", local)
        torch.cuda.set_device(where)
    try:
        cuda = where.type == "cuda"
        distributed.init_process_group(
            "nccl" if cuda else "gloo", rank=rank, world_size=size, device_id=where if cuda else None
        )
    except (RuntimeError, ValueError) as error:
        fault = " ".join(str(error).split())
        raise OnshellError(f"torchrun: process {rank} of {size} cannot join the others ({fault:.200})") from error
    try:
        yield ProcessGroup(where, rank, size)
    finally:
        distributed.destroy_process_group()


def _number(name: str, default: int | None = None) -> int:
    """Return the whole number in the environment variable `name`, which torchrun sets in each process."""
    text = os.environ.get(name)
    if text is None and default is not None:
        return default
    try:
        return int(str(text))
    except (TypeError, ValueError):
        raise OnshellError(
            f"{name}: {text!r} in the environment is not what torchrun sets; start with torchrun, or unset WORLD_SIZE"
        ) from None


def launch(processes: int, nodes: int, device: str, arguments: Sequence[str]) -> None:
    """Return if this process is to train by itself; else become torchrun, which starts `onshell` with `arguments`.

    `processes`, in all, take a GPU each. On `auto` there are as many as there are GPUs, if fewer, and one on a CPU; on
    cuda and cpu there are exactly as many. Those on several `nodes` are started by srun, inside a Slurm job.

    Raises
    ------
    OnshellError
        For a number of processes that cannot share a batch or the nodes, GPUs that are missing, and several nodes
        outside a Slurm job.
    """
    if "WORLD_SIZE" in os.environ:
        _follow_parent()
        return
    if processes < 1 or SHARDS % processes:
        raise OnshellError(f"--processes {processes}: cannot share twelfths of a batch; use 1, 2, 3, 4, 6 or 12")
    if nodes < 1 or processes % nodes:
        raise OnshellError(f"--nodes {nodes}: {processes} processes are not as many on each; use a divisor")
    here = _processes_here(processes // nodes, device)
    if nodes == 1 and here == 1:
        return
    # -P: no file of the current folder may stand in for a module, here or in the processes.
    alone = [sys.executable, "-P", "-m"]
    command = [*alone, "onshell.training.torchrun", "--nproc-per-node", str(here)]
    if nodes == 1:
        command.append("--standalone")
    else:
        command = [*_srun(nodes, here), *command, "--nnodes", str(nodes), *_rendezvous()]
    sys.stdout.flush()
    os.execvp(command[0], [*command, "--no-python", *alone, "onshell", *arguments])


def _follow_parent() -> None:
    """Have this process terminated when its parent dies: torchrun's workers outlive a torchrun that is killed.

    Linux alone can do this; a batch system with control groups needs no such help.
    """
    if sys.platform != "linux":
        return
    set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGTERM)


def _processes_here(wanted: int, device: str) -> int:
    """Return how many processes to start on a node that `wanted` are meant for."""
    if wanted == 1 or device == "cpu":
        return wanted
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return max(size for size in range(1, max(1, min(wanted, gpus)) + 1) if SHARDS % size == 0)
    if gpus < wanted:
        raise OnshellError(
            f"--device {device}: {wanted} processes on a node take a GPU each, but there are {gpus}; use --processes "
            f"{max(gpus, 1)}, or ask for more GPUs"
        )
    return wanted


def _srun(nodes: int, here: int) -> list[str]:
    """Return the command that starts one torchrun on each node of this job."""
    if "SLURM_JOB_ID" not in os.environ:
        raise OnshellError(f"--nodes {nodes}: only inside a Slurm job; elsewhere start torchrun on each node by hand")
    counts = {"--nodes": nodes, "--ntasks": nodes, "--ntasks-per-node": 1, "--cpus-per-task": here}
    return ["srun", *(word for option, count in counts.items() for word in (option, str(count)))]


def _rendezvous() -> list[str]:
    """Return where the torchruns of a job meet: at this node, the job's first, on a port of the job's own."""
    job = os.environ["SLURM_JOB_ID"]
    port = 20000 + int(job) % 20000
    endpoint = f"{socket.gethostname()}:{port}"
    return ["--rdzv-backend", "c10d", "--rdzv-id", job, "--rdzv-endpoint", endpoint]
