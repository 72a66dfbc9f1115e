"""Massive particles from a Les Houches file through tables, q-space, a model and metrics, back into a file."""

import json

import numpy as np
import pyarrow.parquet as pq
import pylhe
import pytest
import torch

from helpers.maps import assert_on_shell
from helpers.networks import awaken
from helpers.specs import run_spec
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.commands import MetricsOptions, metrics_file
from onshell.evaluation.comparing import Comparison, check_comparable, compare_events, read_sample
from onshell.evaluation.overview import overview
from onshell.events.datasets import Embedding, embed_file
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.lhe.template import Overrides
from onshell.events.lhe.write import export_file
from onshell.events.table import read_events, write_events
from onshell.models.build import build
from onshell.physics import kinematics, masses
from onshell.qspace import QSpace
from onshell.sampling.commands import sample_file
from onshell.training.checkpoint import save_model
from onshell.training.commands import train_file
from onshell.zoo import load

E_CM, TOP = 1000.0, 173.0
MU = torch.tensor([TOP / E_CM, TOP / E_CM, 0.0], dtype=torch.float64)
SILENT = {"progress": lambda _: None}
HEAD = """<LesHouchesEvents version="3.0">
<init>
11 -11 {half} {half} 0 0 0 0 3 1
0.05 0.001 0.05 1
</init>
"""


def rewrite(path, change):
    """Let another tool change a table."""
    pq.write_table(change(pq.read_table(path)), path)


def text(p, e_cm, digits=10):
    """Return the text of a file of events [n, 3, 4], each at its own E_cm in GeV, printed with so many digits."""
    lines = [HEAD.format(half=max(e_cm) / 2)]
    for event, energy in zip(p, e_cm, strict=True):
        lines.append("<event>\n5 1 0.05 1000.0 0.0075 0.1\n")
        lines += [f"{11 * s} -1 0 0 0 0 0 0 {s * energy / 2:.16e} {energy / 2:.16e} 0 0 9\n" for s in (-1, 1)]
        e = kinematics.energies(event)
        for number, (x, y, z, m), f in zip((6, -6, 21), (energy * event).tolist(), (energy * e).tolist(), strict=True):
            numbers = " ".join(f"{value:.{digits}e}" for value in (x, y, z, f, m))
            lines.append(f"{number} 1 1 2 0 0 {numbers} 0 9\n")
        lines.append("</event>\n")
    return "".join([*lines, "</LesHouchesEvents>\n"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The file of 400 events of t tbar g at 1 TeV, and the table that it gives."""
    folder = tmp_path_factory.mktemp("massive")
    p = masses.uniform(400, MU, stream(5, "massive"))
    (folder / "ttg.lhe").write_text(text(p, [E_CM] * 400))
    import_file(folder / "ttg.lhe", folder / "ttg.parquet", Settings(held_out=0.25))
    return folder


@pytest.fixture(scope="module")
def generated(folder):
    """A table of events of a model of these."""
    embed_file(folder / "ttg.parquet", folder / "q.parquet", Embedding("single", {"copies": 1}, 3))
    source = read_events(folder / "q.parquet", space="q").metadata
    spec = run_spec(process="ttg", dataset="ttg")
    save_model(folder / "model.pt", awaken(build(spec), scale=0.1).state_dict(), spec, provenance={}, source=source)
    sample_file(folder / "model.pt", folder / "s.parquet", 300, **SILENT)
    return folder / "s.parquet"


def test_an_import_keeps_the_masses_and_conserves(folder):
    found = read_events(folder / "ttg.parquet", space="p")
    assert found.momenta.shape == (400, 3, 4)
    assert_on_shell(found.momenta)
    torch.testing.assert_close(found.momenta[..., 3], MU.expand(400, 3), rtol=0, atol=1e-10)
    # Any other tool sees lists of numbers, the masses among them.
    table = pq.read_table(folder / "ttg.parquet")
    assert np.allclose(table["mass"][0].as_py(), MU, atol=1e-10)
    shown = overview(found, folder)
    assert shown["conservation"]["on_shell"]
    assert shown["columns"]["mass"]["max"] == pytest.approx(TOP / E_CM)


def test_a_file_comes_out_as_it_went_in(folder):
    export_file(folder / "ttg.parquet", folder / "back.lhe")
    files = (pylhe.LHEFile.fromfile(folder / name, generator=False).events for name in ("ttg.lhe", "back.lhe"))
    for one, two in zip(*files, strict=True):
        for a, b in zip(one.particles, two.particles, strict=True):
            assert [b.px, b.py, b.pz, b.e, b.m] == pytest.approx([a.px, a.py, a.pz, a.e, a.m], abs=1e-6)
            assert (b.id, b.status) == (a.id, a.status)
    top = two.particles[2]
    assert top.m == pytest.approx(TOP, rel=1e-9)
    assert top.e**2 - top.px**2 - top.py**2 - top.pz**2 == pytest.approx(top.m**2, rel=1e-9)


def test_models_give_events_on_their_mass_shells(folder, generated):
    events = read_events(generated, space="p")
    assert_on_shell(events.momenta)
    torch.testing.assert_close(events.momenta[..., 3], MU.expand(300, 3), rtol=0, atol=1e-10)
    again = load(folder / "model.pt").sample(300, seed=events.metadata["seed"])
    torch.testing.assert_close(again, events.momenta, rtol=0, atol=1e-12)
    out = metrics_file(generated, folder / "ttg.parquet", folder / "m.json", MetricsOptions(replicates=0), **SILENT)
    assert np.isfinite(out["observables"]["log10_s_12"]["w1"])
    export_file(generated, folder / "s.lhe", template=folder / "ttg.parquet")
    particles = [p for event in pylhe.LHEFile.fromfile(folder / "s.lhe").events for p in event.particles[2:]]
    assert {(p.id, round(p.m, 6)) for p in particles} == {(6, TOP), (-6, TOP), (21, 0.0)}


def test_events_with_and_without_masses_are_not_compared(folder, generated):
    k = masses.to_massless(read_events(generated).momenta)
    write_events(folder / "k.parquet", [k], {"dataset": "ttg"})
    with pytest.raises(OnshellError, match=r"ttg\.parquet: of massive particles, .*k\.parquet have no masses"):
        metrics_file(folder / "k.parquet", folder / "ttg.parquet", folder / "no.json", MetricsOptions(replicates=0))
    with pytest.raises(OnshellError, match=r"s\.parquet: of massive particles, .*k\.parquet have no masses"):
        check_comparable((folder / "k.parquet", generated), *map(read_sample, (folder / "k.parquet", generated)))
    found = compare_events(read_sample(generated), read_sample(folder / "ttg.parquet"), Comparison(2, 2))
    assert found["observables"]["log10_tau"]["w1"] > 0.0


def test_pair_masses_of_massive_events(folder):
    p = read_events(folder / "ttg.parquet").momenta
    s = kinematics.pair_masses(p)
    # Their sum is fixed: (N - 2) sum m^2 + E_cm^2.
    torch.testing.assert_close(s.sum(1), torch.full((400,), 1.0 + float(MU.square().sum()), dtype=torch.float64))
    assert (s[:, 0] > (2 * TOP / E_CM) ** 2).all()


@pytest.mark.parametrize(("e_cm", "m"), [(800.0, TOP), (E_CM, 80.4)])
def test_masses_that_differ_from_event_to_event_are_refused_for_models(tmp_path, e_cm, m):
    p = masses.uniform(40, MU, stream(5, "two"))
    other = masses.to_massive(masses.to_massless(p), MU * m / TOP * E_CM / e_cm)
    (tmp_path / "x.lhe").write_text(text(torch.cat([p, other]), [E_CM] * 40 + [e_cm] * 40))
    import_file(tmp_path / "x.lhe", tmp_path / "x.parquet", Settings())
    with pytest.raises(
        OnshellError, match=r"x\.parquet: the mass of particle \d is not the same in all events \(0\.\d"
    ):
        embed_file(tmp_path / "x.parquet", tmp_path / "q.parquet", Embedding("single", {"copies": 1}, 3))
    assert not (tmp_path / "q.parquet").exists()


def test_what_would_change_masses_is_refused(folder, generated):
    table = folder / "ttg.parquet"
    with pytest.raises(OnshellError, match=r"at --e-cm 500 they would have other masses"):
        export_file(table, folder / "x.lhe", Overrides(e_cm=500.0))
    with pytest.raises(OnshellError, match=r"neither E_cm nor PDG numbers are known; give --like"):
        export_file(generated, folder / "x.lhe")
    spec = run_spec("p", process="ttg", dataset="ttg")
    with pytest.raises(OnshellError, match="massive particles, which models in p-space know nothing of"):
        train_file(table, spec, folder / "p")
    assert not (folder / "x.lhe").exists()


def test_tables_of_other_tools(folder, tmp_path):
    # One mass for each place in the metadata, and a column in which masses are none.
    p = read_events(folder / "ttg.parquet").momenta[:50]
    path = tmp_path / "x.parquet"
    write_events(path, [p], {})
    metadata = {b"onshell": json.dumps({"masses": MU.tolist(), "n_particles": 3}).encode()}
    rewrite(path, lambda table: table.drop_columns("mass").replace_schema_metadata(metadata))
    torch.testing.assert_close(read_events(path).momenta, p, rtol=0, atol=1e-9)
    write_events(path, [torch.cat([p[..., :3], 173.0 * torch.ones_like(p[..., :1])], -1)], {}, check=False)
    with pytest.raises(OnshellError, match=r"column mass: events 0, .* a mass of 173, where it must be .* below E_cm"):
        read_events(path)
    write_events(path, [p], {})
    rewrite(path, lambda table: table.drop_columns("mass"))
    with pytest.raises(OnshellError, match="the column mass is gone"):
        read_events(path)


def test_events_of_any_frame_and_units_are_projected(folder, tmp_path):
    p = read_events(folder / "ttg.parquet").momenta
    lab = kinematics.boost(E_CM * p, torch.tensor([0.1, 0.0, 2.0], dtype=torch.float64).expand(400, 3))
    write_events(tmp_path / "lab.parquet", [lab], {}, check=False)
    identity = Embedding("identity", {"b": [0.0, 0.0, 0.0], "x": 1.0}, 3, project=True)
    embed_file(tmp_path / "lab.parquet", tmp_path / "q.parquet", identity)
    found = read_events(tmp_path / "q.parquet", space="q")
    torch.testing.assert_close(found.momenta, masses.to_massless(p), rtol=0, atol=1e-9)
    assert found.metadata["masses"] == pytest.approx(MU.tolist(), abs=1e-9)


def test_the_map_for_other_libraries_knows_masses():
    space, p = QSpace(3, masses=MU.tolist(), dtype=torch.float64), masses.uniform(100, MU, stream(5, "space"))
    q = space.embed(p)
    torch.testing.assert_close(space.embed(p[..., :3]), q)
    torch.testing.assert_close(space.to_p(q), p, rtol=0, atol=1e-12)
    # The prior is uniform massless phase space: per dPhi_N of the masses, its density is one over the ratio.
    density, _ = space.log_prob(p, lambda q: space.prior.log_prob(q), draws=4)
    torch.testing.assert_close(density, -masses.log_volume_ratio(p), rtol=0, atol=1e-9)
    with pytest.raises(OnshellError, match="give one for each"):
        QSpace(3, masses=[0.1])
    with pytest.raises(OnshellError, match="other masses than"):
        space.embed(masses.to_massive(masses.to_massless(p), 0.5 * MU))
