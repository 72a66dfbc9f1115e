"""Chunks of events that are laid aside on the disk, in a file without a name: when the process ends, it is gone."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch

from onshell.core.files import reason
from onshell.events.table import Chunk


class Spool:
    """Chunks of events on the disk, beside the file `out` that they go to; errors about the disk name that."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.names: list[list[str]] = []
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self.file = tempfile.TemporaryFile(dir=out.parent)  # noqa: SIM115
        except OSError as error:
            raise reason(out, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, chunks: Iterable[tuple[torch.Tensor, dict[str, np.ndarray]]]) -> None:
        """Lay chunks aside: momenta and columns."""
        for momenta, columns in chunks:
            self.names.append(list(columns))
            try:
                for values in (momenta.numpy(), *columns.values()):
                    np.save(self.file, np.ascontiguousarray(values), allow_pickle=False)
            except OSError as error:
                raise reason(self.out, error) from error

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks in their order."""
        self.file.seek(0)
        for names in self.names:
            momenta = torch.from_numpy(np.load(self.file))
            yield momenta, {name: np.load(self.file) for name in names}
