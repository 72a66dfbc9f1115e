"""The finished blocks of a sampling: files in a hidden folder beside the table, until the table is whole.

Any number of processes, on any hosts that share the folder, may draw into it at once.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.files import reason, save_whole, sweep, write_json
from onshell.core.forms import Sampling
from onshell.core.reading import checked, load, strict_json

SETTINGS = "settings.json"
EVALUATIONS = "n_evaluations"
PATIENCE = 5.0
"""Seconds in which a folder that another host has made must become visible."""


class GoneError(OnshellError):
    """The blocks were removed by another process: the table is whole, or others have it."""


class Parts:
    """The blocks (k, size) in `sizes` of a sampling with `settings`, each with its states [size, N, 3] at `times`.

    The name of the folder depends on every value of `settings`; nothing is made before `open`.
    """

    def __init__(
        self, out: Path, settings: Mapping[str, Any], sizes: list[tuple[int, int]], times: list[float], n_particles: int
    ):
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        self.out, self.settings = out, dict(settings)
        self.folder = out.with_name(f".{out.name}.parts-{key}")
        self.sizes, self.times, self.n_particles = sizes, times, n_particles

    def open(self, means: Mapping[str, Any]) -> dict[str, Any]:
        """Return the means (device, precision) by which the blocks are drawn: `means`, unless a folder has its own.

        Of processes that come at once, one makes the folder with its means; it is there with them, or not at all.
        """
        end = monotonic() + PATIENCE
        while True:
            try:
                if not self.folder.exists():
                    self._make(means)
                found = strict_json((self.folder / SETTINGS).read_bytes())
                return checked(found, Sampling, str(self.folder), "remove the folder")["means"]
            except FileNotFoundError as error:
                # Removed in between, or not yet visible here.
                if monotonic() > end:
                    raise self._damaged() from error
                sleep(0.1)
            except (ValueError, OnshellError) as error:
                raise self._damaged() from error
            except OSError as error:
                raise reason(self.out, error) from error

    def has(self, k: int, tell: Callable[[str], None] = lambda line: None) -> bool:
        """Return whether block `k` is there and whole; of a damaged one, which will be drawn again, `tell` says so."""
        try:
            self._read(k)
        except GoneError:
            return False
        except OnshellError as error:
            tell(f"{error}")
            return False
        return True

    def write(self, k: int, states: Mapping[float | str, Tensor], evaluations: int = 0) -> None:
        """Write block `k`, its states by time and columns by name, or raise `GoneError`.

        For it a network was evaluated so often.
        """
        if not self._is_there():
            raise self._gone()

        def ready() -> None:
            """Raise if the folder was removed meanwhile, and perhaps made again for this block alone."""
            if not self._is_there():
                raise self._gone()

        try:
            save_whole({**states, EVALUATIONS: evaluations}, self._path(k), ready)
        except OnshellError as error:
            # Where the folder was made again, what was written is missing in it.
            if self._is_there() and not isinstance(error.__cause__, FileNotFoundError):
                raise
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            raise self._gone() from error

    def evaluations(self) -> float:
        """Return how often a network was evaluated per event, the mean over events, or raise `GoneError`."""
        made = sum(size * self._read(k).get(EVALUATIONS, 0) for k, size in self.sizes)
        return made / sum(size for _, size in self.sizes)

    def events(self, scale: float) -> Iterator[Tensor]:
        """Yield the states of all blocks at the last time, times `scale`, or raise `GoneError`."""
        for momenta, _ in self.rows(scale):
            yield momenta

    def rows(self, scale: float) -> Iterator[tuple[Tensor, dict[str, np.ndarray]]]:
        """Yield what `events` yields, each with the columns of its block."""
        for k, _ in self.sizes:
            block = self._read(k)
            columns = {key: block[key].numpy() for key in block if isinstance(key, str) and key != EVALUATIONS}
            yield scale * block[self.times[-1]], columns

    def by_time(self, scale: float) -> Iterator[tuple[Tensor, dict[str, np.ndarray]]]:
        """Yield the states times `scale` with the columns `event` and `time`, time after time, or raise `GoneError`."""
        for time in self.times:
            first = 0
            for k, size in self.sizes:
                columns = {"event": np.arange(first, first + size), "time": np.full(size, time)}
                yield scale * self._read(k)[time], columns
                first += size

    def sweep(self) -> None:
        """Remove what processes that were killed had begun to write."""
        for k, _ in self.sizes:
            sweep(self._path(k))

    def remove(self) -> None:
        """Remove the folder, and those of other settings for the same table."""
        form = f".{self.out.name}.parts-"
        for folder in [entry for entry in self.out.parent.iterdir() if entry.name.startswith(form)]:
            # Renamed first: whoever still draws meets no folder, and not one that is half removed.
            grave = folder.with_name(f"{form}gone-{_token()}")
            with contextlib.suppress(OSError):
                folder.rename(grave)
            shutil.rmtree(grave, ignore_errors=True)

    def _make(self, means: Mapping[str, Any]) -> None:
        """Make the folder with its settings in it, unless another process is quicker."""
        new = self.folder.with_name(f"{self.folder.name}-{_token()}")
        try:
            new.mkdir(parents=True)
            write_json(new / SETTINGS, {"means": dict(means), "settings": self.settings})
            # A folder takes the place of none, and never that of one with a file in it.
            new.rename(self.folder)
        except OSError:
            if not self.folder.is_dir():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _is_there(self) -> bool:
        """Return whether the folder is there as `open` found it: with its settings."""
        return (self.folder / SETTINGS).is_file()

    def _read(self, k: int) -> dict[Any, Any]:
        """Return the states of block `k` by time, and its columns by name; whatever is damaged is refused."""
        path, remedy = self._path(k), "it is drawn again when it is missing: remove it and run again"
        try:
            block = load(path, "block of a sampling", remedy)
        except OnshellError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise self._gone() from error
            raise
        shape = (self.sizes[k][1], self.n_particles, 3)
        if not all(getattr(block.get(time), "shape", None) == shape for time in self.times):
            raise OnshellError(f"{path}: a foreign or damaged block of a sampling; {remedy}")
        return block

    def _path(self, k: int) -> Path:
        return self.folder / f"{k:06}.pt"

    def _gone(self) -> GoneError:
        return GoneError(
            f"{self.out}: its blocks were removed while this process worked: another has written the table; let one at "
            "a time do so, and run again if the table is not the one that you want"
        )

    def _damaged(self) -> OnshellError:
        return OnshellError(f"{self.folder}: the {SETTINGS} in it is missing or damaged; remove the folder")


def _token() -> str:
    """Return a word that no other process uses."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
