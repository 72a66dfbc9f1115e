"""Products appear whole or not at all: write to a temporary name beside the target, then rename.

The temporary name is ``.<stem>.<host>-<pid>-<hex>.part<suffix>``. A writer that was killed outright leaves its
temporary file behind; the next successful write of the same target removes it, if that writer ran on this host and is
gone, or if the file has lain untouched for a week (a writer on another host cannot be asked whether it still lives).
"""

import contextlib
import errno
import json
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from onshell.core.errors import OnshellError

ABANDONED = 7 * 24 * 3600.0
"""Age in seconds of the last touch after which another host's temporary file counts as a leftover."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_WRITING = _FULL | _FORBIDDEN | {errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN}


def reason(path: Path, error: OSError) -> OnshellError:
    """Return the one-line user error for an operating-system error met while writing `path`."""
    if error.errno in _FULL:
        return OnshellError(f"{path}: no space left on the device; free some and run again (nothing was written)")
    if error.errno == errno.EFBIG:
        return OnshellError(
            f"{path}: larger than the file system or `ulimit -f` allows; raise the limit (nothing was written)"
        )
    if error.errno in _FORBIDDEN:
        return OnshellError(
            f"{path}: cannot write here ({error.strerror}); change the permissions or the output folder"
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return OnshellError(
            f"{path}: cannot be written, since a file lies where its folder should be; move that file away"
        )
    if error.errno == errno.EISDIR:
        return OnshellError(f"{path}: cannot be written, since a folder has that name; move it away")
    return OnshellError(f"{path}: cannot be written ({error.strerror or error}); check the disk and the path")


def _host() -> str:
    """Return this host's name with nothing in it that would upset the temporary name."""
    return re.sub(r"[^A-Za-z0-9]", "_", socket.gethostname()) or "host"


def _alive(pid: int) -> bool:
    """Return whether a process `pid` runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _leftovers(path: Path) -> Iterator[Path]:
    """Yield the temporary files of `path` whose writers are gone."""
    form = re.compile(re.escape(f".{path.stem}.") + r"(\w+)-(\d+)-[0-9a-f]{8}\.part" + re.escape(path.suffix))
    for entry in path.parent.iterdir():
        match = form.fullmatch(entry.name)
        if match is None:
            continue
        host, pid = match[1], int(match[2])
        here = host == _host()
        # Another that sweeps may remove it first.
        with contextlib.suppress(FileNotFoundError):
            if (here and not _alive(pid)) or (not here and time.time() - entry.stat().st_mtime > ABANDONED):
                yield entry


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable, where the file system knows how."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _concerns(error: OSError, path: Path, part: Path) -> bool:
    """Return whether `error` is about writing `path`, and not about another file that the block was busy with."""
    if error.filename is None:
        # Libraries that write in C++ give no name; only errors that writing alone can raise count as ours.
        return error.errno in _WRITING
    named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else None
    return named is not None and (named in (path, part) or named in path.parents)


def _cause(error: BaseException) -> OSError | None:
    """Return the operating-system error at or beneath `error` (libraries hide a full disk inside errors of theirs)."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, OSError):
        seen = seen.__cause__ or seen.__context__
    return seen


def json_text(document: Mapping[str, Any]) -> str:
    """Return a JSON document, finite numbers only, as text."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def write_json(
    path: str | os.PathLike[str], document: Mapping[str, Any], ready: Callable[[], None] | None = None
) -> None:
    """Write a JSON document whole or not at all; `ready` as in `whole`."""
    with whole(path, ready) as part:
        part.write_text(json_text(document), encoding="utf-8")


def save_whole(content: Any, path: str | os.PathLike[str], ready: Callable[[], None] | None = None) -> None:
    """Write plain types and tensors to `path` as torch does, whole or not at all; equal content gives equal bytes.

    `ready` as in `whole`.

    Through a file handle: torch's own writer puts the file's temporary name into it, and hides why a write failed.
    """
    import torch

    with whole(path, ready) as part, part.open("wb") as handle:
        torch.save(content, handle)


def target(path: str | os.PathLike[str]) -> Path:
    """Return the file that writing to `path` writes: where a link leads, the file there and not the link.

    Raises
    ------
    OnshellError
        When `path` is a device, a pipe or a socket, which a file must not take the place of, or a link to itself.
    """
    path = Path(path)
    with contextlib.suppress(OSError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise OnshellError(f"{path}: is a device or a pipe, which no product can replace; name a file")
    if not path.is_symlink():
        return path
    there = Path(os.path.realpath(path))
    if there.is_symlink():
        raise OnshellError(f"{path}: is a link that leads to itself; remove it, or name another file")
    return there


@contextlib.contextmanager
def whole(path: str | os.PathLike[str], ready: Callable[[], None] | None = None) -> Iterator[Path]:
    """Yield a temporary path of the same suffix in the same folder; it becomes `path` only if the block succeeds.

    The folder is made, and tried, before the block runs: a long computation does not end at a folder that cannot be
    written. An `OSError` about another file than the target passes through untouched. A link stays, and what it leads
    to is written. `ready` is called when all is written, before the file takes its place; what it raises keeps the file
    from it.

    Raises
    ------
    OnshellError
        When the target cannot be written: no permission, a file where the folder should be, a full disk, a device.
    """
    with all_whole(path, ready=ready) as (part,):
        yield part


@contextlib.contextmanager
def all_whole(*paths: str | os.PathLike[str], ready: Callable[[], None] | None = None) -> Iterator[tuple[Path, ...]]:
    """Yield a temporary path for each of `paths`, as `whole` does; all of them become products, or none does."""
    targets = [target(path) for path in paths]
    mark = f"{_host()}-{os.getpid()}-{secrets.token_hex(4)}"
    parts = [path.with_name(f".{path.stem}.{mark}.part{path.suffix}") for path in targets]
    for path, part in zip(targets, parts, strict=True):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
            part.touch(exist_ok=False)
            part.unlink()
        except OSError as error:
            raise reason(path, error) from error
    try:
        yield tuple(parts)
        # Only when all are safe on the disk does the first appear.
        for part in parts:
            with part.open("rb+") as handle:
                os.fsync(handle.fileno())
        if ready is not None:
            ready()
        for path, part in zip(targets, parts, strict=True):
            part.replace(path)
    except OnshellError:
        raise
    except Exception as error:
        cause = _cause(error)
        # An error that names no file is about the one that was begun last.
        begun = [path for path, part in zip(targets, parts, strict=True) if part.exists()] or targets
        pairs = sorted(zip(targets, parts, strict=True), key=lambda pair: pair[0] != begun[-1])
        found = next((path for path, part in pairs if cause is not None and _concerns(cause, path, part)), None)
        if found is None or cause is None:
            raise
        raise reason(found, cause) from error
    finally:
        for part in parts:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    for path in targets:
        _sync_folder(path.parent)
        sweep(path)


def sweep(path: Path) -> None:
    """Remove the temporary files of `path` whose writers are gone."""
    with contextlib.suppress(OSError):
        for leftover in _leftovers(path):
            leftover.unlink(missing_ok=True)
