"""Event tables as other tools write them, and how those that are none are refused."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from onshell.core.errors import OnshellError
from onshell.events.parquet import KEY
from onshell.events.table import read_events
from onshell.physics import generators

N = 100
P = generators.events("uniform", N, seed=2, name=("bad",), n_particles=3)
LISTS = pa.list_(pa.float64())


def momenta(p=P, kind=LISTS):
    """Return the columns px, py, pz of lists of `kind`."""
    return {f"p{axis}": pa.array(part.tolist(), kind) for axis, part in zip("xyz", p.unbind(-1), strict=True)}


def read(path, columns, metadata=None):
    """Return the events of a table of `columns`, written by Arrow, with `metadata` as our JSON."""
    made = pa.table(columns)
    pq.write_table(made if metadata is None else made.replace_schema_metadata({KEY: metadata}), path)
    return read_events(path)


def refuses(path, message, columns=None, metadata=None, **options):
    """Check that reading `path`, after writing `columns` to it, raises the one-line error `message` (a pattern)."""
    with pytest.raises(OnshellError) as caught:
        read_events(path, **options) if columns is None else read(path, columns, metadata)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    assert "; " in text, "an error says what to do"
    assert re.search(message, text), text
    assert len(text) < len(str(path)) + 320
