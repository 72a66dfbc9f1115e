"""Processes found by what they carry in their environment, and stopped: never by the name of a program."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)


def environment(pid: int) -> dict[str, str]:
    """Return the environment with which a process was started; nothing of a process that is gone or another user's."""
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in data.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def outside() -> dict[str, str]:
    """Return this process's environment without what a batch system around it has put there."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH", "SRUN", "SQUEUE"))
    }


def command(pid: int) -> str:
    """Return the command line of a process, "" of one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def opened(pid: int) -> list[str]:
    """Return the paths of the files that a process has open, nothing of a process that is gone."""
    found = []
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.append(str(link.readlink()))
    return found


def pids() -> list[int]:
    """Return the ids of all processes but this one and zombies, which cannot be stopped again."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in found if pid != os.getpid() and alive(pid)]


def alive(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def parent(pid: int) -> int:
    """Return the id of the process that started `pid`, or took it over; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def carrying(**marks: str) -> list[int]:
    """Return the processes with all these variables in their environments."""
    return [pid for pid in pids() if marks.items() <= environment(pid).items()]


def kill(targets: list[int], number: int = signal.SIGKILL) -> list[int]:
    """Return those of `targets` that the signal reached."""
    reached = []
    for pid in targets:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            reached.append(pid)
    return reached


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def adopt_orphans() -> None:
    """Be the parent, from now on, of every descendant whose own parent ends, and see them off when they end themselves.

    Slurm waits seconds for a process group to be gone, and zombies count: not every container's first process reaps.
    """

    def reap(*_: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGCHLD, reap)


def until(seconds: float, pause: float = 0.1) -> Iterator[float]:
    """Yield the seconds gone by, again and again, until `seconds` are over."""
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        yield gone
        time.sleep(pause)
