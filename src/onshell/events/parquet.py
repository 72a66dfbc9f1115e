"""An event table opened for reading: what can be wrong with the file itself is refused here, in one line."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from onshell.core.errors import OnshellError
from onshell.core.reading import table_metadata
from onshell.events import columns as arrow
from onshell.events.consistency import check_columns, check_metadata, check_rows

KEY = b"onshell"
"""The key of the file metadata under which the JSON lies."""


class Table:
    """An open event table: its `space`, `n_particles`, `metadata`, column `names`, number of `rows`, and if `massive`.

    `space` and `n_particles` are what the caller expects, None for anything. Masses in units of E_cm are in a column
    `mass`, or one for each place in the metadata, `masses`.
    """

    def __init__(self, path: str | os.PathLike[str], space: str | None = None, n_particles: int | None = None) -> None:
        self.path = Path(path)
        self.file = _opened(self.path)
        try:
            self.schema: pa.Schema = self.file.schema_arrow
            self.names: list[str] = self.schema.names
            self.rows: int = self.file.metadata.num_rows
            self.space = self._space(space)
            self.metadata = table_metadata((self.file.metadata.metadata or {}).get(KEY), self.path)
            self.n_particles = self._n_particles(n_particles)
            check_columns(self)
            check_metadata(self)
            check_rows(self)
            self.massive = self._is_massive()
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def span(self, rows: slice | None) -> tuple[int, int]:
        """Return the first row of `rows` and the one after the last."""
        if rows is None:
            return 0, self.rows
        start, stop, step = rows.indices(self.rows)
        if step != 1:
            raise ValueError("rows must be contiguous")
        return start, max(start, stop)

    def batches(
        self, start: int, stop: int, size: int, columns: Collection[str] | None = None
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (number of the first row, batch of at most `size` rows) for the rows from `start` to `stop`.

        Besides the momenta, a batch has those of the further columns that `columns` names; None: all of them.
        """
        extras = [name for name in self._extra_names() if columns is None or name in columns]
        names = list(dict.fromkeys([*arrow.names(self.space), *extras, *self._massive_names()]))
        first = 0
        for group in range(self.file.metadata.num_row_groups):
            after = first + self.file.metadata.row_group(group).num_rows
            if after > start and first < stop:
                # One row group at a time: the reader would otherwise hold on to the ones it has passed.
                row = first
                for batch in self.guarded(self.file.iter_batches(size, row_groups=[group], columns=names)):
                    low, high = max(start - row, 0), min(stop - row, batch.num_rows)
                    if low < high:
                        yield row + low, batch.slice(low, high - low)
                    row += batch.num_rows
                if row != after:
                    # A damaged footer may hide values of a column, and then all rows.
                    raise OnshellError(f"{self.path}: damaged (rows are missing); delete it and make it again")
            first = after

    def extras(self, batch: pa.RecordBatch, first: int) -> dict[str, np.ndarray]:
        """Return the further columns of a `batch` whose first row is row `first`, `event` always.

        One number per event [n], or lists of k numbers [n, k].
        """
        found = {"event": np.arange(first, first + batch.num_rows, dtype=np.int64)}
        for name in self._extra_names():
            if name not in batch.schema.names:
                continue
            column, where = batch.column(name), f"{self.path}: column {name}"
            if arrow.is_number(column.type):
                found[name] = arrow.number(column, name, first, where)
            else:
                k = arrow.width(column.type) or self._first_length(name)
                found[name] = arrow.numbers(column, k, first, where)
        return found

    def momenta(self, batch: pa.RecordBatch, first: int, *, check: bool | str = True) -> torch.Tensor:
        """Return the momenta [n, N, 3] of a `batch` whose first row is row `first`, or [n, N, 4] with the masses.

        Raises
        ------
        OnshellError
            Where another column of energies or masses says that the particles are massive, and where masses are none;
            those of a table that is to be scaled (`check` "finite") may be in any units.
        """
        columns = arrow.names(self.space)
        if not self.massive:
            p = arrow.from_batch(batch, columns, self.n_particles, first, str(self.path))
            for name in self._massive_names():
                where = f"{self.path}: column {name}"
                values = arrow.numbers(batch.column(name), self.n_particles, first, where)
                arrow.check_massless(p, values, name.lower() in arrow.MASSES, first, where)
            return p
        if arrow.MASS in self.names:
            p = arrow.from_batch(batch, [*columns, arrow.MASS], self.n_particles, first, str(self.path))
        else:
            p = arrow.momenta_buffer(batch.num_rows, self.n_particles, 4)
            p[..., :3] = arrow.from_batch(batch, columns, self.n_particles, first, str(self.path))
            p[..., 3] = torch.tensor(self.metadata["masses"], dtype=torch.float64)
        if check is True:
            arrow.check_masses(p[..., 3], first, f"{self.path}: column {arrow.MASS}")
        return p

    def _is_massive(self) -> bool:
        """Return whether the particles have masses that are more than rounding."""
        if self.space != "p":
            return False
        if arrow.MASS not in self.names:
            if self.metadata.get("massive"):
                raise OnshellError(f"{self.path}: of massive particles, but the column mass is gone; make it again")
            return bool(self.metadata.get("masses"))
        if arrow.width(self.schema.field(arrow.MASS).type) == 0:
            return False
        if "massive" in self.metadata:
            return bool(self.metadata["massive"])
        names, first = [*arrow.names("p"), arrow.MASS], 0
        for batch in self.guarded(self.file.iter_batches(arrow.ROWS, columns=names)):
            p = arrow.from_batch(batch, names, self.n_particles, first, str(self.path))
            if arrow.massive(p[..., :3], p[..., 3].numpy(), is_mass=True)[1].any():
                return True
            first += batch.num_rows
        return False

    def _massive_names(self) -> list[str]:
        """Return the columns that hold a mass per particle or, without any, an energy: rounded, it says less."""
        fields = [field for field in self.schema if arrow.width(field.type) != 0 and self.space == "p"]
        masses = [field.name for field in fields if field.name.lower() in arrow.MASSES]
        return masses or [field.name for field in fields if field.name.lower() in arrow.ENERGIES]

    def _extra_names(self) -> list[str]:
        """Return the further columns: a number per event, or as many numbers for each."""
        momenta = {name for space in arrow.SPACES for name in arrow.names(space)}
        momenta |= {arrow.MASS} if self.massive else set()

        def has_numbers(field: pa.Field) -> bool:
            lists = arrow.is_numbers(field.type) or (field.name in arrow.PARTICLES and arrow.width(field.type) != 0)
            return arrow.is_number(field.type) or lists

        return [field.name for field in self.schema if field.name not in momenta and has_numbers(field)]

    def guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `batches`, with the reader's complaints turned into the one-line error."""
        try:
            yield from batches
        except (pa.ArrowException, OSError, ValueError) as error:
            raise OnshellError(f"{self.path}: damaged ({_line(error)}); delete it and make it again") from error

    def _space(self, expected: str | None) -> str:
        """Return the space of the momenta, or raise where there are none, or not those `expected`."""
        names = self.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise OnshellError(f"{self.path}: has two columns {twice[0]}; rename or leave out one of them")
        space = expected if expected and set(arrow.names(expected)) <= set(names) else arrow.space_of(names)
        if space is None:
            shown = ", ".join(names[:12]) + ", ..." * (len(names) > 12)
            raise OnshellError(
                f"{self.path}: not an event table: it has the columns {shown or '(none)'}; px, py, pz (or qx, qy, qz), "
                "lists of one number per particle, are needed once each"
            )
        if expected and space != expected:
            advice = {
                "p": "give the truth table (events/), not the training set made from it (embedded/)",
                "q": "make the q-space table of it with `onshell embed`",
            }
            raise OnshellError(
                f"{self.path}: a table of {space}-space events ({', '.join(arrow.names(space))}) where "
                f"{expected}-space is needed; {advice[expected]}"
            )
        return space

    def _n_particles(self, expected: int | None) -> int:
        """Return N, or raise where the columns of momenta are not lists of as many numbers."""
        kinds = {name: self.schema.field(name).type for name in arrow.names(self.space)}
        widths = {name: arrow.width(kind) for name, kind in kinds.items()}
        for name, width in widths.items():
            if width == 0:
                raise OnshellError(
                    f"{self.path}: column {name} holds {kinds[name]}, not lists of numbers; store one list of N per "
                    "event"
                )
        # Plain lists show their length only in the data: the first event decides, the others are checked as read.
        lengths = {name: self._first_length(name) if width is None else width for name, width in widths.items()}
        n = lengths[arrow.names(self.space)[0]]
        if set(lengths.values()) != {n}:
            shown = ", ".join(f"{length} in {name}" for name, length in lengths.items())
            raise OnshellError(f"{self.path}: the number of particles differs: {shown}; write the three alike")
        if expected not in (None, n):
            raise OnshellError(
                f"{self.path}: events of {n} particles where {expected} are needed; give the table of the right process"
            )
        return n

    def _first_length(self, name: str) -> int:
        """Return the length of a column's first list."""
        for batch in self.guarded(self.file.iter_batches(1, columns=[name])):
            if batch.num_rows:
                return batch.column(0).value_lengths()[0].as_py() or 0
        return self.metadata.get("n_particles", 0)


def _opened(path: Path) -> pq.ParquetFile:
    """Return the Parquet file `path`, or raise the one-line error that says why it is none."""
    try:
        if path.is_dir():
            raise OnshellError(f"{path}: a folder, not an event table; name the Parquet file itself")
        with path.open("rb") as handle:
            head = handle.read(4)
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(size - 4, 0))
            tail = handle.read(4)
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such file; check the name, or make it first") from error
    except OSError as error:
        raise OnshellError(f"{path}: cannot be read ({error.strerror}); check the path and its permissions") from error
    if size == 0:
        raise OnshellError(f"{path}: empty (0 bytes); delete it and make it again")
    if head != b"PAR1":
        raise OnshellError(f"{path}: not a Parquet file (it starts with {head!r}); give an event table in Parquet")
    if tail != b"PAR1" or size < 12:
        raise OnshellError(f"{path}: truncated ({size} bytes, no Parquet footer); delete it and make or copy it again")
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        # The schema is decoded only when it is asked for.
        file.schema_arrow.names  # noqa: B018
        return file
    except (pa.ArrowException, OSError, ValueError) as error:
        raise OnshellError(f"{path}: damaged ({_line(error)}); delete it and make or copy it again") from error


def _line(error: Exception) -> str:
    """Return the first line of what `error` says."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
