"""`onshell train --processes N` becomes torchrun, or srun and torchrun."""

import subprocess
import sys

import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.training import distributed
from onshell.training.distributed import launch as start


@pytest.fixture(autouse=True)
def outside(monkeypatch):
    for name in ("WORLD_SIZE", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def started(monkeypatch):
    """The commands that processes became."""
    found = []
    monkeypatch.setattr(distributed.os, "execvp", lambda program, command: found.append(command))
    return found


def gpus(monkeypatch, number):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)


@pytest.mark.parametrize(
    ("device", "wanted", "there", "processes"),
    [
        ("auto", 4, 0, None),
        ("auto", 4, 1, None),
        ("auto", 4, 8, 4),
        ("auto", 4, 3, 3),
        ("auto", 12, 5, 4),
        ("auto", 12, 8, 6),
        ("cuda", 4, 4, 4),
        ("cuda", 1, 1, None),
        ("cpu", 2, 0, 2),
    ],
)
def test_one_process_for_each_gpu(device, wanted, there, processes, started, monkeypatch):
    gpus(monkeypatch, there)
    start(wanted, 1, device, ["train", "run"])
    # -P: a file in the current folder, such as random.py, is no module of theirs.
    alone = [sys.executable, "-P", "-m"]
    torchrun = [*alone, "onshell.training.torchrun", "--nproc-per-node", str(processes), "--standalone"]
    assert started == ([[*torchrun, "--no-python", *alone, "onshell", "train", "run"]] if processes else [])


def test_several_nodes_meet_at_the_first(started, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "41234")
    start(4, 2, "cpu", ["train", "run"])
    (command,) = started
    srun, torchrun = command[: command.index(sys.executable)], " ".join(command[command.index(sys.executable) + 1 :])
    assert srun == ["srun", "--nodes", "2", "--ntasks", "2", "--ntasks-per-node", "1", "--cpus-per-task", "2"]
    assert torchrun == (
        f"-P -m onshell.training.torchrun --nproc-per-node 2 --nnodes 2 --rdzv-backend c10d --rdzv-id 41234 "
        f"--rdzv-endpoint {distributed.socket.gethostname()}:21234 --no-python {sys.executable} -P -m onshell train run"
    )


def test_a_process_that_was_started_by_torchrun_starts_no_other(started, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    start(2, 1, "cpu", ["train", "run"])
    assert started == []


@pytest.mark.parametrize(
    ("processes", "nodes", "device", "said"),
    [
        (5, 1, "cpu", "--processes 5: cannot share"),
        (0, 1, "cpu", "--processes 0: cannot share"),
        (4, 3, "cpu", "--nodes 3: 4 processes are not as many on each"),
        (4, 0, "cpu", "--nodes 0: "),
        (4, 2, "cpu", "--nodes 2: only inside a Slurm job"),
        (4, 1, "cuda", "4 processes on a node take a GPU each, but there are 2; use --processes 2"),
    ],
)
def test_what_cannot_be_started_is_named(processes, nodes, device, said, started, monkeypatch):
    gpus(monkeypatch, 2)
    with pytest.raises(OnshellError, match=said):
        start(processes, nodes, device, ["train", "run"])
    assert started == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_worker_is_told_when_its_parent_dies():
    worker = "import signal, sys; from onshell.training.distributed import _follow_parent; _follow_parent(); "
    worker += "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('told', flush=True))); "
    worker += "print('ready', flush=True); signal.pause()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    assert process.stdout.read() == "told\n"
    process.stdout.close()
