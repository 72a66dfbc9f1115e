"""Disks and folders that refuse: contexts for tests of what is written when writing fails."""

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Yield `folder` as a file system of its own with room for `size`; skip the test where mounting is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond `n_bytes` (what `ulimit -f` does)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Yield `folder` with no permission to write in it; root steps down to an ordinary user meanwhile."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    root = os.geteuid() == 0
    # pytest's temporary folders let only their owner in.
    closed = {parent: parent.stat().st_mode for parent in folder.parents if not parent.stat().st_mode & 0o001}
    if root:
        for parent, mode in closed.items():
            parent.chmod(mode | 0o011)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
            for parent, mode in closed.items():
                parent.chmod(mode)
        folder.chmod(0o755)


def names(folder: Path) -> list[str]:
    """Return the names of everything in `folder`, hidden files too."""
    return sorted(entry.name for entry in folder.iterdir())
