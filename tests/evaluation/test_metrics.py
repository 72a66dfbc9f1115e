"""metrics/<run>.json: a perfect sample sits on the floor, an imperfect one above it, and both are told exactly."""

import json

import numpy as np
import pytest
import torch

from helpers.products import SEED, silent, smeared, truth
from onshell.errors import OnshellError
from onshell.evaluation.commands import autoencoder_file, metrics_file
from onshell.evaluation.conservation import conservation
from onshell.evaluation.distances import wasserstein
from onshell.evaluation.metrics import floor, fresh, measure
from onshell.events.table import read_events, read_metadata, write_events
from onshell.physics.generators import events
from onshell.physics.observables import observables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture(scope="module")
def muon(folder):
    return truth(folder, "muon", "muon", "muon", 4000)


@pytest.fixture(scope="module")
def networks(folder, muon):
    path = folder / "muon.pt"
    autoencoder_file(muon, path, seed=SEED, epochs=2, progress=silent)
    return path


@pytest.fixture(scope="module")
def perfect(folder, muon, networks):
    sample = folder / "perfect.parquet"
    write_events(sample, [events("muon", 5000, seed=SEED, name=("test", "perfect"))], {"run": "perfect"})
    out = folder / "perfect.json"
    metrics_file(sample, muon, out, autoencoder=networks, seed=SEED, progress=silent)
    return json.loads(out.read_text())


def test_a_perfect_sample_sits_on_the_floor(perfect):
    """All twenty floor draws of a replicate share one law with the sample's distance: 8 sd never happen by chance."""
    assert perfect["counts"] == {"sample": 5000, "truth": 4000, "replicates": 10, "splits": 5}
    for name, found in perfect["observables"].items():
        for quantity in ("w1", "ks"):
            excess = found[quantity] - found[f"floor_{quantity}_mean"]
            assert excess < 8 * found[f"floor_{quantity}_sd"], (name, quantity)
            assert found[f"{quantity}_over_floor"] == pytest.approx(found[quantity] / found[f"floor_{quantity}_mean"])
    for space in ("invariant", "latent"):
        for quantity in ("frechet", "auc"):
            found = perfect["features"][space][quantity]
            assert abs(found["mean"] - found["floor_mean"]) < 8 * found["floor_sd"], (space, quantity)
    assert perfect["features"]["invariant"]["auc"]["floor_mean"] == pytest.approx(0.5, abs=0.02)
    assert perfect["conservation"]["energy_max"] < 1e-12
    assert perfect["conservation"]["momentum_max"] < 1e-12


def test_a_smeared_sample_stands_above_it(folder, muon, networks, perfect):
    sample = smeared(folder, "muon-q-diffusion-many", muon, 0.5, {"augmentation": "many"})
    found = metrics_file(sample, muon, folder / "smeared.json", autoencoder=networks, seed=SEED, progress=silent)
    assert (found["run"], found["augmentation"]) == ("muon-q-diffusion-many", "many")
    assert found["observables"]["E_3"]["w1_over_floor"] > 4
    assert (
        found["features"]["invariant"]["frechet"]["mean"] > 5 * found["features"]["invariant"]["frechet"]["floor_mean"]
    )
    rows = read_events(muon, rows="test").momenta
    ours, theirs = (observables(p, "muon")["E_3"] for p in (read_events(sample).momenta, rows))
    assert found["observables"]["E_3"]["w1"] == wasserstein(ours, theirs)


def test_the_floor_does_not_depend_on_the_model_and_shrinks_with_the_sample(muon):
    metadata = read_metadata(muon)
    small, large = (floor(metadata, "muon", (n, n), seed=SEED, replicates=4) for n in (1000, 16_000))
    assert small == floor(metadata, "muon", (1000, 1000), seed=SEED, replicates=4)
    ratios = [small[key][0] / large[key][0] for key in small if key.endswith(".w1")]
    assert 2.5 < np.mean(ratios) < 6.5  # sqrt(16) = 4


def test_floor_events_are_new(muon):
    metadata, stored = read_metadata(muon), read_events(muon).momenta
    drawn = [fresh(metadata, "muon", 100, r, side, SEED) for r in (0, 1) for side in "ab"]
    everything = torch.cat([*drawn, stored])[:, 0, 0]
    assert len(everything.unique()) == len(everything)


def test_without_a_floor(folder, muon):
    sample = folder / "perfect.parquet"
    found = metrics_file(sample, muon, folder / "bare.json", seed=SEED, replicates=0, splits=1, progress=silent)
    assert set(found["observables"]["E_1"]) == {"w1", "ks"}
    assert set(found["features"]) == {"invariant"}


def test_ten_particles():
    a, b = (events("uniform", 500, seed=SEED, name=("test", side), n_particles=10) for side in "ab")
    found = measure(a, b, "uniform", seed=SEED, name=("test",), splits=2)
    assert {"E_1.w1", "log10_tau.ks", "invariant.frechet"} <= set(found)
    assert len(found["invariant.auc"]) == 2


def test_conservation_is_told_in_units_of_e_cm():
    p = events("uniform", 100, seed=SEED, name=("test", "violation"), n_particles=3).clone()
    p[:, 0] *= 1.5
    found = conservation(p)
    added = 0.5 * p[:, 0].norm(dim=-1) / 1.5
    assert found["energy_mean"] == pytest.approx(added.mean().item())
    assert found["momentum_max"] == pytest.approx(added.max().item())
    assert found["px_mean"] == pytest.approx(p[:, 0, 0].abs().mean().item() / 3.0)
    assert found["median_energy"] == pytest.approx(p.norm(dim=-1).flatten().median().item())


def test_what_cannot_be_compared(folder, muon, networks):
    foreign = folder / "foreign.parquet"
    write_events(foreign, [events("muon", 100, seed=SEED, name=("test", "foreign"))], {"process": "muon"})
    sample, out = folder / "perfect.parquet", folder / "never.json"
    with pytest.raises(OnshellError, match="generator's name"):
        metrics_file(sample, foreign, out, seed=SEED, progress=silent)
    metrics_file(sample, foreign, folder / "by-hand.json", seed=SEED, replicates=0, progress=silent)
    ten = truth(folder, "uniform_10", "uniform", "uniform", 50, n_particles=10)
    with pytest.raises(OnshellError, match=r"perfect\.parquet"):
        metrics_file(sample, ten, out, seed=SEED, progress=silent)
    with pytest.raises(OnshellError, match=r"muon\.pt: made for other than 10"):
        metrics_file(ten, ten, out, autoencoder=networks, seed=SEED, progress=silent)
    with pytest.raises(OnshellError, match=r"gone\.parquet"):
        metrics_file(folder / "gone.parquet", muon, out, seed=SEED, progress=silent)
    assert not out.exists()
