"""Who writes into a run's folder: one training at a time, on whatever host, and a second one learns which.

The holder of the lease refreshes it every few seconds. One that is not refreshed any more is that of a training which
was killed outright, or stands still, and is taken over; clocks of two hosts need not agree. A holder that wakes up
after that is fenced off: it asks whether the lease is still its own before any file takes its place.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from onshell.core.errors import OnshellError
from onshell.core.files import reason
from onshell.core.progress import Progress

LOCK, HOLDER = ".writer.lock", ".writer.json"
"""The lease, and who holds it, in words for a second writer and for `onshell doctor`."""
BEAT = 5.0
"""Seconds between two refreshes of a lease."""
WATCH = 40.0
"""Seconds without one after which it is taken over; shared file systems may show a refresh late."""
SOON = 0.5
"""Seconds in which the lease of a process of this host that is dead is taken over."""


@contextlib.contextmanager
def claimed(folder: Path, progress: Progress) -> Iterator[Callable[[], None]]:
    """Yield a function that raises if the lease on `folder` was lost; to be called before anything is written there.

    Raises
    ------
    OnshellError
        When another training writes into `folder`: its host, process and Slurm job are named.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lease = SoftFileLease(folder / LOCK, lease_duration=WATCH, heartbeat_interval=BEAT)
        _acquire(lease, folder, progress)
    except LeaseSettingsMismatch as error:
        raise OnshellError(f"{folder}: {error}; use the same version of onshell for both") from error
    except OSError as error:
        raise reason(folder / LOCK, error) from error
    try:
        _sign(lease, folder)
        yield lambda: _check(lease, folder)
    finally:
        with contextlib.suppress(OSError, OnshellError):
            _check(lease, folder)
            (folder / HOLDER).unlink(missing_ok=True)
        # Only a lease that is still this process's own is removed.
        with contextlib.suppress(OSError):
            lease.release()


def _sign(lease: SoftFileLease, folder: Path) -> None:
    """Write who holds the lease."""
    mine = {"token": lease.token, "pid": os.getpid(), "host": socket.gethostname(), "space": _pid_space()}
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({**mine, "job": os.environ.get("SLURM_JOB_ID"), "since": since})
    try:
        (folder / HOLDER).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise reason(folder / HOLDER, error) from error


def _acquire(lease: SoftFileLease, folder: Path, progress: Progress) -> None:
    """Take the lease on `folder`, of a holder that is dead, too, or raise if it lives."""
    path, holder = folder / LOCK, None
    if path.exists():
        holder = _holder(lease, folder)
    try:
        lease.acquire(timeout=SOON)
    except Timeout:
        found = _read(folder)
        owner = lease.owner
        if owner is not None and owner.token == found.get("token") and found.get("space") == _pid_space() is not None:
            # That of a dead process of this host is taken over at once: this one lives, though it may stand still.
            raise _refusal(lease, folder) from None
        holder, seen = _holder(lease, folder), _stamp(path)
        progress(f"{folder}: {holder} may still write here; watching it for {WATCH:.0f} s")
        try:
            lease.acquire(
                timeout=WATCH + 2 * BEAT,
                poll_interval=min(1.0, BEAT / 5),
                cancel_check=lambda: _stamp(path) not in (seen, None),
            )
        except Timeout:
            raise _refusal(lease, folder) from None
    if holder is not None:
        progress(f"{folder}: {holder} is gone; taking over")


def _check(lease: SoftFileLease, folder: Path) -> None:
    """Raise if the lease is no longer this process's."""
    end = time.monotonic() + 1.0
    # Whoever takes over a lease may move it aside for a moment, to look at it where nobody else does.
    while (owner := lease.owner) is None and time.monotonic() < end:
        time.sleep(0.05)
    if owner is None:
        raise OnshellError(
            f"{folder / LOCK}: was removed while this process trained; it stops here and writes nothing more"
        )
    if owner.token != lease.token:
        raise OnshellError(
            f"{folder}: {_holder(lease, folder)} took over while this process stood still; it stops here and writes "
            "nothing more"
        )


def _pid_space() -> str | None:
    """Return what tells the process numbers of this container from those of another, where Linux says it."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what a refresh of the lease, and any other in its place, changes; None if it is gone."""
    with contextlib.suppress(FileNotFoundError):
        status = path.stat()
        return status.st_mtime_ns, status.st_ino
    return None


def _read(folder: Path) -> dict[str, Any]:
    """Return what the holder of `folder` says of itself; nothing if that is damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        found = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _holder(lease: SoftFileLease, folder: Path) -> str:
    """Return the holder of the lease in words."""
    found, owner = _read(folder), lease.owner
    if owner is not None and found.get("token") != owner.token:
        found = {"pid": owner.pid, "host": owner.hostname}
    job = f", Slurm job {found['job']}" if found.get("job") else ""
    since = f", there since {found['since']}," if found.get("since") else ""
    return f"process {found.get('pid', '?')} on {found.get('host', '?')}{job}{since}"


def _refusal(lease: SoftFileLease, folder: Path) -> OnshellError:
    """Return the error that says who writes here."""
    if lease.owner is None:
        return OnshellError(
            f"{folder}: another may be training this run, whose lock does not say who; if none is, remove "
            f"{folder / LOCK} and call again"
        )
    found = _read(folder)
    stop = f"scancel {found['job']}" if found.get("job") else f"kill {lease.owner.pid} there"
    return OnshellError(
        f"{folder}: {_holder(lease, folder)} is training this run; wait for it, or stop it ({stop}) and call again"
    )
