"""Tables of imported events, checked to be still what `onshell import` wrote: other programs change them."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from onshell.core.errors import OnshellError
from onshell.events import columns as arrow
from onshell.events.lhe.arrays import EVENT, PARTICLE, WHOLE
from onshell.events.lhe.cross_sections import Info, convention, of_kept, scale_of_kept
from onshell.events.parquet import Table

COUNTS = ("process_id", *(f"{prefix}{name}" for prefix in ("", "in_") for name in ("id", "colour", "anticolour")))
"""Columns of whole numbers."""

FRAME = ("e_cm", *(f"boost_{axis}" for axis in "xyz"))
BEAM = tuple(f"beam_{axis}" for axis in "xyz")
INCOMING = (*BEAM, *(f"in_{name}" for name in PARTICLE))

COLUMNS = (*EVENT, *FRAME, *PARTICLE, *INCOMING)
"""Columns of an imported table besides momenta and `event`; those of incoming particles only where there are any."""

Columns = dict[str, np.ndarray]


def info(table: Table) -> Info | None:
    """Return what a table says of the Les Houches file that it was made of; None for one of other events.

    Raises
    ------
    OnshellError
        When the table was made by an import, and is not any more what that wrote.
    """
    names, again = set(table.file.schema_arrow.names), "give the table that `onshell import` wrote, or import again"
    if "lhe" not in table.metadata:
        if {"id", "e_cm", "boost_z"} <= names:
            raise OnshellError(
                f"{table.path}: has the columns of imported events, but not the metadata (beams, cross sections): "
                f"another program rewrote it; {again}"
            )
        return None
    about: Info = table.metadata["lhe"]
    spans = table.metadata.get("split") or {}
    try:
        _read(about, table.rows)
        ends = sorted(tuple(span) for span in spans.values())
        needed = [name for name in COLUMNS if about["incoming"] or name not in INCOMING]
        low, high = about["e_cm"]
        fits = ends[0][0] == 0 and ends[-1][1] == table.rows <= about["kept"] and 0.0 < low <= high
        fits = fits and all(a[1] == b[0] for a, b in pairwise(ends))
    except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise OnshellError(f"{table.path}: its metadata are not those of an import ({error!r}); {again}") from error
    schema = table.file.schema_arrow
    bad = [name for name in needed if name not in names or not _is_right(schema.field(name).type, name)]
    if bad:
        what = f"holds {schema.field(bad[0]).type}" if bad[0] in names else "is missing"
        raise OnshellError(f"{table.path}: column {bad[0]} {what}: another program rewrote the import; {again}")
    if not fits:
        raise OnshellError(
            f"{table.path}: its {table.rows} rows are not those of its metadata (split {dict(spans)}, {about['kept']} "
            f"events kept): another program changed it, and the cross section is no longer that of its events; {again}"
        )
    return about


def _read(about: Info, rows: int) -> None:
    """Take from the metadata all that an export takes, so that what is missing is told before anything is written."""
    convention(about), scale_of_kept(about, max(rows, 1))
    beams = [float(value) for key in ("id", "energy", "pdf_group", "pdf_set") for value in about["beams"][key]]
    if len(beams) != 8 or not np.isfinite(beams).all():
        raise ValueError("beams")
    for maker in about["generators"]:
        "".join(maker[key] for key in ("name", "version", "words"))
    for name in ("places", "left_out"):
        len(about[name])
    for process in of_kept(about):
        float(process["unit_weight"]), int(process["id"])


def checked(columns: Mapping[str, Any], path: Path) -> Columns:
    """Return the columns of imported events, or raise if a number of them cannot be written."""
    found = {name: columns[name] for name in COLUMNS if name in columns}
    for name, values in found.items():
        numbers = values.astype(np.float64)
        if name in COUNTS:
            good = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < WHOLE)
        elif name == "e_cm":
            good = np.isfinite(numbers) & (numbers > 0.0)
        elif name in ("weight", *FRAME, *BEAM):
            good = np.isfinite(numbers)
        else:
            continue
        if not good.all():
            row = int(np.argwhere(~good)[0][0])
            event = columns["event"][row] if "event" in columns else row
            raise OnshellError(
                f"{path}: column {name}: {numbers[~good][0]:g} in event {event}, which is no number to write; import "
                "the file again"
            )
        if name in COUNTS:
            found[name] = values.astype(np.int64)
    return found


def _is_right(kind: Any, name: str) -> bool:
    """Return whether a column of this type can be the one of this name."""
    lists = name in PARTICLE or name in {f"in_{each}" for each in PARTICLE}
    return arrow.is_numbers(kind) if lists else arrow.is_number(kind)
