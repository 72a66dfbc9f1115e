"""An event table opened for reading: what can be wrong with the file itself is told here, in one line."""

import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from onshell.core.errors import OnshellError
from onshell.core.reading import table_metadata
from onshell.events import columns as arrow
from onshell.events.rows import check_rows

KEY = b"onshell"
"""The key of the file metadata under which the JSON lies."""
ROWS = 65536
"""Events in a row group, the unit of writing and reading."""


class Table:
    """An open event table: its `space`, `n_particles`, `metadata` and number of `rows`.

    `space` and `n_particles` are what the caller expects, None for anything.
    """

    def __init__(self, path: str | os.PathLike[str], space: str | None = None, n_particles: int | None = None) -> None:
        self.path = Path(path)
        self.file = _opened(self.path)
        try:
            self.rows = self.file.metadata.num_rows
            names = self.file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise OnshellError(f"{self.path}: has two columns {twice[0]}; rename or leave out one of them")
            self.space = self._space(space)
            self.metadata = self._metadata()
            self.n_particles = self._n_particles(n_particles)
            self.lists: dict[str, int] = {}
            self._check_columns()
            self._check_metadata()
            check_rows(self)
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
        names = [
            *arrow.names(self.space),
            *(name for name in self._extra_names() if columns is None or name in columns),
        ]
        names = list(dict.fromkeys([*names, *self._massive_names()]))
        first = 0
        for group in range(self.file.metadata.num_row_groups):
            after = first + self.file.metadata.row_group(group).num_rows
            if after > start and first < stop:
                # One row group at a time: the reader would otherwise hold on to the ones it has passed.
                row = first
                for batch in self._guarded(self.file.iter_batches(size, row_groups=[group], columns=names)):
                    low, high = max(start - row, 0), min(stop - row, batch.num_rows)
                    if low < high:
                        yield row + low, batch.slice(low, high - low)
                    row += batch.num_rows
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
                k = self.lists.setdefault(name, arrow.width(column.type) or self._first_length(name))
                found[name] = arrow.numbers(column, k, first, where)
        return found

    def check_massless(self, batch: pa.RecordBatch, p: torch.Tensor, first: int) -> None:
        """Raise where a column of energies or masses says that the particles of momenta `p` [n, N, 3] are massive."""
        for name in self._massive_names():
            where = f"{self.path}: column {name}"
            values = arrow.from_lists(batch.column(name), self.n_particles, first, where)
            arrow.check_massless(p, values, name, first, where)

    def event_numbers(self) -> Iterator[np.ndarray]:
        """Yield the column `event` of all rows, if there is one."""
        if "event" in self.file.schema_arrow.names:
            first = 0
            for batch in self._guarded(self.file.iter_batches(ROWS, columns=["event"])):
                yield arrow.number(batch.column(0), "event", first, f"{self.path}: column event")
                first += batch.num_rows

    def _massive_names(self) -> list[str]:
        """Return the columns that hold a mass per particle or, without any, an energy: rounded, it says less."""
        fields = [field for field in self.file.schema_arrow if arrow.width(field.type) != 0 and self.space == "p"]
        masses = [field.name for field in fields if field.name.lower() in arrow.MASSES]
        return masses or [field.name for field in fields if field.name.lower() in arrow.ENERGIES]

    def _extra_names(self) -> list[str]:
        momenta = {name for space in arrow.SPACES for name in arrow.names(space)}
        fields = [field for field in self.file.schema_arrow if field.name not in momenta]
        return [field.name for field in fields if arrow.is_number(field.type) or self._is_list(field)]

    def _is_list(self, field: pa.Field) -> bool:
        """Return whether a column holds as many numbers for each event."""
        return arrow.is_numbers(field.type) or (field.name in arrow.PARTICLES and arrow.width(field.type) != 0)

    def _check_columns(self) -> None:
        """Raise where a column that events are weighted by cannot be, or may have been meant to."""
        names = self.file.schema_arrow.names
        for field in self.file.schema_arrow:
            kind = field.type
            if field.name in arrow.NEEDED and (not arrow.is_number(kind) or arrow.is_truth(kind)):
                raise OnshellError(
                    f"{self.path}: column {field.name} holds {kind}, not one number per event; write numbers or drop it"
                )
            lower = field.name.lower()
            if "weight" not in names and (lower == "weight" or lower in arrow.LIKE_WEIGHTS):
                raise OnshellError(
                    f"{self.path}: column {field.name} may hold weights, which are read from a column `weight` alone; "
                    "rename it, or drop it"
                )
            massive = self.space == "p" and lower in (*arrow.ENERGIES, *arrow.MASSES)
            if massive and pa.types.is_nested(kind) and arrow.width(kind) == 0:
                raise OnshellError(
                    f"{self.path}: column {field.name} holds {kind}, not lists of numbers; write these, or drop it"
                )

    def _guarded(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield `batches`, with the reader's complaints turned into the one-line error."""
        try:
            yield from batches
        except (pa.ArrowException, OSError, ValueError) as error:
            raise OnshellError(f"{self.path}: damaged ({_line(error)}); delete it and make it again") from error

    def _space(self, expected: str | None) -> str:
        names = self.file.schema_arrow.names
        space = expected if expected and set(arrow.names(expected)) <= set(names) else arrow.space_of(names)
        if space is None or len(names) != len(set(names)):
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
        fields = [self.file.schema_arrow.field(name) for name in arrow.names(self.space)]
        widths = [arrow.width(field.type) for field in fields]
        if 0 in widths:
            bad = fields[widths.index(0)]
            raise OnshellError(
                f"{self.path}: column {bad.name} holds {bad.type}, not lists of numbers; store one list of N per event"
            )
        if None in widths:
            # Plain lists tell their length only in the data: the first event decides, the others are checked as read.
            widths = [
                self._first_length(field.name) if w is None else w for field, w in zip(fields, widths, strict=True)
            ]
        if len(set(widths)) != 1:
            shown = ", ".join(f"{w} in {field.name}" for field, w in zip(fields, widths, strict=True))
            raise OnshellError(f"{self.path}: the number of particles differs: {shown}; write the three alike")
        if expected is not None and widths[0] != expected:
            raise OnshellError(
                f"{self.path}: events of {widths[0]} particles where {expected} are needed; give the table of the "
                "right process"
            )
        return widths[0]

    def _first_length(self, name: str) -> int:
        for batch in self._guarded(self.file.iter_batches(1, columns=[name])):
            if batch.num_rows:
                return batch.column(0).value_lengths()[0].as_py() or 0
        return self.metadata.get("n_particles", 0)

    def _metadata(self) -> dict[str, Any]:
        return table_metadata((self.file.metadata.metadata or {}).get(KEY), self.path)

    def _check_metadata(self) -> None:
        """Raise if the metadata contradicts the table."""
        n, e_cm, ranges = (self.metadata.get(key) for key in ("n_particles", "e_cm", "split"))
        if n is not None and n != self.n_particles:
            raise OnshellError(
                f"{self.path}: metadata says n_particles = {n}, the columns hold {self.n_particles}; make the file "
                "again"
            )
        if e_cm is not None and e_cm != 1:
            raise OnshellError(
                f"{self.path}: metadata says e_cm = {e_cm}; event tables hold momenta in units of E_cm: divide by it "
                "and store e_cm = 1"
            )
        if ranges is not None and not _are_ranges(ranges, self.rows):
            raise OnshellError(
                f"{self.path}: metadata says split = {json.dumps(ranges)}, which does not fit its {self.rows} rows; "
                "make the file again"
            )


def _are_ranges(ranges: Any, rows: int) -> bool:
    """Return whether `ranges` is a dict of [first, after last] rows, all within `rows`."""
    if not isinstance(ranges, dict):
        return False
    for span in ranges.values():
        if not isinstance(span, list) or len(span) != 2 or not all(type(row) is int for row in span):
            return False
        if not 0 <= span[0] <= span[1] <= rows:
            return False
    return True


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
