"""Who writes into a run's folder: one training at a time, on whatever host, and a second is told which.

The claim is a small file whose holder beats: it counts up in place every few seconds. A claim that does not beat any
more is that of a training which was killed outright, and is taken over. Clocks of two hosts need not agree.
"""

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from onshell.core.errors import OnshellError
from onshell.core.files import reason
from onshell.core.progress import Progress

NAME = ".writer.json"
BEAT = 5.0
"""Seconds between two beats of a claim."""
WATCH = 40.0
"""Seconds without a beat after which a claim is taken over; shared file systems may show a beat late."""

Check = Callable[[], None]
Claim = tuple[dict[str, Any], str]
"""Who writes, and the count of beats."""


@contextlib.contextmanager
def claimed(folder: Path, progress: Progress) -> Iterator[Check]:
    """Yield a function that raises if the claim on `folder` was lost; to be called before anything is written there.

    Raises
    ------
    OnshellError
        When another training writes into `folder`: its host, process and Slurm job are named.
    """
    path, mine = folder / NAME, _self()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while (handle := _made(path, mine)) is None:
            _wait_for_death(path, progress)
    except OSError as error:
        raise reason(path, error) from error

    def check() -> None:
        """Raise if the claim is no longer this training's."""
        try:
            seen = _settled(path)
        except OSError as error:
            raise reason(path, error) from error
        if seen is None:
            raise OnshellError(f"{path}: was removed while this process trained; it stops here and writes nothing more")
        if _token(seen) != mine["token"]:
            raise OnshellError(
                f"{folder}: {_holder(seen)} took over while this process stood still; it stops here and writes "
                "nothing more"
            )

    over = threading.Event()
    beating = threading.Thread(target=_beat, args=(handle, mine, over), daemon=True)
    beating.start()
    try:
        yield check
    finally:
        over.set()
        beating.join()
        with contextlib.suppress(OSError):
            if _token(_settled(path)) == mine["token"]:
                _remove(path, lambda claim: _token(claim) == mine["token"])


def _self() -> dict[str, Any]:
    """Return who this process is."""
    return {
        "token": secrets.token_hex(8),
        "host": socket.gethostname(),
        "space": _pid_space(),
        "pid": os.getpid(),
        "born": _born(os.getpid()),
        "job": os.environ.get("SLURM_JOB_ID"),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _pid_space() -> str | None:
    """Return what tells the process numbers of this container from those of another, where Linux says it."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return None


def _born(pid: int) -> str | None:
    """Return when the process `pid` started, in the kernel's count, or None where that is not known or it is gone."""
    with contextlib.suppress(OSError, IndexError):
        # The name of the program, in brackets, may hold anything; the state comes after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    return None


def _made(path: Path, mine: dict[str, Any]) -> IO[str] | None:
    """Return the open file of the claim `mine` if it was laid down, whole, where there was none."""
    part = path.with_name(f".writer.{mine['token']}.part")
    part.write_text(_text(mine, 0))
    try:
        # A link appears at once or not at all, on network file systems too.
        os.link(part, path)
    except FileExistsError:
        return None
    finally:
        part.unlink()
    # This process may have stood still since, and another taken over: the open file itself says whose it is, and
    # stays that file whatever happens to its name.
    try:
        handle = path.open("r+")
    except FileNotFoundError:
        return None
    if _token(_parsed(handle.read())) == mine["token"]:
        return handle
    handle.close()
    return None


def _text(claim: dict[str, Any], beats: int) -> str:
    """Return the content of a claim's file; its length does not depend on the number of beats."""
    return f"{json.dumps(claim)}\n{beats:012}\n"


def _beat(handle: IO[str], mine: dict[str, Any], over: threading.Event) -> None:
    """Count up in the claim's own file, `handle`, until all is over; a file that took its place is never touched."""
    # Whoever watches finds no beat after an error and takes over; `check` then ends this training.
    with contextlib.suppress(OSError), handle:
        beats = 0
        while not over.wait(BEAT):
            beats += 1
            handle.seek(0)
            handle.write(_text(mine, beats))
            handle.flush()
            os.fsync(handle.fileno())


def _wait_for_death(path: Path, progress: Progress) -> None:
    """Return when the claim at `path` is gone or was removed as its holder's who is dead; raise if it lives."""
    seen = _read(path)
    if seen is None:
        return
    claim, first = seen
    if claim.get("host") == socket.gethostname() and claim.get("space") == _pid_space() is not None:
        if claim.get("born") == _born(claim.get("pid", -1)) is not None:
            raise _refusal(path, seen)
    else:
        progress(f"{path.parent}: {_holder(seen)} may still write here; watching it for {WATCH:.0f} s")
        end = time.monotonic() + WATCH
        while time.monotonic() < end:
            time.sleep(min(1.0, BEAT / 5))
            now = _read(path)
            if now is None:
                return
            if now != (claim, first):
                raise _refusal(path, now)
    progress(f"{path.parent}: {_holder(seen)} is gone; taking over")
    _remove(path, lambda claim: claim == seen)


def _remove(path: Path, meant: Callable[[Claim | None], bool]) -> None:
    """Remove the claim at `path` if it is the one that is `meant`; one that came meanwhile is put back.

    Of two that remove a claim, one moves it away, and looks at it where nobody else does.
    """
    grave = path.with_name(f".writer.{secrets.token_hex(8)}.part")
    with contextlib.suppress(FileNotFoundError):
        path.rename(grave)
        if not meant(_read(grave)):
            # Unless a third has come.
            with contextlib.suppress(FileExistsError):
                os.link(grave, path)
        grave.unlink()


def _settled(path: Path) -> Claim | None:
    """Return the claim in `path`, or None; one that `_remove` has moved away may be back in a moment."""
    for _ in range(20):
        if (seen := _read(path)) is not None:
            return seen
        time.sleep(0.05)
    return None


def _read(path: Path) -> Claim | None:
    """Return the claim in `path`, or None if there is none."""
    try:
        return _parsed(path.read_text(errors="replace"))
    except FileNotFoundError:
        return None


def _parsed(text: str) -> Claim:
    """Return the claim that a file's `text` is; a damaged one is a dead one."""
    claim, _, beats = text.partition("\n")
    try:
        content = json.loads(claim)
    except (ValueError, RecursionError):
        return {}, ""
    return (content if isinstance(content, dict) else {}), beats


def _token(claim: Claim | None) -> str | None:
    """Return the token of a claim."""
    return None if claim is None else claim[0].get("token")


def _holder(seen: Claim | None) -> str:
    """Return the holder of a claim in words."""
    claim = {} if seen is None else seen[0]
    job = f", Slurm job {claim['job']}" if claim.get("job") else ""
    return f"process {claim.get('pid', '?')} on {claim.get('host', '?')}{job}, there since {claim.get('since', '?')},"


def _refusal(path: Path, seen: Claim) -> OnshellError:
    """Return the error that says who writes here."""
    job = seen[0].get("job")
    stop = f"scancel {job}" if job else f"kill {seen[0].get('pid', '?')} there"
    return OnshellError(
        f"{path.parent}: {_holder(seen)} is training this run; wait for it, or stop it ({stop}) and call again"
    )
