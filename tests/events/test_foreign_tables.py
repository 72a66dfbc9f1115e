"""Tables that other tools wrote or changed: every column is read as what it is, or refused in one line."""

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from helpers.tables import N, P, momenta, read, refuses
from onshell.core.errors import OnshellError
from onshell.events.datasets import Embedding, Truth, embed_file, generate_file
from onshell.events.table import read_events, read_metadata, write_events


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.parquet"


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Return the path of 30 events of exact truth, 20 of them to train on."""
    path = tmp_path_factory.mktemp("truth") / "truth.parquet"
    generate_file(path, Truth("uniform_3", "uniform", "uniform", {"n_particles": 3}, 1, n_train=20, n_test=10))
    return path


WEIGHTS = [1.0, 3.0] * (N // 2)
NUMBERS = {
    "double": pa.array(WEIGHTS),
    "half": pa.array(np.array(WEIGHTS, np.float16)),
    "whole": pa.array([1, 3] * (N // 2), pa.int16()),
    "unsigned": pa.array([1, 3] * (N // 2), pa.uint64()),
    "decimal": pa.array([decimal.Decimal("1.00"), decimal.Decimal("3.00")] * (N // 2)),
    "wide decimal": pa.array([decimal.Decimal(1), decimal.Decimal(3)] * (N // 2), pa.decimal256(50, 2)),
    "dictionary": pa.array(WEIGHTS).dictionary_encode(),
    "chunks": pa.chunked_array([WEIGHTS[:2], WEIGHTS[2:]]),
}
OTHERS = {
    "text": pa.array(["1", "3"] * (N // 2)),
    "category": pa.array(["1", "3"] * (N // 2)).dictionary_encode(),
    "list": pa.array([[1.0], [3.0]] * (N // 2)),
    "fixed list": pa.array([[1.0], [3.0]] * (N // 2), pa.list_(pa.float64(), 1)),
    "struct": pa.array([{"nominal": 1.0}, {"nominal": 3.0}] * (N // 2)),
    "null": pa.nulls(N),
    "truth": pa.array([True, False] * (N // 2)),
    "time": pa.array([1, 3] * (N // 2), pa.timestamp("s")),
    "bytes": pa.array([b"1", b"3"] * (N // 2)),
}


@pytest.mark.parametrize("name", ["weight", "log_prob", "event"])
def test_a_column_that_is_needed_is_a_number_in_every_row_or_refused(path, name):
    for kind in OTHERS:
        message = f"column {name} holds .*not one number per event"
        refuses(path, message, momenta() | {name: OTHERS[kind]})
    for value in (None, float("nan"), float("inf")):
        numbers = [0.0, value, 2.0, value, *map(float, range(4, N))]
        refuses(path, f"column {name}: row 1 and 1 more are not", momenta() | {name: pa.array(numbers)})
    if name != "event":
        for values in NUMBERS.values():
            found = read(path, momenta() | {name: values}).columns[name]
            assert found.dtype == np.float64
            assert found.tolist() == WEIGHTS


@pytest.mark.parametrize("values", [[0.5] + [1.0] * (N - 1), [2.0**64] * N, pa.array([2**64 - 1] * N, pa.uint64())])
def test_event_numbers_are_not_cast_to_others(path, values):
    refuses(path, "column event: row 0 .* whole numbers of 64 bits", momenta() | {"event": values})
    large = [2**53 + 1 + k for k in range(N)]
    found = read(path, momenta() | {"event": pa.array(large, pa.uint64())})
    assert found.columns["event"].tolist() == large
    write_events(path, [(P, {"event": np.array(large)})], {})
    assert read_events(path).columns["event"].tolist() == large


@pytest.mark.parametrize("name", ["Weight", "weights", "wgt", "event_weight", "genWeight"])
def test_weights_of_another_name_are_not_overlooked(path, name):
    refuses(path, f"column {name} may hold weights", momenta() | {name: WEIGHTS})
    assert read(path, momenta() | {name: WEIGHTS, "weight": WEIGHTS}).columns["weight"].sum() == 2 * N


@pytest.mark.parametrize("kind", [pa.list_(pa.float64(), 3), pa.large_list(pa.float64()), pa.list_(pa.float32())])
def test_momenta_in_lists_of_any_kind(path, kind):
    pq.write_table(pa.table(momenta(P, kind)), path)
    assert torch.allclose(read_events(path, check="finite").momenta, P, rtol=1e-6)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.list_(pa.int32(), 3)])
def test_lists_per_particle_that_another_tool_rewrote(path, kind):
    ids = [[11, -12, 2**31 - 1]] * N
    assert read(path, momenta() | {"id": pa.array(ids, kind)}).columns["id"].tolist() == ids
    if not pa.types.is_fixed_size_list(kind):
        ragged = pa.array([*ids[:-1], [11, -12]], kind)
        refuses(path, "column id: event 99: 2 numbers where 3", momenta() | {"id": ragged})


def test_columns_that_nobody_computes_with_do_not_matter(path):
    others = {name: OTHERS[name] for name in ("text", "list", "struct", "null", "time")}
    found = read(path, momenta() | others | {"flag": [True, None] * (N // 2), "energy": [1.0] * N})
    assert set(found.columns) == {"event", "flag", "energy"}


def energies(mass):
    return (P.square().sum(-1) + mass**2).sqrt().tolist()


@pytest.mark.parametrize("name", ["e", "E", "Energy"])
def test_energies_of_massive_particles_are_refused(path, name):
    massless = momenta() | {name: pa.array(energies(0.0), pa.list_(pa.float32()))}
    assert len(read(path, massless)) == N
    for values in (energies(0.1), (-P.norm(dim=-1)).tolist(), [[1, 2, 3]] * N, [[1e200] * 3] * N):
        refuses(path, f"column {name}: .*massive", momenta() | {name: values})


@pytest.mark.parametrize("name", ["m", "M", "masses"])
def test_masses_are_refused(path, name, tmp_path):
    for values in ([[0.0, 0.1, 0.0]] * N, [[0, 0, 1]] * N, [[float("nan")] * 3] * N):
        refuses(path, f"column {name}: .*massive", momenta() | {name: values})
    # A column of masses says more than energies that were rounded.
    rounded = {"E": [[round(e, 3) for e in event] for event in energies(0.0)]}
    assert len(read(path, momenta() | rounded | {name: [[0.0] * 3] * N})) == N
    pq.write_table(pa.table(momenta(60 * P) | {name: [[30.0] * 3] * N}), path)
    with pytest.raises(OnshellError, match=rf"x\.parquet: column {name}: events 0, .*massive"):
        embed_file(path, tmp_path / "q.parquet", Embedding("single", {"copies": 1}, 0, project=True))
    assert not (tmp_path / "q.parquet").exists()


CHANGES = {
    "filtered": lambda table: table.filter(pc.greater(table["event"], 3)),
    "cut": lambda table: table.slice(0, table.num_rows - 5),
    "sorted": lambda table: table.take(pa.array(list(range(table.num_rows - 1, -1, -1)))),
    "concatenated": lambda table: pa.concat_tables([table, table]),
    "without event": lambda table: table.drop_columns("event"),
    "renumbered": lambda table: table.set_column(0, "event", pa.array(np.arange(table.num_rows) // 2)),
    "renamed to q": lambda table: table.rename_columns(["event", "qx", "qy", "qz"]).replace_schema_metadata(
        table.schema.metadata
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_metadata_of_other_rows_are_refused(truth, change, path):
    made, message = CHANGES[change](pq.read_table(truth)), "its metadata describe other rows|does not fit its"
    pq.write_table(made, path)
    refuses(path, message)
    # Without them it is a table like any other.
    pq.write_table(made.replace_schema_metadata(None), path)
    assert read_metadata(path) == {}
    assert len(read_events(path))
    if change not in ("cut", "renamed to q"):
        write_events(path, [P], {"run": "uniform_3-q-flow"})
        pq.write_table(CHANGES[change](pq.read_table(path)), path)
        refuses(path, "its metadata describe other rows")
    if change not in ("renumbered", "renamed to q"):
        embed_file(truth, path, Embedding("double", {"copies": 2}, 0))
        made = pq.read_table(path)
        pq.write_table(made, path)
        assert len(read_events(path)) == 20
        pq.write_table(CHANGES[change](made), path)
        refuses(path, message)


def test_further_columns_leave_the_metadata_true(truth, path):
    made = pq.read_table(truth)
    pq.write_table(made.append_column("mine", pa.array(np.arange(30.0))), path)
    assert read_metadata(path) == read_metadata(truth)
    assert read_events(path, rows="test").columns["mine"].tolist() == list(range(20, 30))
