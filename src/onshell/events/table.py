"""The event table: a Parquet file that any tool opens, with its metadata as JSON under the key `onshell`.

Columns: `event` (int64), `px`, `py`, `pz` (fixed-size lists of N float64; `qx`, `qy`, `qz` in q-space), `mass` (a list
more) where particles have masses, then any columns of one number per event, such as `weight`, or of a list of as many
for each, such as the PDG numbers `id`. Events are in the centre-of-mass frame, momenta and masses in units of E_cm.
"""

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from onshell.core.errors import OnshellError
from onshell.core.files import whole
from onshell.events import columns as arrow
from onshell.events.checks import BadEvents
from onshell.events.columns import ROWS
from onshell.events.parquet import KEY, Table

__all__ = ["ROWS", "Events", "iter_events", "read_events", "read_metadata", "split", "write_events"]

Chunk = torch.Tensor | tuple[torch.Tensor, Mapping[str, Any]]


@dataclass
class Events:
    """Events in memory: `momenta` [n, N, 3] float64 and `columns` [n] or [n, k] of numbers, `event` among them.

    Those of massive particles are [n, N, 4]: px, py, pz and the mass.
    """

    momenta: torch.Tensor
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    space: str = "p"

    def __len__(self) -> int:
        return self.momenta.shape[0]

    @property
    def n_particles(self) -> int:
        """Return N."""
        return self.momenta.shape[1]


def split(source: Events | Mapping[str, Any], name: str, where: str = "event table") -> slice:
    """Return the rows of the split `name` ("train" or "test") by a table's metadata; `where` names it in the error."""
    metadata = source.metadata if isinstance(source, Events) else source
    ranges = metadata.get("split") or {}
    if name not in ranges:
        there = ", ".join(sorted(ranges)) or "none at all"
        raise OnshellError(f"{where}: no split '{name}' (it has {there}); make the table with `onshell generate`")
    return slice(*ranges[name])


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the metadata of the event table `path`; empty for a table that is not ours."""
    with Table(path) as table:
        return table.metadata


def iter_events(
    path: str | os.PathLike[str],
    *,
    space: str | None = None,
    rows: slice | str | None = None,
    columns: Collection[str] | None = None,
    check: bool | str = True,
    size: int = ROWS,
) -> Iterator[Events]:
    """Yield the events of the table `path`, at most `size` at a time, so that memory stays bounded.

    Good events come before the error about bad ones: whoever writes as it reads must write a `whole` file.

    Parameters
    ----------
    space
        The space, "p" or "q", that the caller expects.
    rows
        A slice, or the name of a split.
    columns
        Which further columns are read (None: all), besides `event`.
    check
        With "finite", p-space events may be off the shell; with False, momenta may be any.

    Raises
    ------
    OnshellError
        One line that names the file, the fault (which events, how far off) and what to do.
    """
    with Table(path, space) as table:
        yield from _pieces(table, _span(table, rows), columns, check, size)


def read_events(
    path: str | os.PathLike[str],
    *,
    space: str | None = None,
    n_particles: int | None = None,
    rows: slice | str | None = None,
    columns: Collection[str] | None = None,
    check: bool | str = True,
) -> Events:
    """Return the events of the table `path`, checked; the arguments and errors are those of `iter_events`."""
    done, pieces = 0, []
    # Opened once: another file may take its place meanwhile.
    with Table(path, space, n_particles) as table:
        span = _span(table, rows)
        momenta = arrow.momenta_buffer(span[1] - span[0], table.n_particles, 4 if table.massive else 3)
        events = Events(momenta, {}, table.metadata, table.space)
        for piece in _pieces(table, span, columns, check, ROWS):
            events.momenta[done : done + len(piece)] = piece.momenta
            pieces.append(piece.columns)
            done += len(piece)
    none: dict[str, np.ndarray] = {"event": np.empty(0, dtype=np.int64)}
    pieces = pieces or [none]
    events.columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return events


def _span(table: Table, rows: slice | str | None) -> tuple[int, int]:
    """Return the first and the one after the last of `rows`, perhaps the name of a split."""
    return table.span(split(table.metadata, rows, str(table.path)) if isinstance(rows, str) else rows)


def _pieces(
    table: Table, span: tuple[int, int], columns: Collection[str] | None, check: bool | str, size: int
) -> Iterator[Events]:
    """Yield the events of an open table as `iter_events` does."""
    shell = table.space == "p" and table.metadata.get("conserves", True) and check != "finite"
    bad = BadEvents(str(table.path), shell=shell)
    for first, batch in table.batches(*span, size, None if columns is None else {"event", *columns}):
        momenta = table.momenta(batch, first, check=check)
        if check:
            bad.add(momenta, first)
        # After a bad event the rest of the file is only read to count the others.
        if not bad.count:
            yield Events(momenta, table.extras(batch, first), table.metadata, table.space)
    bad.raise_if_any()


def write_events(
    path: str | os.PathLike[str],
    chunks: Iterable[Chunk],
    metadata: Mapping[str, Any],
    space: str = "p",
    *,
    check: bool = True,
) -> int:
    """Return the number of events written to the table `path` from `chunks`, with memory bounded by row groups.

    The bytes of the file depend on the events and the metadata alone, not on the chunks. The file appears whole or not
    at all.

    Parameters
    ----------
    chunks
        Momenta [n, N, 3] float64 in units of E_cm, or [n, N, 4] with masses, alone or with a dict of further columns
        [n] or [n, k]; without a column `event` the events are numbered.
    check
        Refuse what `read_events` would: NaN and, if `metadata["conserves"]` is not false, p-space events off the shell.

    Raises
    ------
    OnshellError
        One line about bad events, or a file that cannot be written.
    """
    bad = BadEvents(str(path), shell=space == "p" and metadata.get("conserves", True))
    writer, n = None, 0
    with whole(path) as part:
        try:
            for momenta, extras in _row_groups(chunks, metadata):
                if check and not bad.add(momenta, n):
                    bad.raise_if_any()
                if writer is None:
                    writer = _writer(part, momenta.shape[1:], extras, metadata, space)
                event, *others = map(arrow.to_column, extras.values())
                lists = map(arrow.to_column, momenta.permute(2, 0, 1).numpy())
                writer.write_batch(pa.record_batch([event, *lists, *others], schema=writer.schema))
                n += len(momenta)
        finally:
            if writer is not None:
                writer.close()
    return n


def _writer(
    part: Path, shape: tuple[int, ...], extras: Mapping[str, np.ndarray], metadata: Mapping[str, Any], space: str
) -> pq.ParquetWriter:
    """Return the open Parquet writer of a table of events of this `shape` with the columns `extras`."""
    n_particles, components = shape
    lists = [*arrow.names(space), arrow.MASS][:components]
    metadata = {key: value for key, value in metadata.items() if key != "massive"}
    metadata |= {"massive": True} if components == 4 else {}
    kinds = {name: arrow.kind_of(values) for name, values in extras.items() if name != "event"}
    # A column of lists is known to Parquet by the path of its elements.
    leaves = {name if arrow.is_number(kind) else f"{name}.list.element": name for name, kind in kinds.items()}
    plain = {leaf: pa.from_numpy_dtype(extras[name].dtype) for leaf, name in leaves.items()}
    encodings = {leaf: "BYTE_STREAM_SPLIT" for leaf, kind in plain.items() if pa.types.is_floating(kind)}
    encodings |= {leaf: "DELTA_BINARY_PACKED" for leaf, kind in plain.items() if kind in (pa.int32(), pa.int64())}
    encodings |= {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in lists}
    text = json.dumps({**metadata, "n_particles": n_particles}, sort_keys=True, allow_nan=False)
    # Apart from their leading byte, mantissas are random bits: a dictionary or statistics of them only cost time.
    return pq.ParquetWriter(
        part,
        arrow.schema(lists, n_particles, kinds).with_metadata({KEY: text}),
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        column_encoding={"event": "DELTA_BINARY_PACKED", **encodings},
        write_statistics=["event"],
        write_page_checksum=True,
    )


def _row_groups(
    chunks: Iterable[Chunk], metadata: Mapping[str, Any]
) -> Iterator[tuple[torch.Tensor, dict[str, np.ndarray]]]:
    """Yield row groups of exactly ROWS events (the last one smaller) from chunks of any size.

    The memory of a row group is used again for the next.
    """
    momenta, extras, filled, total = None, {}, 0, 0
    for chunk in chunks:
        p, columns = chunk if isinstance(chunk, tuple) else (chunk, {})
        if p.ndim != 3 or p.shape[-1] not in (3, 4) or p.dtype != torch.float64:
            raise TypeError(f"events must be float64 [n, N, 3] or [n, N, 4], not {p.dtype} {list(p.shape)}")
        columns = {name: np.asarray(values) for name, values in columns.items()}
        columns = {"event": columns.pop("event", np.arange(total, total + len(p))), **columns}
        if momenta is None:
            momenta = arrow.momenta_buffer(ROWS, *p.shape[1:])
            extras = {name: np.empty((ROWS, *values.shape[1:]), values.dtype) for name, values in columns.items()}
        if p.shape[1:] != momenta.shape[1:] or columns.keys() != extras.keys():
            raise ValueError(
                f"chunks differ: {list(p.shape[1:])} with columns {list(columns)} after {list(momenta.shape[1:])} "
                f"with columns {list(extras)}"
            )
        done = 0
        while done < len(p):
            take = min(ROWS - filled, len(p) - done)
            momenta[filled : filled + take] = p[done : done + take]
            for name, values in columns.items():
                extras[name][filled : filled + take] = values[done : done + take]
            filled, done, total = filled + take, done + take, total + take
            if filled == ROWS:
                yield momenta, extras
                filled = 0
    if momenta is None:
        momenta, extras = arrow.momenta_buffer(0, metadata["n_particles"]), {"event": np.empty(0, np.int64)}
    if filled or total == 0:
        # A shorter row group no longer has its components side by side in memory: copy it into one that has.
        last = arrow.momenta_buffer(filled, *momenta.shape[1:])
        last[:] = momenta[:filled]
        yield last, {name: values[:filled] for name, values in extras.items()}
