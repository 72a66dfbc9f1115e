"""Tables that other tools wrote or changed: every column is read as what it is, or refused in one line."""

import decimal
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.events.datasets import Embedding, Truth, embed_file, generate_file
from onshell.events.parquet import KEY
from onshell.events.table import read_events, read_metadata, write_events
from onshell.physics import generators

N = 6


@pytest.fixture(scope="module")
def p():
    """Return uniform events of three particles."""
    return generators.events("uniform", N, seed=2, name=("foreign",), n_particles=3)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Return the path of 30 events of exact truth, 20 of them to train on."""
    path = tmp_path_factory.mktemp("truth") / "truth.parquet"
    generate_file(path, Truth("uniform_3", "uniform", "uniform", {"n_particles": 3}, 1, n_train=20, n_test=10))
    return path


def momenta(p, kind=None):
    """Return the columns px, py, pz of lists of `kind`."""
    kind = kind or pa.list_(pa.float64())
    return {f"p{axis}": pa.array(part.tolist(), kind) for axis, part in zip("xyz", p.unbind(-1), strict=True)}


def read(path, columns, metadata=None):
    """Return the events of a table of `columns`, written by Arrow."""
    table = pa.table(columns)
    pq.write_table(table if metadata is None else table.replace_schema_metadata({KEY: json.dumps(metadata)}), path)
    return read_events(path)


def refuses(message, path, *arguments):
    with pytest.raises(OnshellError, match=message) as caught:
        read(path, *arguments) if arguments else read_events(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


WEIGHTS = [1.0, 3.0] * 3
NUMBERS = {
    "double": pa.array(WEIGHTS),
    "single": pa.array(WEIGHTS, pa.float32()),
    "half": pa.array(np.array(WEIGHTS, np.float16)),
    "whole": pa.array([1, 3] * 3, pa.int16()),
    "unsigned": pa.array([1, 3] * 3, pa.uint64()),
    "decimal": pa.array([decimal.Decimal("1.00"), decimal.Decimal("3.00")] * 3),
    "wide decimal": pa.array([decimal.Decimal(1), decimal.Decimal(3)] * 3, pa.decimal256(50, 2)),
    "dictionary": pa.array(WEIGHTS).dictionary_encode(),
    "chunks": pa.chunked_array([WEIGHTS[:2], WEIGHTS[2:]]),
}
OTHERS = {
    "text": pa.array(["1", "3"] * 3),
    "category": pa.array(["1", "3"] * 3).dictionary_encode(),
    "list": pa.array([[1.0], [3.0]] * 3),
    "fixed list": pa.array([[1.0], [3.0]] * 3, pa.list_(pa.float64(), 1)),
    "struct": pa.array([{"nominal": 1.0}, {"nominal": 3.0}] * 3),
    "null": pa.nulls(N),
    "truth": pa.array([True, False] * 3),
    "time": pa.array([1, 3] * 3, pa.timestamp("s")),
    "duration": pa.array([1, 3] * 3, pa.duration("s")),
    "bytes": pa.array([b"1", b"3"] * 3),
}


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("name", ["weight", "log_prob"])
def test_numbers_of_any_type_are_read_as_such(p, kind, name, tmp_path):
    found = read(tmp_path / "t.parquet", momenta(p) | {name: NUMBERS[kind]}).columns[name]
    assert found.dtype == np.float64
    assert found.tolist() == WEIGHTS


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", ["weight", "log_prob", "event"])
def test_a_column_that_is_no_number_per_event_is_refused(p, kind, name, tmp_path):
    refuses(
        f"column {name} holds .*not one number per event", tmp_path / "t.parquet", momenta(p) | {name: OTHERS[kind]}
    )


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["weight", "log_prob", "event"])
def test_a_number_that_is_none_is_refused(p, value, name, tmp_path):
    columns = momenta(p) | {name: pa.array([0.0, value, 2.0, value, 4.0, 5.0])}
    refuses(f"column {name}: row 1 and 1 more are not", tmp_path / "t.parquet", columns)


@pytest.mark.parametrize("values", [[0.5] + [1.0] * 5, [2.0**64] * 6, pa.array([2**64 - 1] * 6, pa.uint64())])
def test_event_numbers_are_not_cast_to_others(p, values, tmp_path):
    refuses("column event: row 0 .* whole numbers of 64 bits", tmp_path / "t.parquet", momenta(p) | {"event": values})
    found = read(tmp_path / "t.parquet", momenta(p) | {"event": pa.array([2**40 + k for k in range(N)], pa.uint64())})
    assert found.columns["event"].tolist() == [2**40 + k for k in range(N)]


@pytest.mark.parametrize("name", ["Weight", "WEIGHT", "weights", "wgt", "event_weight", "genWeight"])
def test_weights_of_another_name_are_not_overlooked(p, name, tmp_path):
    refuses(f"column {name} may hold weights", tmp_path / "t.parquet", momenta(p) | {name: WEIGHTS})
    assert read(tmp_path / "t.parquet", momenta(p) | {name: WEIGHTS, "weight": WEIGHTS}).columns["weight"].sum() == 12


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64(), 3), pa.large_list(pa.float64()), pa.list_(pa.float64()), pa.list_(pa.float32())]
)
def test_momenta_in_lists_of_any_kind(p, kind, tmp_path):
    pq.write_table(pa.table(momenta(p, kind)), tmp_path / "t.parquet")
    found = read_events(tmp_path / "t.parquet", check="finite").momenta
    assert torch.allclose(found, p, rtol=1e-6)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.list_(pa.int32(), 3)])
def test_lists_per_particle_that_another_tool_rewrote(p, kind, tmp_path):
    ids = [[11, -12, 2**31 - 1]] * N
    found = read(tmp_path / "t.parquet", momenta(p) | {"id": pa.array(ids, kind)}).columns["id"]
    assert found.tolist() == ids
    if not pa.types.is_fixed_size_list(kind):
        ragged = pa.array([*ids[:-1], [11, -12]], kind)
        refuses("column id: event 5: 2 numbers where 3", tmp_path / "t.parquet", momenta(p) | {"id": ragged})


def test_columns_that_nobody_computes_with_do_not_matter(p, tmp_path):
    others = {name: OTHERS[name] for name in ("text", "list", "struct", "null", "time")}
    found = read(tmp_path / "t.parquet", momenta(p) | others | {"flag": [True, None] * 3, "energy": [1.0] * N})
    assert set(found.columns) == {"event", "flag", "energy"}


def energies(p, mass):
    return (p.square().sum(-1) + mass**2).sqrt().tolist()


@pytest.mark.parametrize("name", ["e", "E", "energy", "Energy"])
def test_energies_of_massive_particles_are_refused(p, name, tmp_path):
    massless = momenta(p) | {name: pa.array(energies(p, 0.0), pa.list_(pa.float32()))}
    assert len(read(tmp_path / "t.parquet", massless)) == N
    refuses(f"column {name}: .*massive", tmp_path / "t.parquet", momenta(p) | {name: energies(p, 0.1)})
    refuses(f"column {name}: .*massive", tmp_path / "t.parquet", momenta(p) | {name: (-p.norm(dim=-1)).tolist()})
    refuses(f"column {name}: .*massive", tmp_path / "t.parquet", momenta(p) | {name: [[1, 2, 3]] * N})


@pytest.mark.parametrize("name", ["m", "M", "mass", "masses"])
@pytest.mark.parametrize("values", [[[0.0, 0.1, 0.0]] * N, [[0, 0, 1]] * N, [[float("nan")] * 3] * N])
def test_masses_are_refused(p, name, values, tmp_path):
    refuses(f"column {name}: .*massive", tmp_path / "t.parquet", momenta(p) | {name: values})
    # A column of masses says more than energies that were rounded.
    rounded = {"E": [[round(e, 3) for e in event] for event in energies(p, 0.0)]}
    assert len(read(tmp_path / "t.parquet", momenta(p) | rounded | {name: [[0.0] * 3] * N})) == N


def test_massive_events_are_not_projected(p, tmp_path):
    pq.write_table(pa.table(momenta(60 * p) | {"mass": [[30.0] * 3] * N}), tmp_path / "t.parquet")
    with pytest.raises(OnshellError, match=r"t\.parquet: column mass: events 0, .*massive"):
        embed_file(tmp_path / "t.parquet", tmp_path / "q.parquet", Embedding("single", {"copies": 1}, 0, project=True))
    assert not (tmp_path / "q.parquet").exists()


CHANGES = {
    "filtered": lambda table: table.filter(pc.greater(table["event"], 3)),
    "cut": lambda table: table.slice(0, 25),
    "sorted": lambda table: table.take(pa.array(list(range(29, -1, -1)))),
    "shuffled": lambda table: table.take(pa.array(np.random.default_rng(1).permutation(30))),
    "concatenated": lambda table: pa.concat_tables([table, table]),
    "without event": lambda table: table.drop_columns("event"),
    "renumbered": lambda table: table.set_column(0, "event", pa.array(np.arange(30) // 2)),
    "renamed to q": lambda table: table.rename_columns(["event", "qx", "qy", "qz"]).replace_schema_metadata(
        table.schema.metadata
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_metadata_of_other_rows_are_refused(truth, change, tmp_path):
    table, path = CHANGES[change](pq.read_table(truth)), tmp_path / "t.parquet"
    pq.write_table(table, path)
    refuses("its metadata describe other rows|does not fit its", path)
    # Without them it is a table like any other.
    pq.write_table(table.replace_schema_metadata(None), path)
    assert read_metadata(path) == {}
    assert len(read_events(path))


@pytest.mark.parametrize("change", ["filtered", "sorted", "concatenated", "without event", "renumbered"])
def test_samples_that_another_tool_changed_do_not_pass_for_those_of_a_model(p, change, tmp_path):
    path = tmp_path / "t.parquet"
    write_events(path, [p.repeat(5, 1, 1)], {"run": "uniform_3-q-flow"})
    table = pq.read_table(path)
    pq.write_table(CHANGES[change](table), path)
    refuses("its metadata describe other rows", path)


@pytest.mark.parametrize("change", ["filtered", "cut", "sorted", "concatenated", "without event"])
def test_training_sets_that_another_tool_changed_are_refused(truth, change, tmp_path):
    path = tmp_path / "q.parquet"
    embed_file(truth, path, Embedding("double", {"copies": 2}, 0))
    table = pq.read_table(path)
    pq.write_table(table, path)
    assert len(read_events(path)) == 20
    if change == "sorted":
        table = table.take(pa.array(list(range(19, -1, -1))))
    else:
        table = CHANGES[change](table.slice(0, 15) if change == "cut" else table)
    pq.write_table(table, path)
    refuses("its metadata describe other rows|does not fit its", path)


def test_further_columns_leave_the_metadata_true(truth, tmp_path):
    table = pq.read_table(truth)
    pq.write_table(table.append_column("mine", pa.array(np.arange(30.0))), tmp_path / "t.parquet")
    assert read_metadata(tmp_path / "t.parquet") == read_metadata(truth)
    assert read_events(tmp_path / "t.parquet", rows="test").columns["mine"].tolist() == list(range(20, 30))


def test_a_name_that_is_no_text_is_refused(p, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(momenta(p) | {"in_xyd": WEIGHTS}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"in_xyd", b"in_\xe9\xffd"))
    refuses("damaged ", path)


def test_events_of_many_bits_survive(p, tmp_path):
    event = np.arange(N) + 2**53 + 1
    write_events(tmp_path / "t.parquet", [(p, {"event": event})], {})
    assert read_events(tmp_path / "t.parquet").columns["event"].tolist() == event.tolist()
