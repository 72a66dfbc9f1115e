"""The start of a training in several processes: `onshell train --processes N` becomes torchrun, on one node or more."""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Sequence

from onshell.core.errors import OnshellError
from onshell.training.processes import SHARDS


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
    here = _here(processes // nodes, device)
    if nodes == 1 and here == 1:
        return
    # -P: no file of the current folder may stand in for a module, here or in the processes.
    alone = [sys.executable, "-P", "-m"]
    command = [*alone, "onshell.training.torchrun", "--nproc-per-node", str(here)]
    if nodes == 1:
        command.append("--standalone")
    else:
        command = [*_srun(nodes, here), *command, "--nnodes", str(nodes), *_meeting()]
    sys.stdout.flush()
    os.execvp(command[0], [*command, "--no-python", *alone, "onshell", *arguments])


def _follow_parent() -> None:
    """Have this process told to stop when its parent dies: torchrun's workers outlive a torchrun that is killed.

    Linux alone can do this; a batch system with control groups needs no such help.
    """
    if sys.platform != "linux":
        return
    set_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None, use_errno=True).prctl(set_death_signal, signal.SIGTERM)


def _here(wanted: int, device: str) -> int:
    """Return how many processes to start on a node that `wanted` are meant for."""
    if wanted == 1 or device == "cpu":
        return wanted
    import torch

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
    return [
        "srun",
        "--nodes",
        str(nodes),
        "--ntasks",
        str(nodes),
        "--ntasks-per-node",
        "1",
        "--cpus-per-task",
        str(here),
    ]


def _meeting() -> list[str]:
    """Return where the torchruns of a job meet: at this node, the job's first, on a port of the job's own."""
    job = os.environ["SLURM_JOB_ID"]
    port = 20000 + int(job) % 20000
    endpoint = f"{socket.gethostname()}:{port}"
    return ["--rdzv-backend", "c10d", "--rdzv-id", job, "--rdzv-endpoint", endpoint]
