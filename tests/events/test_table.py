"""The event table: what is written comes back bit for bit, in any tool, and its bytes depend on the events alone."""

import json

import awkward as ak
import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.events import table
from onshell.events.table import ROWS, Events, iter_events, read_events, read_metadata, split, write_events
from onshell.physics import generators

METADATA = {"process": "uniform", "e_cm": 1.0, "split": {"train": [0, 60], "test": [60, 100]}}


@pytest.fixture(scope="module")
def p():
    """Return 100 uniform events of five particles."""
    return generators.events("uniform", 100, seed=1, name=("test",), n_particles=5)


@pytest.fixture
def small_groups(monkeypatch):
    """Make row groups of 16 events, so that few events fill several."""
    monkeypatch.setattr(table, "ROWS", 16)


def test_what_is_written_comes_back_bit_for_bit(tmp_path, p):
    columns = {"weight": torch.rand(100, dtype=torch.float64), "step": np.arange(100, dtype=np.int32) % 7}
    assert write_events(tmp_path / "x.parquet", [(p, columns)], METADATA) == 100
    events = read_events(tmp_path / "x.parquet")
    assert events.momenta.dtype == torch.float64
    assert torch.equal(events.momenta, p)
    assert list(events.columns) == ["event", "weight", "step"]
    assert np.array_equal(events.columns["event"], np.arange(100))
    assert np.array_equal(events.columns["weight"], columns["weight"].numpy())
    assert np.array_equal(events.columns["step"], columns["step"])
    assert events.metadata == {**METADATA, "n_particles": 5} == read_metadata(tmp_path / "x.parquet")
    assert (events.space, events.n_particles, len(events)) == ("p", 5, 100)


def test_the_schema_on_disk(tmp_path, p):
    write_events(tmp_path / "x.parquet", [(p, {"weight": np.ones(100)})], METADATA)
    file = pq.ParquetFile(tmp_path / "x.parquet")
    assert file.schema_arrow.names == ["event", "px", "py", "pz", "weight"]
    assert str(file.schema_arrow.field("event").type) == "int64"
    assert str(file.schema_arrow.field("px").type).startswith("fixed_size_list<element: double")
    assert file.schema_arrow.field("px").type.list_size == 5
    assert json.loads(file.metadata.metadata[b"onshell"])["process"] == "uniform"


@pytest.mark.parametrize("space", ["p", "q"])
def test_pandas_polars_awkward_and_duckdb_open_it(tmp_path, p, space):
    path = tmp_path / "x.parquet"
    write_events(path, [(p, {"weight": np.arange(100.0)})], METADATA, space)
    x, y, z = (f"{space}{axis}" for axis in "xyz")
    expected = p.numpy()

    frame = pd.read_parquet(path)
    assert frame["event"].tolist() == list(range(100))
    assert np.array_equal(np.stack([np.stack(frame[c].to_numpy()) for c in (x, y, z)], -1), expected)

    series = pl.read_parquet(path)
    assert np.array_equal(np.stack([series[c].to_numpy() for c in (x, y, z)], -1), expected)

    array = ak.from_parquet(path)
    assert np.array_equal(np.stack([ak.to_numpy(array[c]) for c in (x, y, z)], -1), expected)
    energy = ak.sum(np.sqrt(array[x] ** 2 + array[y] ** 2 + array[z] ** 2), axis=1)
    assert np.allclose(energy, 1, rtol=0, atol=1e-12)

    rows = duckdb.sql(f"select {x}, {y}, {z}, weight from '{path}' order by event").fetchall()
    assert np.array_equal(np.stack([np.array(row[:3]).T for row in rows]), expected)
    assert [row[3] for row in rows] == list(range(100))
    assert duckdb.sql(f"select decode(value) from parquet_kv_metadata('{path}') where key = 'onshell'").fetchall()


@pytest.mark.parametrize("sizes", [[100], [1] * 100, [7, 16, 1, 40, 36], [16] * 6 + [4], [99, 0, 1]])
def test_the_bytes_do_not_depend_on_the_chunks(tmp_path, p, small_groups, sizes):
    weight = np.linspace(0, 1, 100)
    write_events(tmp_path / "one.parquet", [(p, {"weight": weight})], METADATA)
    chunks = zip(p.split(sizes), np.split(weight, np.cumsum(sizes)[:-1]), strict=True)
    write_events(tmp_path / "many.parquet", ((q, {"weight": w}) for q, w in chunks), METADATA)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    groups = pq.ParquetFile(tmp_path / "many.parquet").metadata
    assert [groups.row_group(k).num_rows for k in range(groups.num_row_groups)] == [16] * 6 + [4]
    assert torch.equal(read_events(tmp_path / "many.parquet").momenta, p)


def test_the_bytes_do_not_depend_on_strides_or_the_order_of_keys(tmp_path, p):
    write_events(tmp_path / "a.parquet", [p.permute(2, 0, 1).contiguous().permute(1, 2, 0)], METADATA)
    write_events(tmp_path / "b.parquet", [p.contiguous()], dict(reversed(METADATA.items())))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_rows_and_splits(tmp_path, p, small_groups):
    path = tmp_path / "x.parquet"
    write_events(path, [p], METADATA)
    for rows, expected in [
        ("train", slice(0, 60)),
        ("test", slice(60, 100)),
        (slice(30, 35), slice(30, 35)),
        (slice(90, 1000), slice(90, 100)),
        (slice(-3, None), slice(97, 100)),
        (slice(5, 5), slice(0, 0)),
    ]:
        events = read_events(path, rows=rows)
        assert torch.equal(events.momenta, p[expected])
        assert np.array_equal(events.columns["event"], np.arange(100)[expected])
        pieces = list(iter_events(path, rows=rows, size=7))
        assert all(len(piece) <= 7 for piece in pieces)
        assert torch.equal(torch.cat([p[:0], *(piece.momenta for piece in pieces)]), p[expected])
    assert split(METADATA, "test") == split(events, "test") == slice(60, 100)
    with pytest.raises(OnshellError, match=r"event table: no split 'valid' \(it has test, train\)"):
        split(METADATA, "valid")
    with pytest.raises(OnshellError, match=r"x\.parquet: no split 'valid'"):
        read_events(path, rows="valid")


def test_a_file_of_several_row_groups_is_read_in_pieces_of_one(tmp_path):
    n = ROWS + 1000
    chunks = generators.generate("uniform", n, seed=1, name=("test",), chunk=10_000, n_particles=2)
    write_events(tmp_path / "x.parquet", chunks, {})
    assert [len(events) for events in iter_events(tmp_path / "x.parquet")] == [ROWS, 1000]
    assert torch.equal(
        read_events(tmp_path / "x.parquet").momenta,
        generators.events("uniform", n, seed=1, name=("test",), n_particles=2),
    )


def test_an_empty_table(tmp_path):
    assert write_events(tmp_path / "x.parquet", [], {"n_particles": 4}) == 0
    assert read_events(tmp_path / "x.parquet").momenta.shape == (0, 4, 3)
    assert len(pd.read_parquet(tmp_path / "x.parquet")) == 0


def test_a_column_event_of_ones_own_is_kept(tmp_path, p):
    number = np.arange(100) // 2
    write_events(tmp_path / "x.parquet", [(p, {"copy": np.arange(100) % 2, "event": number})], METADATA, "q")
    events = read_events(tmp_path / "x.parquet", space="q")
    assert np.array_equal(events.columns["event"], number)
    assert pq.ParquetFile(tmp_path / "x.parquet").schema_arrow.names[0] == "event"


def test_tables_written_by_other_tools_are_read(tmp_path, p):
    columns = {f"p{axis}": list(component.numpy()) for axis, component in zip("xyz", p.unbind(-1), strict=True)}
    frame = pd.DataFrame({**columns, "label": ["a"] * 100, "weight": np.ones(100)})
    frame.to_parquet(tmp_path / "pandas.parquet")
    pl.from_pandas(frame).write_parquet(tmp_path / "polars.parquet")
    lists = {name: [row.tolist() for row in column] for name, column in columns.items()}
    ak.to_parquet(ak.Array(lists), tmp_path / "awkward.parquet")
    for path in tmp_path.iterdir():
        events = read_events(path, space="p", n_particles=5)
        assert torch.equal(events.momenta, p), path.name
        assert events.metadata == {}
        assert np.array_equal(events.columns["event"], np.arange(100))
        assert "label" not in events.columns


def test_a_generator_that_fails_leaves_no_file(tmp_path, p):
    def chunks():
        yield p
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_events(tmp_path / "x.parquet", chunks(), METADATA)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("space", ["p", "q"])
def test_numbers_that_are_not_finite_are_never_written(tmp_path, p, value, space):
    bad = p.clone()
    bad[[3, 70], 1, 2] = value
    message = r"x\.parquet: events 3, 70 \(2 of 100\): momenta that are NaN or infinite"
    with pytest.raises(OnshellError, match=message):
        write_events(tmp_path / "x.parquet", [bad], METADATA, space)
    assert list(tmp_path.iterdir()) == []


def test_events_off_the_shell_are_only_written_where_the_metadata_says_so(tmp_path, p):
    with pytest.raises(OnshellError, match=r"events 0, 1, 2, 3, 4, \.\.\. \(100 of 100\): off the massless"):
        write_events(tmp_path / "x.parquet", [p * 1.01], METADATA)
    write_events(tmp_path / "x.parquet", [p * 1.01], {**METADATA, "conserves": False})
    assert torch.equal(read_events(tmp_path / "x.parquet").momenta, p * 1.01)
    write_events(tmp_path / "q.parquet", [p * 1.01], METADATA, "q")
    assert torch.equal(read_events(tmp_path / "q.parquet").momenta, p * 1.01)


def test_mistakes_of_the_programmer(tmp_path, p):
    with pytest.raises(TypeError, match="float64"):
        write_events(tmp_path / "x.parquet", [p.float()], METADATA)
    with pytest.raises(TypeError, match=r"\[n, N, 3\]"):
        write_events(tmp_path / "x.parquet", [p[0]], METADATA)
    with pytest.raises(ValueError, match="chunks differ"):
        write_events(tmp_path / "x.parquet", [p, p[:, :4]], METADATA, check=False)
    with pytest.raises(ValueError, match="chunks differ"):
        write_events(tmp_path / "x.parquet", [p, (p, {"weight": np.ones(100)})], METADATA)
    assert Events(p).metadata == {}
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_another_replaces_while_it_is_read_is_read_as_it_was(tmp_path, p, monkeypatch):
    path, other = tmp_path / "e.parquet", tmp_path / "other.parquet"
    write_events(path, [p], {"process": "uniform"})
    write_events(other, [p[:2]], {"process": "another"})
    plain = table.arrow.momenta_buffer

    def replaced(*shape):
        if other.exists():
            other.replace(path)
        return plain(*shape)

    monkeypatch.setattr(table.arrow, "momenta_buffer", replaced)
    events = read_events(path)
    assert torch.equal(events.momenta, p)
    assert events.metadata["process"] == "uniform"
