"""Tables of imported events, checked to be still what `onshell import` wrote: other programs change them."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from onshell.core.errors import OnshellError
from onshell.core.forms import Count, Form, Range
from onshell.core.reading import checked
from onshell.events import columns as arrow
from onshell.events.lhe.arrays import EVENT, PARTICLE, WHOLE
from onshell.events.lhe.weights import Info, convention, of_kept, scale_of_kept
from onshell.events.parquet import Table

LISTS = (*PARTICLE, *(f"in_{name}" for name in PARTICLE))
"""Columns of one number per particle."""

COUNTS = ("process_id", *(name for name in LISTS if not name.endswith("spin")))
"""Columns of whole numbers."""

FRAME = ("e_cm", *(f"boost_{axis}" for axis in "xyz"))
BEAM = tuple(f"beam_{axis}" for axis in "xyz")
INCOMING = (*BEAM, *(f"in_{name}" for name in PARTICLE))

COLUMNS = (*EVENT, *FRAME, *PARTICLE, *INCOMING)
"""Columns of an imported table besides momenta and `event`; those of incoming particles only where there are any."""

AGAIN = "give the table that `onshell import` wrote, or import again"

Columns = dict[str, np.ndarray]
Pair = Annotated[list[int], Field(min_length=2, max_length=2)]
NotNegative = Annotated[float, Field(ge=0)]


class Beams(Form):
    """The beams of a file."""

    id: Pair
    energy: Range
    pdf_group: Pair
    pdf_set: Pair


class Process(Form):
    """A cross section of a header, in pb; what is not known may be null."""

    id: int
    value: float
    error: float | None = None
    unit_weight: float | None = None


class Generator(Form):
    """A generator that a file names."""

    name: str
    version: str
    words: str


class Sums(Form):
    """Events of a process and their weights."""

    events: Count
    weight: float
    square: NotNegative
    kept: Count
    kept_weight: float


class Weights(Form):
    """The weights of the events kept."""

    unweighted: bool
    sum: float
    sum_of_squares: NotNegative


class ImportedFile(Form):
    """What an export needs to know of the file that a table was made of."""

    beams: Beams
    weighting: int
    cross_sections: list[Process]
    generators: list[Generator]
    incoming: Count
    left_out: dict[str, int]
    weights: Weights
    processes: dict[str, Sums] = Field({})


def info(table: Table) -> Info | None:
    """Return what a table says of the Les Houches file that it was made of; None for one of other events.

    Raises
    ------
    OnshellError
        When the table was made by an import, and is not any more what that wrote.
    """
    names, path = table.names, table.path
    if "lhe" not in table.metadata:
        if {"id", "e_cm", "boost_z"} <= set(names):
            raise OnshellError(
                f"{path}: has the columns of imported events, but not the metadata (beams, cross sections): "
                f"another program rewrote it; {AGAIN}"
            )
        return None
    about: Info = checked(table.metadata["lhe"], ImportedFile, f"{path}: metadata: lhe", AGAIN)
    try:
        convention(about), scale_of_kept(about, max(table.rows, 1)), of_kept(about)
    except (ArithmeticError, KeyError, StopIteration, TypeError, ValueError) as error:
        raise OnshellError(f"{path}: its metadata are not those of an import ({error!r}); {AGAIN}") from error
    for name in COLUMNS:
        if name in INCOMING and not about["incoming"]:
            continue
        kind = table.schema.field(name).type if name in names else None
        if kind is None or not (arrow.is_numbers(kind) if name in LISTS else arrow.is_number(kind)):
            what = "is missing" if kind is None else f"holds {kind}"
            raise OnshellError(f"{path}: column {name} {what}: another program rewrote the import; {AGAIN}")
    spans = table.metadata.get("split") or {}
    ends = sorted(tuple(span) for span in spans.values())
    joined = bool(ends) and ends[0][0] == 0 and all(a[1] == b[0] for a, b in pairwise(ends))
    low, high = about["e_cm"]
    if not (joined and ends[-1][1] == table.rows <= about["kept"] and 0.0 < low <= high):
        raise OnshellError(
            f"{path}: its {table.rows} rows are not those of its metadata (split {dict(spans)}, {about['kept']} "
            f"events kept): another program changed it, and the cross section is no longer that of its events; {AGAIN}"
        )
    return about


def checked_columns(columns: Mapping[str, Any], path: Path) -> Columns:
    """Return the columns of imported events, or raise if a number of them cannot be written."""
    found = {name: columns[name] for name in COLUMNS if name in columns}
    for name, values in found.items():
        numbers = values.astype(np.float64)
        good = np.isfinite(numbers)
        if name in COUNTS:
            good = good & (numbers == np.floor(numbers)) & (np.abs(numbers) < WHOLE)
        elif name == "e_cm":
            good = good & (numbers > 0.0)
        elif name not in ("weight", *FRAME, *BEAM):
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
