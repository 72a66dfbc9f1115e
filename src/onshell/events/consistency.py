"""What a table says of itself against what it holds: columns, metadata, rows."""

import json
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pyarrow as pa

from onshell.core.errors import OnshellError
from onshell.events import columns as arrow

if TYPE_CHECKING:
    from onshell.events import parquet


def check_columns(table: "parquet.Table") -> None:
    """Raise where a column that events are weighted by cannot be, or may have been meant to."""
    for field in table.schema:
        name, lower, kind = field.name, field.name.lower(), field.type
        if name in arrow.NEEDED and (not arrow.is_number(kind) or pa.types.is_boolean(kind)):
            raise OnshellError(
                f"{table.path}: column {name} holds {kind}, not one number per event; write numbers or drop it"
            )
        if "weight" not in table.names and lower in arrow.LIKE_WEIGHTS:
            raise OnshellError(
                f"{table.path}: column {name} may hold weights, which are read from a column `weight` alone; "
                "rename it, or drop it"
            )
        energy = table.space == "p" and lower in (*arrow.ENERGIES, *arrow.MASSES)
        if energy and pa.types.is_nested(kind) and arrow.width(kind) == 0:
            raise OnshellError(
                f"{table.path}: column {name} holds {kind}, not lists of numbers; write these, or drop it"
            )


def check_metadata(table: "parquet.Table") -> None:
    """Raise if the metadata contradicts the table."""
    n, e_cm, split = (table.metadata.get(key) for key in ("n_particles", "e_cm", "split"))
    if n not in (None, table.n_particles):
        raise OnshellError(
            f"{table.path}: metadata says n_particles = {n}, the columns hold {table.n_particles}; make the file again"
        )
    if len(table.metadata.get("masses") or [0.0] * table.n_particles) != table.n_particles:
        raise OnshellError(
            f"{table.path}: metadata says masses = {table.metadata['masses']} of {table.n_particles} particles; give "
            "one for each place"
        )
    if e_cm not in (None, 1):
        raise OnshellError(
            f"{table.path}: metadata says e_cm = {e_cm}; event tables hold momenta in units of E_cm: divide by it "
            "and store e_cm = 1"
        )
    if not all(0 <= first <= last <= table.rows for first, last in (split or {}).values()):
        raise OnshellError(
            f"{table.path}: metadata says split = {json.dumps(split)}, which does not fit its {table.rows} rows; "
            "make the file again"
        )


def check_rows(table: "parquet.Table") -> None:
    """Raise where a table cannot have the rows that were written with its metadata, in their order.

    Tools that filter, sort, join or rename keep the metadata of a file, though what these say of its rows (seed,
    split, generator, model) is then no longer true. The parts of a split hold every row, with `event` in rising
    order; exact truth and samples are numbered from 0 on.
    """
    about, in_p = table.metadata, table.space == "p"
    parts = (about.get("split") or {}).values()
    if parts and (last := max(last for _, last in parts)) != table.rows:
        _refuse_rows(table, f"{table.rows} rows where its split has {last}")
    if parts and not in_p and about.get("augmentation", True) is None:
        _refuse_rows(table, "columns of q-space, of events that were never embedded")
    numbered = in_p and (("generator" in about and bool(parts)) or ("run" in about and "time" not in table.names))
    if not (numbered or parts):
        return
    if "event" not in table.names:
        _refuse_rows(table, "the column event is gone")
    found, first, where = [np.empty(0, np.int64)], 0, f"{table.path}: column event"
    for batch in table.guarded(table.file.iter_batches(arrow.ROWS, columns=["event"])):
        found.append(arrow.number(batch.column(0), "event", first, where))
        first += batch.num_rows
    event = np.concatenate(found)
    if numbered and (event != np.arange(table.rows)).any():
        _refuse_rows(table, "the events are not numbered from 0 on")
    if any((np.diff(event[first:last]) < 0).any() for first, last in parts):
        _refuse_rows(table, "the events of a part are not in rising order")


def _refuse_rows(table: "parquet.Table", why: str) -> NoReturn:
    raise OnshellError(
        f"{table.path}: its metadata describe other rows ({why}): another tool filtered, sorted, joined or renamed; "
        "make it again, or drop the metadata (pyarrow: table.replace_schema_metadata(None))"
    )
