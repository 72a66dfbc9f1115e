"""Bad event tables: every fault is told in one line that names the file, what is wrong and what to do."""

import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.events import table
from onshell.events.checks import checked_weights
from onshell.events.table import iter_events, read_events, read_metadata, write_events
from onshell.physics import generators

N_EVENTS = 100


@pytest.fixture(scope="module")
def p():
    """Return uniform events of three particles."""
    return generators.events("uniform", N_EVENTS, seed=2, name=("bad",), n_particles=3)


@pytest.fixture
def good(tmp_path, p, monkeypatch):
    """Return the path of a good table with row groups of 16 events."""
    monkeypatch.setattr(table, "ROWS", 16)
    write_events(
        tmp_path / "good.parquet",
        [p],
        {"process": "uniform", "e_cm": 1.0, "split": {"train": [0, 60], "test": [60, 100]}},
    )
    return tmp_path / "good.parquet"


def refuses(path, message, **options):
    """Check that reading `path` raises the one-line error `message` (a pattern)."""
    with pytest.raises(OnshellError) as caught:
        read_events(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    assert "; " in text, "an error says what to do"
    assert re.search(message, text), text
    assert len(text) < len(str(path)) + 300


def columns_of(p, space="p"):
    """Return px, py, pz as Python lists of one list per event."""
    return {f"{space}{axis}": component.tolist() for axis, component in zip("xyz", p.unbind(-1), strict=True)}


def write(path, columns, metadata=None):
    """Write a Parquet file of `columns` as anybody could, with `metadata` as our JSON."""
    frame = pa.table(columns)
    if metadata is not None:
        frame = frame.replace_schema_metadata({"onshell": metadata})
    pq.write_table(frame, path)
    return path


def test_no_file_and_a_folder(tmp_path):
    refuses(tmp_path / "x.parquet", "no such file")
    refuses(tmp_path, "a folder, not an event table")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"px,py,pz\n1,2,3\n", r"not a Parquet file \(it starts with b'px,p'\)"),
        (b"PAR1", r"truncated \(4 bytes"),
        (b"PAR1PAR1", r"truncated \(8 bytes"),
        (b"PAR1" + b"\0" * 100, r"truncated \(104 bytes, no Parquet footer\)"),
        (b"PAR1" + b"\xff" * 100 + b"PAR1", "damaged"),
    ],
)
def test_files_that_are_not_parquet(tmp_path, content, message):
    (tmp_path / "x.parquet").write_bytes(content)
    refuses(tmp_path / "x.parquet", message)
    with pytest.raises(OnshellError, match=r"x\.parquet: "):
        read_metadata(tmp_path / "x.parquet")


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_table(good, fraction):
    content = good.read_bytes()
    good.write_bytes(content[: int(len(content) * fraction)])
    refuses(good, "truncated")


def test_a_flipped_bit_is_found_by_the_checksum(good):
    content = bytearray(good.read_bytes())
    chunk = pq.ParquetFile(good).metadata.row_group(3).column(2)
    content[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 16
    good.write_bytes(content)
    refuses(good, "damaged .*(CRC|checksum)")


def test_foreign_parquet_says_which_columns_it_has(tmp_path):
    refuses(write(tmp_path / "x.parquet", {"mass": [1.0], "charge": [2]}), "not an event table: .*mass, charge; px")
    refuses(write(tmp_path / "y.parquet", {"px": [[1.0]], "py": [[1.0]]}), "not an event table: .*columns px, py; px")
    many = write(tmp_path / "z.parquet", {f"c{k}": [k] for k in range(40)})
    refuses(many, r"c0, .*c11, \.\.\.; px")


@pytest.mark.parametrize("values", [[1.0, 2.0], ["a", "b"], [["a"], ["b"]], [{"x": 1}, {"x": 2}]])
def test_columns_that_hold_no_lists_of_numbers(tmp_path, values):
    refuses(
        write(tmp_path / "x.parquet", dict.fromkeys(("px", "py", "pz"), values)), "column px holds .*, not lists of"
    )


def test_the_wrong_number_of_particles(good, tmp_path, p):
    refuses(good, "events of 3 particles where 10 are needed", n_particles=10)
    refuses(write(tmp_path / "x.parquet", columns_of(p)), "events of 3 particles where 10 are", n_particles=10)
    unlike = {**columns_of(p), "py": columns_of(p[:, :2])["py"]}
    refuses(write(tmp_path / "y.parquet", unlike), "number of particles differs: 3 in px, 2 in py, 3 in pz")


def test_ragged_lists(tmp_path, p):
    columns = columns_of(p)
    columns["py"][7] = columns["py"][7][:2]
    columns["py"][31] = []
    refuses(write(tmp_path / "x.parquet", columns), "column py: events 7, 31: 2 numbers where 3 .*2 such rows")


def test_a_missing_list_and_a_missing_number(tmp_path, p):
    columns = columns_of(p)
    columns["pz"][9] = None
    refuses(write(tmp_path / "x.parquet", columns), "column pz: event 9: no list there")
    columns = columns_of(p)
    columns["pz"][9][1] = columns["pz"][12][0] = columns["pz"][12][2] = None
    refuses(write(tmp_path / "y.parquet", columns), r"column pz: events 9, 12: missing numbers \(null\)")
    fixed = {name: pa.array(values, pa.list_(pa.float64(), 3)) for name, values in columns.items()}
    refuses(write(tmp_path / "z.parquet", fixed), "column pz: events 9, 12: missing numbers")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("space", ["p", "q"])
def test_nan_and_infinity_say_which_events(tmp_path, p, value, space):
    bad = p.clone()
    bad[[5, 50, 51, 52, 53, 54, 99], 0, 1] = value
    path = tmp_path / "x.parquet"
    write_events(path, [bad], {}, space, check=False)
    refuses(path, r"events 5, 50, 51, 52, 53, \.\.\. \(7 of 100\): momenta that are NaN or infinite", space=space)
    assert len(read_events(path, check=False)) == N_EVENTS
    assert len(read_events(path, rows=slice(6, 50))) == 44


def test_nan_in_a_weight(tmp_path, p):
    weight = np.ones(N_EVENTS)
    weight[[4, 6]] = np.nan
    write_events(tmp_path / "x.parquet", [(p, {"weight": weight})], {})
    refuses(tmp_path / "x.parquet", "column weight: row 4 and 1 more are not finite numbers")


def test_off_the_shell_says_which_events_and_how_far(tmp_path, p, good):
    bad = p.clone()
    bad[17] *= 1.25
    bad[80, 0] += torch.tensor([0.0, 1e-3, 0.0])
    write_events(good, [bad], {}, check=False)
    refuses(
        good,
        r"events 17, 80 \(2 of 100\): off .* by up to 0\.25 .*worst has sum\|p\| = 1\.25, .*embed --project",
    )
    refuses(good, r"event 80 \(1 of 50\): off .* by up to 0\.001", rows=slice(50, None))
    pieces = []
    with pytest.raises(OnshellError, match="events 17, 80"):
        pieces.extend(iter_events(good))
    assert sum(map(len, pieces)) == 16


def test_the_tolerance(tmp_path, p):
    write_events(tmp_path / "x.parquet", [p * (1 + 0.9e-9)], {})
    assert len(read_events(tmp_path / "x.parquet")) == N_EVENTS
    write_events(tmp_path / "y.parquet", [p * (1 + 1.1e-9)], {}, check=False)
    refuses(tmp_path / "y.parquet", r"100 of 100\): off")
    single = {name: pa.array(values, pa.list_(pa.float32())) for name, values in columns_of(p).items()}
    refuses(write(tmp_path / "z.parquet", single), "off the massless .*embed --project")


def test_events_in_gev_or_in_another_frame(tmp_path, p):
    refuses(write(tmp_path / "x.parquet", columns_of(91.2 * p)), r"sum\|p\| = 91\.2, .*embed --project")
    boosted = p + torch.tensor([0.1, 0.0, 0.0], dtype=torch.float64)
    refuses(write(tmp_path / "y.parquet", columns_of(boosted)), r"\|sum p\| = 0\.3\); `onshell embed --project`")


def test_the_wrong_space(tmp_path, p):
    write_events(tmp_path / "p.parquet", [p], {})
    write_events(tmp_path / "q.parquet", [2 * p], {}, "q")
    refuses(
        tmp_path / "p.parquet", r"p-space events \(px, py, pz\) where q-space is needed; .*onshell embed", space="q"
    )
    refuses(tmp_path / "q.parquet", r"q-space events \(qx, qy, qz\) where p-space is needed; .*truth", space="p")
    assert read_events(tmp_path / "q.parquet").space == "q"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
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
    ],
)
def test_damaged_metadata(tmp_path, p, metadata, message):
    refuses(write(tmp_path / "x.parquet", columns_of(p), metadata), message)


def test_weights_of_either_sign_are_taken_as_they_are():
    found = checked_weights(np.array([2, -1, 0]), 3, "x")
    assert found.dtype == np.float64
    assert found.tolist() == [2.0, -1.0, 0.0]


def test_no_weights_and_equal_ones_weigh_nothing():
    assert checked_weights(None, 3, "x") is None
    assert checked_weights(np.full(3, 0.7), 3, "x") is None
    assert checked_weights(np.empty(0), 0, "x") is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"^a\.parquet: \(2,\) weights for 3 events; give one for each$"),
        ([[1.0], [1.0], [1.0]], r"\(3, 1\) weights for 3 events"),
        ([1.0, np.nan, 1.0], "the weights of 3 events are not all finite; remove these events"),
        ([1.0, np.inf, 1.0], "not all finite"),
        ([1.0, -2.0, 1.0], "the weights of 3 events sum to 0, which is no distribution"),
    ],
)
def test_weights_of_no_law_are_named(values, message):
    with pytest.raises(OnshellError, match=message):
        checked_weights(np.array(values), 3, "a.parquet")
