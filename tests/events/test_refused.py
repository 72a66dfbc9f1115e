"""Files that are no event tables, or hold bad events: refused in one line that says what is wrong and what to do."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from helpers.tables import LISTS, N, P, momenta, refuses
from onshell.core.errors import OnshellError
from onshell.events import table
from onshell.events.checks import checked_weights
from onshell.events.table import iter_events, read_events, read_metadata, write_events


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.parquet"


def changed(name, *values):
    """Return the columns of momenta with other values in the rows of one: pairs of a row and a list, or None."""
    lists = P[..., "xyz".index(name[1])].tolist()
    for row, value in values:
        lists[row] = value
    return momenta() | {name: pa.array(lists, LISTS)}


def alike(values):
    """Return the same column three times."""
    return {"px": values, "py": values, "pz": values}


FILES = [
    (b"", r"empty \(0 bytes\)"),
    (b"px,py,pz\n1,2,3\n", r"not a Parquet file \(it starts with b'px,p'\)"),
    (b"PAR1", r"truncated \(4 bytes"),
    (b"PAR1PAR1", r"truncated \(8 bytes"),
    (b"PAR1" + b"\0" * 100, r"truncated \(104 bytes, no Parquet footer\)"),
    (b"PAR1" + b"\xff" * 100 + b"PAR1", "damaged"),
]


@pytest.mark.parametrize(("content", "message"), FILES)
def test_files_that_are_not_parquet(path, content, message):
    path.write_bytes(content)
    refuses(path, message)
    with pytest.raises(OnshellError, match=r"x\.parquet: "):
        read_metadata(path)


def test_no_file_a_folder_a_truncated_table_a_flipped_bit_and_a_name_that_is_no_text(path, tmp_path):
    refuses(path, "no such file")
    refuses(tmp_path, "a folder, not an event table")
    write_events(path, [P], {})
    content = bytearray(path.read_bytes())
    for fraction in (0.1, 0.999):
        path.write_bytes(content[: int(len(content) * fraction)])
        refuses(path, "truncated")
    path.write_bytes(content)
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(2)
    content[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 16
    path.write_bytes(content)
    refuses(path, "damaged .*(CRC|checksum)")
    pq.write_table(pa.table(momenta() | {"in_xyd": [1.0] * N}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"in_xyd", b"in_\xe9\xffd"))
    refuses(path, "damaged ")


def fixed(columns):
    """Return columns of fixed-size lists."""
    return {name: pa.array(values.to_pylist(), pa.list_(pa.float64(), 3)) for name, values in columns.items()}


GAPS = changed("pz", (9, [0.1, None, 0.2]), (12, [None, 0.1, None]))
BOOSTED = P + torch.tensor([0.1, 0.0, 0.0], dtype=torch.float64)
COLUMNS = [
    ({"mass": [1.0], "charge": [2]}, "not an event table: .*mass, charge; px"),
    ({"px": [[1.0]], "py": [[1.0]]}, "not an event table: .*columns px, py; px"),
    ({f"c{k}": [k] for k in range(40)}, r"c0, .*c11, \.\.\.; px"),
    (alike([1.0, 2.0]), "column px holds .*, not lists of"),
    (alike(["a", "b"]), "column px holds .*, not lists of"),
    (alike([["a"], ["b"]]), "column px holds .*, not lists of"),
    (momenta() | {"py": momenta(P[:, :2])["py"]}, "number of particles differs: 3 in px, 2 in py, 3 in pz"),
    (changed("py", (7, [0.1, 0.2]), (31, [])), "column py: events 7, 31: 2 numbers where 3 .*2 such rows"),
    (changed("pz", (9, None)), r"column pz: event 9: no list there \(null\)"),
    (GAPS, r"column pz: events 9, 12: missing numbers \(null\)"),
    (fixed(GAPS), "column pz: events 9, 12: missing numbers"),
    (momenta(91.2 * P), r"sum\|p\| = 91\.2, .*embed --project"),
    (momenta(BOOSTED), r"\|sum p\| = 0\.3\); `onshell embed --project`"),
    (momenta(P, pa.list_(pa.float32())), "off the massless .*embed --project"),
]


@pytest.mark.parametrize(("columns", "message"), COLUMNS)
def test_columns_that_are_no_momenta(path, columns, message):
    refuses(path, message, columns)


METADATA = [
    ("{", "metadata is not JSON"),
    ('"muon"', "metadata is not a JSON object"),
    (json.dumps({"n_particles": 4}), "metadata says n_particles = 4, the columns hold 3"),
    (json.dumps({"e_cm": 91.2}), "metadata says e_cm = 91.2; .*divide by it"),
    (json.dumps({"split": {"train": [0, 1000]}}), "split = .*does not fit its 100 rows"),
    (json.dumps({"split": {"train": [50, 20]}}), "split = .*does not fit"),
    (json.dumps({"split": {"train": "all"}}), r"metadata: split\.train = 'all': "),
    (json.dumps({"split": [0, 10]}), r"metadata: split = \[0, 10\]: "),
    (json.dumps({"seed": float("nan")}), "metadata is not JSON"),
    (json.dumps({"lhe": {}}), "metadata without lhe.file, "),
]


@pytest.mark.parametrize(("metadata", "message"), METADATA)
def test_damaged_metadata(path, metadata, message):
    refuses(path, message, momenta(), metadata)


def test_what_the_caller_does_not_expect(path, tmp_path):
    write_events(path, [P], {})
    refuses(path, "events of 3 particles where 10 are needed", n_particles=10)
    refuses(path, r"p-space events \(px, py, pz\) where q-space is needed; .*onshell embed", space="q")
    q = tmp_path / "q.parquet"
    write_events(q, [2 * P], {}, "q")
    refuses(q, r"q-space events \(qx, qy, qz\) where p-space is needed; .*truth", space="p")
    assert read_events(q).space == "q"


@pytest.mark.parametrize("value", [np.nan, -np.inf])
@pytest.mark.parametrize("space", ["p", "q"])
def test_nan_and_infinity_say_which_events(path, value, space):
    bad = P.clone()
    bad[[5, 50, 51, 52, 53, 54, 99], 0, 1] = value
    write_events(path, [bad], {}, space, check=False)
    refuses(path, r"events 5, 50, 51, 52, 53, \.\.\. \(7 of 100\): momenta that are NaN or infinite", space=space)
    assert len(read_events(path, check=False)) == N
    assert len(read_events(path, rows=slice(6, 50))) == 44


def test_off_the_shell_says_which_events_and_how_far(path, monkeypatch):
    bad = P.clone()
    bad[17] *= 1.25
    bad[80, 0] += torch.tensor([0.0, 1e-3, 0.0])
    monkeypatch.setattr(table, "ROWS", 16)
    write_events(path, [bad], {}, check=False)
    message = r"events 17, 80 \(2 of 100\): off .* by up to 0\.25 .*worst has sum\|p\| = 1\.25, .*embed --project"
    refuses(path, message)
    refuses(path, r"event 80 \(1 of 50\): off .* by up to 0\.001", rows=slice(50, None))
    pieces = []
    with pytest.raises(OnshellError, match="events 17, 80"):
        pieces.extend(iter_events(path))
    assert sum(map(len, pieces)) == 16
    write_events(path, [P * (1 + 0.9e-9)], {})
    assert len(read_events(path)) == N
    write_events(path, [P * (1 + 1.1e-9)], {}, check=False)
    refuses(path, r"100 of 100\): off")


@pytest.mark.parametrize("name", ["event", "px", "weight"])
def test_two_columns_of_one_name(path, name):
    write_events(path, [(P, {"weight": np.ones(N)})], {})
    twice = pq.read_table(path)
    pq.write_table(twice.append_column(name, twice[name]), path)
    refuses(path, f"has two columns {name}; rename")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"^a\.parquet: \(2,\) weights for 3 events; give one for each$"),
        ([[1.0], [1.0], [1.0]], r"\(3, 1\) weights for 3 events"),
        ([1.0, np.nan, 1.0], "the weights of 3 events are not all finite; remove these events"),
        ([1.0, -2.0, 1.0], "the weights of 3 events sum to 0, which is no distribution"),
    ],
)
def test_weights_that_are_no_distribution(values, message):
    with pytest.raises(OnshellError, match=message):
        checked_weights(np.array(values), 3, "a.parquet")
    assert checked_weights(np.array([2, -1, 0]), 3, "x").tolist() == [2.0, -1.0, 0.0]
    for nothing in (None, np.full(3, 0.7)):
        assert checked_weights(nothing, 3, "x") is None
    assert checked_weights(np.empty(0), 0, "x") is None
