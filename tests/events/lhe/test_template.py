"""What generated events take from imported ones: in proportion to the weights, and nothing that is not theirs."""

from collections import Counter

import numpy as np
import pylhe
import pytest
import torch

from helpers.lhe import DOWN, PROTONS, UP, event, generated, imported, uniform
from onshell.core.errors import OnshellError
from onshell.events.lhe.importing import Settings
from onshell.events.lhe.template import Overrides
from onshell.events.lhe.write import export_file
from onshell.events.table import read_events, write_events
from onshell.physics.kinematics import boost

FREE = Overrides(independent_energy=True)


def hadronic(n, energies, ids=(DOWN,), velocity=0.0):
    """Return events of two partons at these energies of their own centre-of-mass frames, in turn, and their boost."""
    gamma = 1.0 / np.sqrt(1.0 - velocity**2)
    back = torch.tensor([0.0, 0.0, gamma * velocity], dtype=torch.float64)
    found = []
    for i, p in enumerate(uniform(n)):
        e = energies[i % len(energies)]
        turn = gamma * (1.0 + velocity) if i % 2 else 1.0
        lab = boost(torch.from_numpy(p) * e, back if i % 2 else 0.0 * back).numpy()
        found.append(event(lab, ids[i % len(ids)], incoming=((21, 0.5 * e * turn), (21, -0.5 * e / turn))))
    return found


def numbers(path):
    """Return how many events have which PDG numbers."""
    return Counter(
        tuple(int(p.id) for p in e.particles if p.status == 1)
        for e in pylhe.LHEFile.fromfile(path, generator=False).events
    )


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (hadronic(10, (91.0, 300.0)), r"E_cm \(91 to 300 GeV\);"),
        (hadronic(10, (100.0, 100.2)), r"E_cm \(100 to 100\.2 GeV\);"),
        (hadronic(10, (100.0,), velocity=0.3), "not the same in all events: the boost;"),
        (hadronic(10, (100.0,), ids=(DOWN, (21, 21, 21))), "the kinds of particles;"),
        (hadronic(10, (100.0,), ids=(DOWN, (-1, 1, 21))), "the kinds of particles;"),
    ],
)
def test_what_belongs_to_the_momenta_is_assigned_only_on_request(tmp_path, events, message):
    source, model = imported(tmp_path, events, **PROTONS), generated(tmp_path)
    with pytest.raises(OnshellError, match=message) as caught:
        export_file(model, tmp_path / "out.lhe", template=source)
    assert str(caught.value).startswith(f"{source}: ")
    assert "--independent-energy" in str(caught.value)
    assert not (tmp_path / "out.lhe").exists()
    about = export_file(model, tmp_path / "out.lhe", template=source, overrides=FREE)
    assert about["independent"]
    assert message.rstrip(";").removeprefix("not the same in all events: ").split(r"\(")[0] in about["independent"][0]


def test_what_is_given_is_not_taken(tmp_path):
    source, model = imported(tmp_path, hadronic(10, (91.0, 300.0), velocity=0.3), **PROTONS), generated(tmp_path)
    about = export_file(model, tmp_path / "out.lhe", template=source, overrides=Overrides(e_cm=91.2, frame="cm"))
    assert about["independent"] == []
    total = np.array(
        [
            np.sum([(p.e, p.px, p.py, p.pz) for p in e.particles if p.status == 1], 0)
            for e in pylhe.LHEFile.fromfile(tmp_path / "out.lhe", generator=False).events
        ]
    )
    assert np.allclose(total, [91.2, 0.0, 0.0, 0.0], atol=1e-9)


def test_flavours_are_taken_and_named(tmp_path):
    source = imported(tmp_path, hadronic(10, (100.0,), ids=(DOWN, UP)), **PROTONS)
    about = export_file(generated(tmp_path), tmp_path / "out.lhe", template=source)
    assert about["independent"] == ["the flavours"]
    assert set(numbers(tmp_path / "out.lhe")) == {DOWN, UP}


def test_a_scale_that_differs_from_event_to_event_is_unknown(tmp_path):
    events = hadronic(4, (100.0,))
    events[2] = events[2].replace(" 100.0 0.0073 0.118", " 70.0 0.0073 0.118")
    export_file(generated(tmp_path), tmp_path / "out.lhe", template=imported(tmp_path, events, **PROTONS))
    infos = [e.eventinfo for e in pylhe.LHEFile.fromfile(tmp_path / "out.lhe", generator=False).events]
    assert {(i.scale, i.aqed, i.aqcd) for i in infos} == {(-1.0, 0.0073, 0.118)}


@pytest.mark.parametrize(
    ("weights", "ids"),
    [([3.0, 1.0, 0.0], (DOWN, UP, (3, -3, 21))), ([3.0, 2.0, -1.0], (DOWN, UP, UP))],
    ids=["positive", "signed"],
)
def test_events_are_drawn_in_proportion_to_their_weights(tmp_path, weights, ids):
    events = [event(p, each, w) for p, each, w in zip(uniform(3), ids, weights, strict=True)]
    source = imported(tmp_path, events, weighting=-4)
    n = 400
    export_file(generated(tmp_path, n), tmp_path / "out.lhe", template=source)
    found = numbers(tmp_path / "out.lhe")
    assert set(found) == {DOWN, UP}
    # 3 of 4, within five standard deviations.
    assert abs(found[DOWN] - 0.75 * n) < 5 * np.sqrt(n * 0.75 * 0.25)


def test_signed_weights_draw_no_energies_and_no_channel_below_0(tmp_path):
    events = [event(p, ids, w) for p, ids, w in zip(uniform(3), (DOWN, DOWN, UP), (3.0, 2.0, -1.0), strict=True)]
    with pytest.raises(OnshellError, match="one of its channels sum to -1"):
        export_file(generated(tmp_path), tmp_path / "out.lhe", template=imported(tmp_path, events, weighting=-4))
    events = hadronic(10, (91.0, 300.0))
    events[3] = events[3].replace(" 1.0000000000000000e+00 100.0", " -1.0000000000000000e+00 100.0")
    source = imported(tmp_path, events, "signed", **PROTONS, weighting=-4)
    with pytest.raises(OnshellError, match="negative weights, by which no energies can be drawn"):
        export_file(generated(tmp_path), tmp_path / "out.lhe", template=source, overrides=FREE)
    export_file(generated(tmp_path), tmp_path / "out.lhe", template=source, overrides=Overrides(e_cm=91.2))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"dataset": "jj", "process": "in"}, "holds events of dataset 'in', but .* those of 'jj'"),
        ({"process": "jj"}, "holds events of process 'in', but .* those of 'jj'"),
        ({"dataset": "in", "places": [[21], [21], [22]]}, r"PDG numbers \[\[1\], \[-1\], \[21\]\], those of"),
    ],
)
def test_a_template_of_another_process(tmp_path, metadata, message):
    source = imported(tmp_path, [event(p, DOWN) for p in uniform(4)])
    with pytest.raises(OnshellError, match=message):
        export_file(generated(tmp_path, metadata=metadata), tmp_path / "out.lhe", template=source)
    good = {"dataset": "in", "process": "in", "places": [[1, 2], [-2, -1], [21]]}
    export_file(generated(tmp_path, metadata=good), tmp_path / "out.lhe", template=source)


def test_an_import_that_left_particles_out_does_not_go_back(tmp_path):
    partons = ((2, 0.5), (-2, -0.5))
    text = [event(p, (11, -11, 21), incoming=partons) for p in uniform(2)]
    source = imported(tmp_path, text, "zj", Settings("l-,l+", held_out=0.0), **PROTONS)
    assert read_events(source).n_particles == 2
    write_events(tmp_path / "pairs.parquet", [read_events(source).momenta], {})
    for table, template in ((source, None), (tmp_path / "pairs.parquet", source)):
        with pytest.raises(OnshellError, match=r"zj\.parquet: its import left particles out .*\(2 of PDG 21\)"):
            export_file(table, tmp_path / "out.lhe", template=template)
    overrides = Overrides(ids=(11, -11), incoming=(2, -2), e_cm=91.2)
    export_file(tmp_path / "pairs.parquet", tmp_path / "out.lhe", overrides=overrides)
    assert numbers(tmp_path / "out.lhe") == {(11, -11): 2}
