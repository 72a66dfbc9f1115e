"""Les Houches files as event tables: what is taken, kept, split and counted."""

import numpy as np
import pytest
import torch

from helpers.lhe import REAL, event, file_text, real_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe import importing
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.table import read_events
from onshell.physics.kinematics import boost


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The table of the real file."""
    path = tmp_path_factory.mktemp("real") / "real.parquet"
    import_file(REAL, path)
    return read_events(path)


def numbers_of(text):
    """Return the numbers of all particle lines of a file's events, outgoing ones alone."""
    lines = [line.split() for line in text.split("</init>")[1].splitlines()]
    return np.array([line for line in lines if len(line) == 13 and line[1] == "1"], float)


def test_the_real_file_is_taken_as_it_stands(real):
    assert len(real) == 200
    assert real.metadata["split"] == {"train": [0, 160], "test": [160, 200]}
    assert real.metadata["ordered"] is True
    assert real.metadata["lhe"]["beams"]["energy"] == [500.0, 500.0]
    assert sorted(real.columns["event"].tolist()) == list(range(200))
    assert np.allclose(real.columns["weight"], 0.725, rtol=1e-15)
    assert np.allclose(real.columns["e_cm"], 1000.0, rtol=1e-9)
    assert (real.columns["id"][:, 2] == 21).all()
    assert (real.columns["in_id"] == [11, -11]).all()


def test_going_back_gives_the_numbers_of_the_text(real):
    back = torch.from_numpy(np.stack([real.columns[f"boost_{axis}"] for axis in "xyz"], 1))
    lab = boost(real.momenta * torch.from_numpy(real.columns["e_cm"])[:, None, None], back)
    text = numbers_of(real_text()).reshape(200, 3, 13)[real.columns["event"]]
    assert np.abs(lab.numpy() - text[..., 6:9]).max() < 1e-9
    assert (real.columns["id"] == text[..., 0]).all()
    assert (real.columns["colour"] == text[..., 4]).all()
    assert (real.columns["spin"] == text[..., 12]).all()


def test_events_are_on_the_shell_to_rounding(real):
    assert float((real.momenta.norm(dim=-1).sum(-1) - 1).abs().max()) < 1e-14
    assert float(real.momenta.sum(1).abs().max()) < 1e-14


def test_a_boosted_event_of_partons_is_brought_to_rest_and_back(tmp_path):
    # Two partons of unlike energy: E_cm = 2 sqrt(300 * 75) = 300, moving with velocity (300 - 75)/(300 + 75) = 0.6.
    p = torch.from_numpy(uniform(20)) * 300.0
    back = torch.tensor([0.0, 0.0, 0.6 / 0.8], dtype=torch.float64).expand(20, 3)
    lab = boost(p, back).numpy()
    events = [event(q, (1, -1, 21), incoming=((21, 300.0), (21, -75.0))) for q in lab]
    text = file_text(events, beams=(2212, 2212), energies=(6500.0, 6500.0), pdf=10042)
    import_file(write(tmp_path / "pp.lhe", text), tmp_path / "pp.parquet", Settings(held_out=0.0))
    found = read_events(tmp_path / "pp.parquet")
    assert np.allclose(found.columns["e_cm"], 300.0, rtol=1e-13)
    assert np.allclose(found.columns["boost_z"], 0.75, rtol=1e-13)
    assert float((found.momenta - p / 300.0).abs().max()) < 1e-13
    assert np.allclose(found.columns["beam_z"], 1.0)


def test_particles_by_number_come_in_the_order_asked_for(tmp_path, real):
    metadata = import_file(REAL, tmp_path / "g.parquet", Settings(particles="g,q,qbar"))
    turned = read_events(tmp_path / "g.parquet")
    assert (turned.columns["id"][:, 0] == 21).all()
    assert float((turned.momenta - real.momenta[:, [2, 0, 1]]).abs().max()) < 1e-15
    assert metadata["lhe"]["particles"] == ["g", "q", "qbar"]
    assert metadata["ordered"] is True
    pair = import_file(REAL, tmp_path / "pair.parquet", Settings(particles="q,qbar"))
    assert pair["n_particles"] == 2
    assert pair["lhe"]["left_out"] == {"21": 200}
    assert pair["lhe"]["e_cm"][1] < 1000.0
    assert import_file(REAL, tmp_path / "j.parquet", Settings(particles="j,j,j"))["ordered"] is False


def test_shuffling_permutes_particles_with_all_that_is_theirs(tmp_path, real):
    metadata = import_file(REAL, tmp_path / "s.parquet", Settings(shuffle=True))
    mixed = read_events(tmp_path / "s.parquet")
    assert metadata["ordered"] is False
    gluon = mixed.columns["id"] == 21
    assert (gluon.sum(1) == 1).all()
    # 200 events: each place has the gluon in 67 of them, give or take 33 (five standard deviations).
    assert (np.abs(gluon.sum(0) - 200 / 3) < 33).all()
    assert torch.equal(mixed.momenta[torch.from_numpy(gluon)], real.momenta[:, 2])
    assert (mixed.columns["colour"][gluon] == 502).all()


def test_the_table_depends_on_the_file_and_the_seed_alone(tmp_path, monkeypatch):
    settings = Settings(shuffle=True, dataset="x")
    import_file(REAL, tmp_path / "a.parquet", settings)
    plain = write(tmp_path / REAL.name.removesuffix(".gz"), real_text())
    import_file(plain, tmp_path / "b.parquet", settings)
    a, b = read_events(tmp_path / "a.parquet"), read_events(tmp_path / "b.parquet")
    assert torch.equal(a.momenta, b.momenta)
    monkeypatch.setattr(importing, "CHUNK", 64)
    seen = []
    import_file(REAL, tmp_path / "c.parquet", Settings(dataset="x"), progress=lambda *counts: seen.append(counts))
    assert [done for done, _ in seen] == [64, 128, 192, 200, 200]
    assert seen[-1] == (200, 200)
    import_file(REAL, tmp_path / "d.parquet", Settings(seed=1, dataset="x"))
    assert set(read_events(tmp_path / "d.parquet", rows="test").columns["event"]) != set(
        read_events(tmp_path / "c.parquet", rows="test").columns["event"]
    )


def test_the_parts_are_random_disjoint_and_no_larger_than_asked_for():
    settings = Settings(held_out=0.25, train=500, test=300, dataset="x")
    rows = importing.split_rows(1000, settings)
    assert [len(part) for part in rows.values()] == [500, 250]
    assert not set(rows["train"]) & set(rows["test"])
    # The mean row of 250 of 1000 is 500 within five standard deviations, 5 * 289 / sqrt(250) = 91.
    assert abs(rows["test"].mean() - 500) < 91
    assert len(importing.split_rows(1000, Settings(held_out=0.5, test=7, dataset="x"))["test"]) == 7
    assert [len(part) for part in importing.split_rows(2, Settings(held_out=0.01, dataset="x")).values()] == [1, 1]


def test_weights_of_either_sign_are_kept_and_counted(tmp_path):
    weights = [1.0, -0.5, 2.0, -0.25]
    text = file_text([event(p, (1, -1, 21), w) for p, w in zip(uniform(4), weights, strict=True)], weighting=-4)
    metadata = import_file(write(tmp_path / "w.lhe", text), tmp_path / "w.parquet", Settings(held_out=0.0))
    assert read_events(tmp_path / "w.parquet").columns["weight"].tolist() == weights
    assert metadata["lhe"]["weights"] == {"unweighted": False, "sum": 2.25, "sum_of_squares": 5.3125, "negative": 2}
    import_file(tmp_path / "w.lhe", tmp_path / "u.parquet", Settings(unweighted=True))
    assert (read_events(tmp_path / "u.parquet").columns["weight"] == 1.0).all()
    worse = write(tmp_path / "n.lhe", text.replace(" 2.0000000000000000e+00", " -2.0000000000000000e+00"))
    with pytest.raises(OnshellError, match=r"weights of its 4 events sum to -1\.75, which is no distribution"):
        import_file(worse, tmp_path / "n.parquet")


def test_a_mass_of_any_size_that_contradicts_energy_and_momentum_is_not_believed(tmp_path):
    text = file_text([event(p, (1, -1, 21)).replace(" 0.0 0.0 9.0", " 1e300 0.0 9.0", 1) for p in uniform(3)])
    assert import_file(write(tmp_path / "x.lhe", text), tmp_path / "x.parquet")["lhe"]["kept"] == 3


def test_other_particles_and_blocks_inside_events_do_no_harm(tmp_path):
    resonance = "23 2 1 2 0 0 0.0 0.0 0.0 1.0 1.0 0.0 9.0\n"
    tail = "# a comment\n<rwgt>\n<wgt id='1'> 1.0 </wgt>\n</rwgt>\n<weights> 1 2 </weights>\n"
    events = [event(p, (1, -1, 21), extra=resonance).replace("</event>", tail + "</event>") for p in uniform(5)]
    text = file_text(["<!-- between -->\n<eventgroup>\n", *events, "</eventgroup>\n"])
    metadata = import_file(write(tmp_path / "x.lhe", text), tmp_path / "x.parquet")
    assert (metadata["n_particles"], metadata["lhe"]["kept"]) == (3, 5)
