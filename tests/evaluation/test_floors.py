"""floors/<dataset>.json: the floor once for all runs of a dataset, and refused where it is not theirs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.products import SEED, floor_values, make_floor, make_metrics, silent, truth
from onshell.cli.results import floor as floor_command
from onshell.core.errors import OnshellError
from onshell.evaluation.autoencoder import fingerprint, load
from onshell.evaluation.commands import autoencoder_file
from onshell.evaluation.reweight import reweight_file
from onshell.events.table import read_metadata, write_events
from onshell.physics.generators import events


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("floors")


@pytest.fixture(scope="module")
def muon(folder):
    return truth(folder, "muon", "muon", "muon", 600)


@pytest.fixture(scope="module")
def networks(folder, muon):
    path = folder / "muon.pt"
    autoencoder_file(muon, path, seed=SEED, epochs=1, progress=silent)
    return path


@pytest.fixture(scope="module")
def sample(folder):
    path = folder / "sample.parquet"
    write_events(path, [events("muon", 500, seed=SEED, name=("test", "sample"))], {"run": "perfect"})
    return path


@pytest.fixture(scope="module")
def floor(folder, muon, networks):
    path, lines = folder / "muon.json", []
    options = {"sample_size": 500, "autoencoder": networks, "replicates": 3, "splits": 2, "seed": SEED}
    assert make_floor(muon, path, **options, progress=lines.append) == json.loads(path.read_text())
    assert [str(line) for line in lines] == [f"floor of muon: replicate {r}/3" for r in (1, 2, 3)]
    return path


def test_a_floor_says_what_it_is_the_floor_of(floor, muon, networks):
    found = json.loads(floor.read_text())
    assert {key: found[key] for key in ("dataset", "process", "seed", "replicates")} == {
        "dataset": "muon",
        "process": "muon",
        "seed": SEED,
        "replicates": 3,
    }
    assert set(found["provenance"]) == {"commit", "version"}
    compared = found["comparison"]
    assert (compared["sample"], compared["truth"], compared["splits"]) == (500, 600, 2)
    assert compared["autoencoders"] == fingerprint(load(networks).networks)
    options = {"seed": SEED, "replicates": 3, "splits": 2, "autoencoders": load(networks).networks}
    for key, values in floor_values(read_metadata(muon), "muon", (500, 600), **options).items():
        assert found["floor"][key] == {"mean": np.mean(values), "sd": np.std(values, ddof=1), "values": values}


def test_metrics_with_a_floor_are_those_that_make_their_own(folder, floor, sample, muon, networks):
    options = {"autoencoder": networks, "seed": SEED, "splits": 2, "progress": silent}
    read = make_metrics(sample, muon, folder / "read.json", floor=floor, **options)
    assert read == make_metrics(sample, muon, folder / "made.json", replicates=3, **options)
    assert read["counts"]["replicates"] == 3
    assert "floor_w1_mean" in read["observables"]["E_1"]


def test_a_floor_of_something_else_is_refused_in_one_line(folder, floor, sample, muon, networks, tmp_path):
    out, other, large = tmp_path / "never.json", tmp_path / "other.pt", tmp_path / "large.parquet"
    autoencoder_file(muon, other, seed=SEED + 1, epochs=1, progress=silent)
    write_events(large, [events("muon", 501, seed=SEED, name=("test", "large"))], {"run": "large"})
    (tmp_path / "copy").mkdir()
    renamed = truth(tmp_path / "copy", "electron", "muon", "muon", 600)
    faults = [
        ((large, muon), {"autoencoder": networks}, r"500 events of the sample \(501 here\)"),
        ((sample, muon), {"autoencoder": other}, "other autoencoders"),
        ((sample, muon), {}, "some autoencoders"),
        ((sample, muon), {"autoencoder": networks, "splits": 3}, r"splits 2 \(3 here\)"),
        ((sample, renamed), {"autoencoder": networks}, r"dataset 'muon' \('electron' here\)"),
    ]
    for paths, changed, fault in faults:
        options = {"seed": SEED, "splits": 2, "floor": floor, "progress": silent} | changed
        with pytest.raises(OnshellError, match=rf"muon\.json: a floor of {fault}; make it again") as caught:
            make_metrics(*paths, out, **options)
        assert "\n" not in str(caught.value)
    assert not out.exists()


def test_what_is_no_floor(floor, sample, muon, networks, tmp_path):
    content = json.loads(floor.read_text())
    part = content | {"floor": {key: value for key, value in content["floor"].items() if key != "u_2.ks"}}
    faults = {
        "gone": (None, "no such floor"),
        "text": ("hello", "not readable as JSON"),
        "list": ("[]", "not a floor"),
        "old": (json.dumps(content | {"format": 1}), "not a floor of this version"),
        "one": (json.dumps(content | {"floor": {"u_2.ks": {"mean": 1.0, "sd": 0.0, "values": [1.0]}}}), "values = "),
        "broken": (json.dumps(content | {"comparison": 3}), "floor: comparison = 3"),
        "empty": (json.dumps({key: value for key, value in content.items() if key != "floor"}), "floor without floor"),
        "part": (json.dumps(part), r"no floor of u_2\.ks"),
    }
    options = {"autoencoder": networks, "seed": SEED, "splits": 2, "progress": silent}
    for name, (text, fault) in faults.items():
        path = tmp_path / f"{name}.json"
        if text is not None:
            path.write_text(text)
        with pytest.raises(OnshellError, match=rf"{name}\.json: .*{fault}") as caught:
            make_metrics(sample, muon, tmp_path / "never.json", floor=path, **options)
        assert "\n" not in str(caught.value)


def test_a_generator_that_only_the_table_names_is_not_imported(tmp_path, monkeypatch):
    """Neither by the floor nor by the metrics, nor from the folder where they run; one that is named too is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("notes.py").write_text("import pathlib\npathlib.Path('executed').touch()\n")
    truth, out, options = Path("truth.parquet"), Path("never.json"), {"replicates": 2, "progress": silent}
    write_events(truth, [events("muon", 30, seed=SEED)], {"dataset": "muon", "generator": "notes:block"})
    fault = r"truth\.parquet: names code .*'notes:block'.* add --generator notes:block"
    for made in (
        lambda: make_floor(truth, out, sample_size=20, **options),
        lambda: make_floor(truth, out, sample_size=20, generator="other:block", **options),
        lambda: make_metrics(truth, truth, out, splits=1, **options),
        lambda: floor_command(truth, out, sample_size=20, replicates=2),
    ):
        with pytest.raises(OnshellError, match=fault):
            made()
    with pytest.raises(OnshellError, match="density not known; give it by --target"):
        reweight_file(truth, out, truth=truth)
    assert not Path("executed").exists()
    assert not out.exists()
    with pytest.raises(OnshellError, match="no 'block' in"):
        make_floor(truth, out, sample_size=20, generator="notes:block", **options)
    assert Path("executed").exists()


def test_floors_that_cannot_be_made(muon, tmp_path):
    out, foreign = tmp_path / "never.json", tmp_path / "foreign.parquet"
    options = {"sample_size": 100, "replicates": 2, "progress": silent}
    with pytest.raises(OnshellError, match="sample size: 3 events"):
        make_floor(muon, out, **options | {"sample_size": 3})
    with pytest.raises(OnshellError, match="replicates: 1 make no floor"):
        make_floor(muon, out, **options | {"replicates": 1})
    write_events(foreign, [events("muon", 100, seed=SEED, name=("test", "foreign"))], {"process": "muon"})
    with pytest.raises(OnshellError, match=r"foreign: the statistical floor needs the generator's name"):
        make_floor(foreign, out, **options)
    assert not out.exists()


def test_p_space_samples_are_measured_like_any_other(muon, tmp_path):
    """Momenta of unit normals, far off the shell: every number is finite, and conservation says how far."""
    ten = truth(tmp_path, "aps_30", "aps", "sarge", 300, n_particles=10, cutoff=30.0)
    for dataset, path, n in (("muon", muon, 3), ("aps_30", ten, 10)):
        p = 0.1 * events("uniform", 200, seed=SEED, name=("test", "p"), n_particles=n).neg().exp()
        sample, out, networks = (tmp_path / f"{dataset}.{kind}" for kind in ("p.parquet", "p.json", "pt"))
        write_events(sample, [p], {"run": f"{dataset}-p-flow", "dataset": dataset, "conserves": False})
        autoencoder_file(path, networks, seed=SEED, epochs=1, progress=silent)
        found = make_metrics(sample, path, out, autoencoder=networks, seed=SEED, replicates=2, progress=silent)
        assert found["conservation"]["energy_mean"] > 0.1
        assert found["features"]["latent"]["frechet"]["mean"] > 0


def test_an_autoencoder_of_hardly_any_events_is_refused(muon, tmp_path):
    with pytest.raises(OnshellError, match=r"muon\.parquet: an autoencoder cannot learn from fewer than 4 events"):
        autoencoder_file(muon, tmp_path / "a.pt", max_events=3, progress=silent)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [float("nan"), 3e38])
def test_an_autoencoder_that_gives_no_numbers_is_refused(networks, change, tmp_path):
    content = torch.load(networks, weights_only=True)
    content["states"][0]["encoder.2.weight"] += change
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(OnshellError, match=r"a\.pt: the networks in it do not fit together; make it again"):
        load(tmp_path / "a.pt")
