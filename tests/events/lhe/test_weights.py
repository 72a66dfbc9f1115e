"""Cross sections and weights of exported files, summed again from their text."""

import numpy as np
import pytest

from helpers.lhe import DOWN, PHOTON, event, file_text, generated, imported, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.lhe.template import Overrides
from onshell.events.lhe.write import export_file
from onshell.events.table import read_events


def read(path):
    """Return what the text of a file says: strategy, [value, error, unit, id] of each process, and all weights."""
    head, *events = path.read_text().split("<event>\n")
    rows = [line.split() for line in head.split("<init>\n")[1].splitlines()]
    info = rows[0]
    processes = np.array(rows[1 : 1 + int(info[9])], float)
    return int(info[8]), processes, np.array([float(text.split()[2]) for text in events])


def weighted(tmp_path, weights, strategy, processes="1.0 0.1 1.0 1", ids=None, settings=None):
    """Return the table of a file of events of these weights, with these lines of processes in its header."""
    ids = ids or [DOWN] * len(weights)
    events = [event(p, each, w) for p, each, w in zip(uniform(len(weights)), ids, weights, strict=True)]
    return imported(tmp_path, events, settings=settings, weighting=strategy, processes=processes)


CONVENTIONS = [
    ("averages", -4, [8.0, 8.0, 8.0, 8.0], "8.0 0.1 8.0 1"),
    ("averages, of an integration of its own", -4, [8.1, 8.1, 8.1, 8.1], "8.0 0.01 8.0 1"),
    ("averages, signed", -4, [12.0, 12.0, -4.0, 12.0], "8.0 0.1 8.0 1"),
    ("sums", -4, [2.0, 2.0, 2.0, 2.0], "8.0 0.1 2.0 1"),
    ("sums, though unweighted", 3, [2.0, 2.0, 2.0, 2.0], "8.0 0.1 2.0 1"),
    ("sums, of two processes", 3, [2.0, 2.0, 2.0, 2.0], "5.0 0.1 2.0 1\n3.0 0.1 2.0 2"),
    ("unit", 3, [1.0, 1.0, 1.0, 1.0], "8.0 0.1 1.0 1"),
    ("unit, signed", -3, [1.0, 1.0, -1.0, 1.0], "8.0 0.1 1.0 1"),
    ("to be unweighted", 1, [4.0, 12.0, 8.0, 8.0], "8.0 0.1 12.0 1"),
    ("not known", -4, [5.0, 11.0, 8.0, 8.0], "-1.0 -1.0 1.0 1"),
]


@pytest.mark.parametrize(("name", "strategy", "weights", "processes"), CONVENTIONS)
@pytest.mark.parametrize("own", [None, [1.0] * 9 + [3.0] * 11])
def test_weights_of_generated_events_give_the_cross_section_of_the_template(
    tmp_path, name, strategy, weights, processes, own
):
    table = weighted(tmp_path, weights, strategy, processes)
    model = generated(tmp_path, 20, weights=own)
    export_file(model, tmp_path / "out.lhe", template=table)
    found, rows, written = read(tmp_path / "out.lhe")
    known = rows[:, 0].sum()
    assert known == pytest.approx(-1.0 if name == "not known" else 8.0)
    if name.startswith("sums"):
        assert written.sum() == pytest.approx(8.0)
    elif name.startswith("unit") and own is None:
        assert (abs(found), set(written)) == (3, {1.0})
    else:
        assert written.mean() == pytest.approx(8.0)
    if own is not None:
        assert np.allclose(written / written[0], own)
        assert found == -4
    assert rows[:, 2].max() == pytest.approx(written.max())


@pytest.mark.parametrize(("name", "strategy", "weights", "processes"), CONVENTIONS)
def test_imported_events_go_back_with_their_weights(tmp_path, name, strategy, weights, processes):
    del name
    table = weighted(tmp_path, weights, strategy, processes)
    export_file(table, tmp_path / "out.lhe")
    found, rows, written = read(tmp_path / "out.lhe")
    assert found == strategy
    assert written.tolist() == weights
    assert rows.tolist() == np.array([line.split() for line in processes.splitlines()], float).tolist()


def test_of_events_left_out_nothing_stays_in_the_cross_section(tmp_path):
    # 3 of 4 pb, by weight, are events with a photon.
    weights, ids = [2.0, 6.0, 4.0, 4.0], [DOWN, PHOTON, DOWN, PHOTON]
    chosen = Settings(particles="q,qbar,g", skip_bad=True, held_out=0.0)
    table = weighted(tmp_path, weights, -4, "4.0 0.1 6.0 1", ids, chosen)
    export_file(table, tmp_path / "out.lhe")
    _, rows, written = read(tmp_path / "out.lhe")
    share = 6.0 / 16.0
    assert rows[0, 0] == pytest.approx(4.0 * share)
    assert written.mean() == pytest.approx(4.0 * share)
    # The share is that of 16^2 / 72 events, one by one kept or not.
    assert rows[0, 1] == pytest.approx(np.hypot(0.1 * share, 4.0 * np.sqrt(share * (1 - share) * 72) / 16))
    export_file(generated(tmp_path, 7), tmp_path / "new.lhe", template=table)
    _, rows, written = read(tmp_path / "new.lhe")
    assert rows[0, 0] == pytest.approx(1.5)
    assert np.allclose(written, 1.5)


def test_of_a_file_whose_weights_sum_one_event_of_four_is_one_pb(tmp_path):
    chosen = Settings(particles="q,qbar,g", skip_bad=True, held_out=0.0)
    table = weighted(tmp_path, [1.0] * 4, 3, "4.0 0.1 1.0 1", [DOWN, PHOTON, PHOTON, PHOTON], chosen)
    export_file(table, tmp_path / "out.lhe")
    _, rows, written = read(tmp_path / "out.lhe")
    assert rows[0, 0] == written.sum() == 1.0


def test_processes_lose_their_own_events_only(tmp_path):
    events = [event(p, ids, 1.0) for p, ids in zip(uniform(4), [DOWN, DOWN, PHOTON, DOWN], strict=True)]
    events[2:] = [text.replace("\n5 1 ", "\n5 7 ", 1) for text in events[2:]]
    settings, processes = Settings("q,qbar,g", skip_bad=True), "6.0 0.1 1.0 1\n2.0 0.1 1.0 7"
    export_file(imported(tmp_path, events, settings=settings, processes=processes), tmp_path / "out.lhe")
    _, rows, _ = read(tmp_path / "out.lhe")
    assert rows[:, [0, 3]].tolist() == [[6.0, 1.0], [1.0, 7.0]]
    assert rows[0, 1] == 0.1


def test_a_part_of_the_events_has_the_cross_section_of_all(tmp_path):
    part = Settings(held_out=0.25, train=2, test=1)
    table = weighted(tmp_path, [2.0] * 4, -4, "8.0 0.1 2.0 1", settings=part)
    export_file(table, tmp_path / "out.lhe")
    _, rows, written = read(tmp_path / "out.lhe")
    assert len(written) == 3
    assert rows[0, 0] == 8.0
    assert written.sum() == pytest.approx(8.0)


def test_events_that_were_counted_once_have_the_cross_section_of_the_header(tmp_path):
    table = weighted(tmp_path, [2.0, 3.0, 9.0, 2.0], -4, "4.0 0.1 9.0 1", settings=Settings(unweighted=True))
    for options in ({}, {"template": table}):
        export_file(generated(tmp_path, 5) if options else table, tmp_path / "out.lhe", **options)
        strategy, rows, written = read(tmp_path / "out.lhe")
        assert (strategy, rows[0, 0], set(written)) == (3, 4.0, {1.0})


def test_weights_that_fit_no_cross_section_are_not_assigned(tmp_path):
    table = weighted(tmp_path, [1.0] * 4, -4, "50.0 0.1 1.0 1")
    with pytest.raises(OnshellError, match=r"in\.parquet: .* neither average nor sum to the cross section, 50 pb"):
        export_file(generated(tmp_path, 5), tmp_path / "out.lhe", template=table)
    assert not (tmp_path / "out.lhe").exists()


@pytest.mark.parametrize(
    "overrides",
    [Overrides(e_cm=91.2), Overrides(ids=(2, -2, 21)), Overrides(incoming=(13, -13))],
    ids=["e_cm", "ids", "incoming"],
)
def test_of_another_process_no_cross_section_is_known(tmp_path, overrides):
    table = weighted(tmp_path, [8.0, 4.0, 6.0, 6.0], -4, "6.0 0.1 8.0 3")
    export_file(table, tmp_path / "out.lhe", overrides=overrides)
    strategy, rows, written = read(tmp_path / "out.lhe")
    assert (strategy, rows[0].tolist()) == (-4, [1.0, 0.0, pytest.approx(4 / 3), 1.0])
    assert written.mean() == pytest.approx(1.0)


def test_weights_of_a_table_alone_average_to_one_pb(tmp_path):
    export_file(generated(tmp_path, 4, weights=[1.0, 2.0, 3.0, 2.0]), tmp_path / "out.lhe")
    strategy, rows, written = read(tmp_path / "out.lhe")
    assert (strategy, rows[0, 0], written.mean()) == (-4, 1.0, 1.0)
    with pytest.raises(OnshellError, match="its weights sum to -1"):
        export_file(generated(tmp_path, 2, weights=[1.0, -2.0]), tmp_path / "out.lhe")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1.0 0.1 1.0 1\n", "NaN 0.1 1.0 1\n", "gives nan as cross section of process 1"),
        ("1.0 0.1 1.0 1\n", "1.0 inf 1.0 1\n", "gives inf as error of process 1"),
        ("1.0 0.1 1.0 1\n", "1.0 0.1 -inf 1\n", "gives -inf as unit weight of process 1"),
        ("5.0000000000e-01 5", "nan 5", "gives nan as energy of a beam"),
        ("11 -11", "99999999999999999999 -11", "as id of a beam"),
        ("<event>\n5 1 1.0000000000000000e+00", "<event>\n5 1 1e300", r"event 0 .*: the weight 1e\+300 is no cross"),
        ("<event>\n5 1 1.0000000000000000e+00", "<event>\n5 1 1e-200", r"event 0 .*: the weight 1e-200 is no cross"),
        ("<event>\n5 1 ", "<event>\n5 99999999999999999999 ", "event 0 .*: the number 1?[09]+ is no PDG number"),
    ],
)
def test_numbers_that_are_none(tmp_path, old, new, message):
    text = file_text([event(p, DOWN) for p in uniform(3)])
    assert old in text
    with pytest.raises(OnshellError, match=message):
        import_file(write(tmp_path / "x.lhe", text.replace(old, new)), tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_numbers_above_32_bits_come_back(tmp_path):
    ids, big = (1, -1, 3_000_000_021), 5_000_000_000
    events = [event(p, ids).replace("\n5 1 ", f"\n5 {big} ", 1) for p in uniform(3)]
    table = imported(tmp_path, events, processes=f"1.0 0.1 1.0 {big}")
    export_file(table, tmp_path / "out.lhe")
    assert read(tmp_path / "out.lhe")[1][0, 3] == big
    first = (tmp_path / "out.lhe").read_text().split("<event>\n")[1].splitlines()
    assert (first[0].split()[1], first[5].split()[0]) == (str(big), str(ids[2]))
    assert (read_events(table).columns["id"][:, 2] == ids[2]).all()


def test_of_two_files_of_weights_that_sum_each_has_the_whole_cross_section(tmp_path):
    events = [event(p, DOWN, 4.0) for p in uniform(4)]
    parts = [file_text(part, weighting=-4, processes="8.0 0.1 4.0 1") for part in (events[:2], events[2:])]
    files = [write(tmp_path / f"{k}.lhe", each) for k, each in enumerate(parts)]
    import_file(files, tmp_path / "in.parquet", Settings(held_out=0.0))
    export_file(tmp_path / "in.parquet", tmp_path / "out.lhe")
    _, rows, written = read(tmp_path / "out.lhe")
    assert (rows[0, 0], written.sum(), len(written)) == (8.0, 8.0, 4)
    export_file(generated(tmp_path, 20), tmp_path / "new.lhe", template=tmp_path / "in.parquet")
    assert read(tmp_path / "new.lhe")[2].sum() == pytest.approx(8.0)
