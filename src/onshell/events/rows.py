"""Whether the rows of a table are those that its metadata tell of.

Tools that filter, sort, join or rename keep the metadata of a file, though what they say of its rows (seed, split,
generator, model) is then no longer true.
"""

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from onshell.core.errors import OnshellError

if TYPE_CHECKING:
    from onshell.events import parquet


def check_rows(table: "parquet.Table") -> None:
    """Raise where a table cannot have the rows that were written with its metadata, in their order.

    The parts of a split hold every row, with `event` in rising order; exact truth and samples are numbered from 0 on.
    """
    about, in_p = table.metadata, table.space == "p"
    parts = (about.get("split") or {}).values()
    if parts and (last := max(last for _, last in parts)) != table.rows:
        _refuse(table, f"{table.rows} rows where its split has {last}")
    if parts and not in_p and about.get("augmentation", True) is None:
        _refuse(table, "columns of q-space, of events that were never embedded")
    names = table.file.schema_arrow.names
    numbered = in_p and (("generator" in about and bool(parts)) or ("run" in about and "time" not in names))
    if not (numbered or parts):
        return
    if "event" not in names:
        _refuse(table, "the column event is gone")
    event = np.concatenate([*table.event_numbers(), np.empty(0, np.int64)])
    if numbered and (event != np.arange(table.rows)).any():
        _refuse(table, "the events are not numbered from 0 on")
    if any((np.diff(event[first:last]) < 0).any() for first, last in parts):
        _refuse(table, "the events of a part are not in rising order")


def _refuse(table: "parquet.Table", why: str) -> NoReturn:
    raise OnshellError(
        f"{table.path}: its metadata tell of other rows ({why}): another tool filtered, sorted, joined or renamed; "
        "make it again, or drop the metadata (pyarrow: table.replace_schema_metadata(None))"
    )
