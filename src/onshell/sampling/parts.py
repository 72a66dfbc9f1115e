"""The finished blocks of a sampling: files in a hidden folder beside the table, until the table is whole."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.files import save_whole


class Parts:
    """The blocks (k, size) in `sizes` of a sampling with `settings`, each with its states [size, N, 3] at `times`.

    Blocks of other settings for the same table `out` are removed.
    """

    def __init__(
        self, out: Path, settings: Mapping[str, Any], sizes: list[tuple[int, int]], times: list[float], n_particles: int
    ):
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        self.folder = out.with_name(f".{out.name}.parts-{key}")
        self.sizes, self.times, self.n_particles = sizes, times, n_particles
        for other in out.parent.glob(f".{out.name}.parts-*"):
            if other != self.folder:
                shutil.rmtree(other, ignore_errors=True)

    def has(self, k: int) -> bool:
        """Return whether block `k` is there and whole."""
        path = self._path(k)
        if not path.exists():
            return False
        try:
            states = torch.load(path, weights_only=True)
            return all(states[time].shape == (self.sizes[k][1], self.n_particles, 3) for time in self.times)
        except Exception:  # whatever a damaged file raises, the block is made again
            return False

    def write(self, k: int, states: Mapping[float, Tensor]) -> None:
        """Write block `k`."""
        save_whole(dict(states), self._path(k))

    def events(self, scale: float) -> Iterator[Tensor]:
        """Yield the states of all blocks at the last time, times `scale`."""
        for k, _ in self.sizes:
            yield scale * self._read(k)[self.times[-1]]

    def by_time(self, scale: float) -> Iterator[tuple[Tensor, dict[str, np.ndarray]]]:
        """Yield the states times `scale` with the columns `event` and `time`, time after time."""
        for time in self.times:
            first = 0
            for k, size in self.sizes:
                columns = {"event": np.arange(first, first + size), "time": np.full(size, time)}
                yield scale * self._read(k)[time], columns
                first += size

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def _read(self, k: int) -> dict[float, Tensor]:
        return torch.load(self._path(k), weights_only=True)

    def _path(self, k: int) -> Path:
        return self.folder / f"{k:06}.pt"
