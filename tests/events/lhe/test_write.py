"""Event tables as Les Houches files: what pylhe reads back, at any energy and in any frame."""

import math

import numpy as np
import pylhe
import pytest
import torch

from helpers.lhe import REAL, event, file_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe.importing import import_file
from onshell.events.lhe.template import Overrides
from onshell.events.lhe.write import export_file
from onshell.events.table import read_events, write_events


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The table of the real file."""
    path = tmp_path_factory.mktemp("export") / "real.parquet"
    import_file(REAL, path)
    return path


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A table as a model's: momenta alone."""
    path = tmp_path_factory.mktemp("generated") / "model.parquet"
    write_events(path, [torch.from_numpy(uniform(100, name="generated"))], {"run": "x", "process": "real"})
    return path


def four_momenta(path, status):
    """Return what pylhe reads of the particles of a status, [n, k, 4] as (px, py, pz, E), and the file."""
    file = pylhe.LHEFile.fromfile(path, generator=False)
    found = [[(p.px, p.py, p.pz, p.e) for p in e.particles if p.status == status] for e in file.events]
    return np.array(found), file


def test_a_round_trip_gives_the_same_table(imported, tmp_path):
    export_file(imported, tmp_path / "again.lhe.gz")
    import_file(tmp_path / "again.lhe.gz", tmp_path / "again.parquet")
    first, second = read_events(imported), read_events(tmp_path / "again.parquet")
    assert float((first.momenta - second.momenta).abs().max()) < 1e-14
    assert first.metadata["split"] == second.metadata["split"]
    assert first.columns.keys() == second.columns.keys()
    for name, values in first.columns.items():
        assert np.allclose(values, second.columns[name], rtol=1e-13, atol=1e-13), name
    about = {key: second.metadata["lhe"][key] for key in ("beams", "weighting", "cross_sections", "places")}
    assert about == {key: first.metadata["lhe"][key] for key in about}


def test_events_come_in_the_order_of_their_file(imported, tmp_path):
    export_file(imported, tmp_path / "x.lhe")
    ours, _ = four_momenta(tmp_path / "x.lhe", 1)
    theirs, _ = four_momenta(REAL, 1)
    assert np.abs(ours - theirs).max() < 1e-7


@pytest.mark.parametrize(("frame", "e_cm"), [("lab", None), ("cm", 91.2), ("0,0,0.6", 14000.0), ("0.3,-0.2,0.8", None)])
def test_momenta_are_conserved_and_massless_in_the_text(generated, imported, tmp_path, frame, e_cm):
    for source in (generated, imported):
        export_file(source, tmp_path / "x.lhe", overrides=Overrides(e_cm=e_cm, frame=frame))
        outgoing, file = four_momenta(tmp_path / "x.lhe", 1)
        incoming, _ = four_momenta(tmp_path / "x.lhe", -1)
        beam = max(file.init.initInfo.energyA, file.init.initInfo.energyB)
        total = outgoing.sum(1)
        assert np.abs(total - incoming.sum(1)).max() < 1e-9 * beam
        assert np.abs(np.linalg.norm(outgoing[..., :3], axis=2) - outgoing[..., 3]).max() < 1e-9 * beam
        mass = np.sqrt(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(1))
        assert np.allclose(mass, e_cm or 1000.0, rtol=1e-9)
        if "," in frame:
            velocity = total[:, :3] / total[:, 3:]
            assert np.abs(velocity - [float(v) for v in frame.split(",")]).max() < 1e-9
        import_file(tmp_path / "x.lhe", tmp_path / "x.parquet")  # the header's beams fit the events
        again, p = read_events(tmp_path / "x.parquet"), read_events(source)
        order, back = np.argsort(again.columns["event"]), np.argsort(p.columns["event"])
        assert float((again.momenta[order] - p.momenta[back]).abs().max()) < 1e-13


def test_generated_events_are_gluons_in_a_colour_ring_unless_told(generated, tmp_path):
    export_file(generated, tmp_path / "x.lhe")
    _, file = four_momenta(tmp_path / "x.lhe", 1)
    final = [p for p in file.events[0].particles if p.status == 1]
    assert [p.id for p in final] == [21, 21, 21]
    assert sorted(p.color1 for p in final) == sorted(p.color2 for p in final) == [501, 502, 503]
    assert {e.eventinfo.weight for e in file.events} == {1.0}
    assert file.init.initInfo.weightingStrategy == 3
    overrides = Overrides(ids=(1, 21, -1), incoming=(21, 21))
    export_file(generated, tmp_path / "y.lhe", overrides=overrides)
    _, file = four_momenta(tmp_path / "y.lhe", 1)
    particles = file.events[0].particles
    assert [(p.id, p.color1, p.color2) for p in particles[2:]] == [(1, 501, 0), (21, 502, 501), (-1, 0, 502)]
    inside = {p.color1 for p in particles[:2]}
    assert inside == {p.color2 for p in particles[:2]}
    assert not inside & {501, 502}


def test_imported_events_lend_generated_ones_what_these_lack(generated, imported, tmp_path):
    about = export_file(generated, tmp_path / "x.lhe.gz", template=imported)
    outgoing, file = four_momenta(tmp_path / "x.lhe.gz", 1)
    assert about["events"] == len(file.events) == 100
    flavours = {tuple(p.id for p in e.particles if p.status == 1) for e in file.events}
    assert {ids[2] for ids in flavours} == {21}
    assert 2 <= len(flavours) <= 4
    assert all(ids[0] == -ids[1] for ids in flavours)
    assert np.allclose([e.eventinfo.weight for e in file.events], 0.725)
    assert file.init.initInfo.weightingStrategy == -4
    p = read_events(generated).momenta.numpy()
    assert np.abs(outgoing[..., :3] / 1000.0 - p).max() < 1e-9
    assert [g.name for g in file.init.generators] == ["MadGraph5_aMC@NLO", "onshell"]


def test_a_decay_has_one_incoming_particle(tmp_path):
    zero = "25 -1 0 0 0 0 0.0 0.0 0.0 1.0 1.0 0.0 0.0\n"
    events = [event(p, (21, 21, 21), incoming=(), extra=zero) for p in uniform(3)]
    text = file_text(events, beams=(0, 0), energies=(0.0, 0.0))
    import_file(write(tmp_path / "h.lhe", text), tmp_path / "h.parquet")
    export_file(tmp_path / "h.parquet", tmp_path / "out.lhe", overrides=Overrides(e_cm=125.0, frame="0,0,0.6"))
    file = pylhe.LHEFile.fromfile(tmp_path / "out.lhe", generator=False)
    mother = file.events[0].particles[0]
    assert (mother.id, mother.m) == (25, 125.0)
    assert math.isclose(mother.e, 125.0 / 0.8, rel_tol=1e-12)
    assert {p.mother1 for p in file.events[0].particles[1:]} == {1}


def test_equal_tables_give_equal_bytes(imported, generated, tmp_path):
    for name in ("a", "b"):
        export_file(generated, tmp_path / f"{name}.lhe.gz", template=imported)
    assert (tmp_path / "a.lhe.gz").read_bytes() == (tmp_path / "b.lhe.gz").read_bytes()


def test_events_off_the_shell_are_refused_or_projected(generated, tmp_path):
    p = read_events(generated).momenta
    write_events(tmp_path / "p.parquet", [1.05 * p], {"conserves": False})
    with pytest.raises(OnshellError, match=r"events of a p-space model.*--project"):
        export_file(tmp_path / "p.parquet", tmp_path / "x.lhe")
    export_file(tmp_path / "p.parquet", tmp_path / "x.lhe", overrides=Overrides(project=True))
    outgoing, _ = four_momenta(tmp_path / "x.lhe", 1)
    assert np.abs(outgoing[..., :3] / 1000.0 - p.numpy()).max() < 1e-9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame": "rest"}, "give lab, cm, or a velocity below that of light"),
        ({"frame": "0,0,1"}, "below that of light"),
        ({"e_cm": -1.0}, "--e-cm -1: no energy"),
        ({"ids": (1, -1)}, "2 PDG numbers for 3 particles"),
        ({"ids": (1, 2, 21)}, "carry colour together .*--colours"),
        ({"colours": ((501, 0),)}, "1 pairs for 3 particles"),
    ],
)
def test_overrides_that_cannot_be_met(generated, tmp_path, options, message):
    with pytest.raises(OnshellError, match=message):
        export_file(generated, tmp_path / "x.lhe", Overrides(**options))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_none_and_a_template_that_is_none(generated, tmp_path):
    with pytest.raises(OnshellError, match=r"ends in \.lhe or \.lhe\.gz"):
        export_file(generated, tmp_path / "x.hepmc")
    with pytest.raises(OnshellError, match="no events of a Les Houches file; give a table that `onshell import` made"):
        export_file(generated, tmp_path / "x.lhe", template=generated)
    assert list(tmp_path.iterdir()) == []
