"""Tables of imported events that another program rewrote."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from helpers.lhe import event, file_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.lhe.write import export_file
from onshell.events.table import write_events

NAN = float("nan")
TEXT_BEAMS = {"id": ["11", "-11"], "energy": [0.5, 0.5], "pdf_group": [0, 0], "pdf_set": [0, 0]}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The table of an import."""
    folder = tmp_path_factory.mktemp("imported")
    events = [event(p, (1, -1, 21), w) for p, w in zip(uniform(6), (1.0, 2.0, 3.0, 4.0, 5.0, 6.0), strict=True)]
    import_file(write(folder / "x.lhe", file_text(events, weighting=-4)), folder / "x.parquet", Settings(held_out=0.5))
    return pq.read_table(folder / "x.parquet")


def replaced(table, name, values):
    """Return a table with another column of this name."""
    return table.set_column(table.schema.get_field_index(name), name, values)


def plain(table, metadata=None):
    """Return a table as pandas and DuckDB write it: lists of any length, and no metadata but what is given."""
    columns = [c.cast(pa.list_(c.type.value_type)) if pa.types.is_fixed_size_list(c.type) else c for c in table.columns]
    return pa.table(dict(zip(table.column_names, columns, strict=True)), metadata=metadata)


def described(table, **changes):
    """Return a table whose metadata of the file say something else."""
    about = json.loads(table.schema.metadata[b"onshell"])
    about["lhe"] = {key: value for key, value in (about["lhe"] | changes).items() if value != "left away"}
    return table.replace_schema_metadata({b"onshell": json.dumps(about)})


REWRITTEN = [
    (lambda t: t.replace_schema_metadata(None), "has the columns of imported events, but not the metadata"),
    (plain, "has the columns of imported events, but not the metadata"),
    (lambda t: plain(t, t.schema.metadata), r"column id holds list<.*>: another program rewrote the import"),
    (lambda t: t.drop_columns(["spin"]), "column spin is missing: another program rewrote the import"),
    (lambda t: t.drop_columns(["in_id"]), "column in_id is missing"),
    (lambda t: t.drop_columns(["weight"]), "column weight is missing"),
    (lambda t: replaced(t, "process_id", t["process_id"].cast(pa.string())), "column process_id holds string"),
    (lambda t: replaced(t, "e_cm", pa.array([1.0, 1.0, NAN, 1.0, 1.0, 1.0])), "column e_cm: nan in event"),
    (lambda t: replaced(t, "e_cm", pa.array([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])), "column e_cm: 0 in event"),
    (lambda t: replaced(t, "boost_z", pa.array([0.0, None, 0.0, 0.0, 0.0, 0.0])), "column boost_z: nan in event"),
    (lambda t: replaced(t, "process_id", pa.array([1.5] * 6)), r"column process_id: 1\.5 in event"),
    (lambda t: pa.concat_tables([t, t]), "its metadata describe other rows"),
    (
        lambda t: t.filter(pc.greater(t["weight"], 0.0)).slice(0, 6).take([5, 4, 3, 2, 1, 0]),
        "metadata describe other rows|not in the order",
    ),
    (lambda t: t.take([0, 0, 1, 3, 4, 5]), "or some are there twice"),
    (
        lambda t: replaced(t, "event", pa.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5])),
        "column event: row 0 and 5 more are not whole",
    ),
    (
        lambda t: replaced(t, "event", pa.array([2**63] * 6, pa.uint64())),
        "column event: row 0 and 5 more are not whole",
    ),
    (lambda t: replaced(t, "event", pa.array([-3, -2, -1, 0, 1, 2])), "metadata describe other rows|not in the order"),
    (lambda t: described(t, beams="left away"), "metadata: lhe without beams"),
    (lambda t: described(t, weights=None), r"metadata: lhe\.weights = None"),
    (lambda t: described(t, cross_sections=[{"value": "x"}]), r"metadata: lhe without cross_sections\.0\.id"),
    (lambda t: described(t, beams=TEXT_BEAMS), r"metadata: lhe: beams\.id\.0 = '11'"),
    (lambda t: described(t, processes="left away", dropped={"massive": 1}), "did not weigh what it left out"),
    (lambda t: described(t, kept=3), "its 6 rows are not those of its metadata"),
]


@pytest.mark.parametrize(("rewrite", "message"), REWRITTEN)
def test_a_table_that_another_program_rewrote(tmp_path, original, rewrite, message):
    path, model = tmp_path / "b.parquet", tmp_path / "model.parquet"
    pq.write_table(rewrite(original), path)
    write_events(model, [torch.from_numpy(uniform(3, name="model"))], {})
    for source, template in ((path, None), (model, path)):
        if template and ("order" in message or "twice" in message or "event:" in message):
            continue  # A template's events have no order.
        with pytest.raises(OnshellError, match=message) as caught:
            export_file(source, tmp_path / "out.lhe", template=template)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.lhe").exists()


def test_a_copy_that_kept_all_exports_the_same_bytes(tmp_path, original):
    text = []
    for k, table in enumerate((original, replaced(original, "process_id", original["process_id"].cast(pa.float64())))):
        pq.write_table(table, tmp_path / "x.parquet", compression="snappy", row_group_size=2 + k)
        export_file(tmp_path / "x.parquet", tmp_path / "out.lhe")
        text.append((tmp_path / "out.lhe").read_bytes())
    assert text[0] == text[1]
    assert np.unique(text).size == 1


def test_a_table_of_an_earlier_version(tmp_path, original):
    pq.write_table(described(original, processes="left away"), tmp_path / "x.parquet")
    export_file(tmp_path / "x.parquet", tmp_path / "out.lhe")
    rows = (tmp_path / "out.lhe").read_text().split("<init>\n")[1].splitlines()
    assert [float(word) for word in rows[1].split()] == [1.0, 0.1, 1.0, 1.0]


def test_numbers_that_are_unknown_in_the_file_are_never_nan(tmp_path):
    text = file_text([event(p, (1, -1, 21)) for p in uniform(4)])
    text = text.replace(" 0.0 9.0\n", " 0.0 NaN\n", 2).replace(" 100.0 0.0073 0.118", " NaN inf nan", 1)
    import_file(write(tmp_path / "x.lhe", text), tmp_path / "x.parquet", Settings(held_out=0.0))
    export_file(tmp_path / "x.parquet", tmp_path / "out.lhe")
    first = (tmp_path / "out.lhe").read_text().split("<event>\n")[1].splitlines()
    assert [float(word) for word in first[0].split()[3:6]] == [-1.0, -1.0, -1.0]
    assert {line.split()[12] for line in first[1:6]} == {"9"}


def test_tables_of_an_import_before_spins_were_checked(tmp_path, original):
    spins = pa.array([[NAN, 1.0, -1.0]] * 6, original.schema.field("spin").type)
    table = replaced(original, "spin", spins).drop_columns(["scale"]).append_column("scale", pa.array([NAN] * 6))
    pq.write_table(table, tmp_path / "x.parquet")
    export_file(tmp_path / "x.parquet", tmp_path / "out.lhe")
    lines = (tmp_path / "out.lhe").read_text().split("<event>\n")[1].splitlines()
    assert [line.split()[12] for line in lines[3:6]] == ["9", "1", "-1"]
    assert float(lines[0].split()[3]) == -1.0
