"""metrics/<run>.json: a perfect sample sits on the floor, an imperfect one above it, and both are told exactly."""

import json

import numpy as np
import pytest
import torch

from helpers.products import SEED, floor_values, make_metrics, measured, silent, smeared, truth
from onshell.cli.results import metrics as metrics_command
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.autoencoder import load
from onshell.evaluation.commands import autoencoder_file
from onshell.evaluation.distances import frechet, wasserstein
from onshell.evaluation.features import invariants
from onshell.evaluation.floors import fresh
from onshell.evaluation.metrics import conservation, spread
from onshell.evaluation.observables import compared
from onshell.evaluation.truth import held_out
from onshell.evaluation.twosample import halves, linear_auc
from onshell.events.table import read_events, read_metadata, write_events
from onshell.physics.generators import events


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
def sample(folder):
    path = folder / "perfect.parquet"
    write_events(path, [events("muon", 5000, seed=SEED, name=("test", "perfect"))], {"run": "perfect"})
    return path


@pytest.fixture(scope="module")
def perfect(folder, sample, muon, networks):
    out = folder / "perfect.json"
    make_metrics(sample, muon, out, autoencoder=networks, seed=SEED, replicates=10, progress=silent)
    return json.loads(out.read_text())


def test_a_perfect_sample_sits_on_the_floor(perfect):
    """The floor's draws share one law with the sample's distance: 8 sd never happen by chance."""
    counts = {"sample": 5000, "truth": 4000, "replicates": 10, "splits": 5, "autoencoders": 2}
    assert perfect["counts"] == counts
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
    options = {"autoencoder": networks, "seed": SEED, "replicates": 10, "progress": silent}
    found = make_metrics(sample, muon, folder / "smeared.json", **options)
    assert (found["run"], found["augmentation"]) == ("muon-q-diffusion-many", "many")
    assert found["observables"]["E_3"]["w1_over_floor"] > 4
    assert (
        found["features"]["invariant"]["frechet"]["mean"] > 5 * found["features"]["invariant"]["frechet"]["floor_mean"]
    )
    rows = read_events(muon, rows="test").momenta
    ours, theirs = (compared(p, "muon")["E_3"] for p in (read_events(sample).momenta, rows))
    assert found["observables"]["E_3"]["w1"] == wasserstein(ours, theirs)


def test_the_floor_does_not_depend_on_the_model_and_shrinks_with_the_sample(muon):
    metadata = read_metadata(muon)
    small, large = (floor_values(metadata, "muon", (n, n), seed=SEED, replicates=4) for n in (1000, 16_000))
    assert small == floor_values(metadata, "muon", (1000, 1000), seed=SEED, replicates=4)
    ratios = [np.mean(small[key]) / np.mean(large[key]) for key in small if key.endswith(".w1")]
    assert 2.5 < np.mean(ratios) < 6.5  # sqrt(16) = 4


UNIFORM = {
    "u_1": 1.0,
    "u_2": 1.0,
    "cos_theta_1": 2.0,
    "cos_theta_plane": 2.0,
    "phi_1": 2 * np.pi,
    "phi_plane": 2 * np.pi,
}
"""Variables that are uniform in muon decay, and the length of their range."""


SIZES, REPLICATES = (1500, 1000), 100


@pytest.fixture(scope="module")
def chance(muon):
    """The values of many replicates of a floor."""
    return floor_values(read_metadata(muon), "muon", SIZES, seed=SEED, replicates=REPLICATES, splits=3)


def test_the_floor_agrees_with_the_laws_of_two_samples(chance):
    """The gap of two distribution functions is a Brownian bridge B(t) times sqrt(1/n + 1/m).

    KS: E max|B| = sqrt(pi/2) ln 2 and E max B^2 = pi^2 / 12. W1 of a uniform variable: E int|B| = sqrt(pi/32) and
    E (int|B|)^2 = 7/60. AUC: 1/2. With 100 replicates the bands below are five standard errors wide; KS of finite
    samples is a few per cent below its limit.
    """
    found, replicates = chance, REPLICATES
    unit = (1 / SIZES[0] + 1 / SIZES[1]) ** 0.5
    ks, w1 = np.sqrt(np.pi / 2) * np.log(2), np.sqrt(np.pi / 32)
    ks_sd, w1_sd = np.sqrt(np.pi**2 / 12 - ks**2), np.sqrt(7 / 60 - w1**2)
    for key, values in found.items():
        mean, sd = spread(values)
        name, quantity = key.split(".")
        if quantity == "ks":
            assert mean / unit == pytest.approx(ks, abs=5 * ks_sd / replicates**0.5 + 0.03 * ks), key
            assert sd / unit == pytest.approx(ks_sd, rel=0.5), key
        elif quantity == "w1" and name in UNIFORM:
            length = UNIFORM[name]
            assert mean / unit / length == pytest.approx(w1, abs=5 * w1_sd / replicates**0.5), key
            assert sd / unit / length == pytest.approx(w1_sd, rel=0.6), key
    mean, sd = spread(found["invariant.auc"])
    assert mean == pytest.approx(0.5, abs=5 * sd / replicates**0.5 + 0.002)
    # One split's AUC of h against k scored events has a variance of (h + k + 1) / (12 h k); a mean over splits less.
    one_split = np.sqrt((750 + 500 + 1) / (12 * 750 * 500))
    assert 0.3 * one_split < sd < 1.3 * one_split


def test_the_floor_of_the_frechet_distance_agrees_with_its_expansion(muon, chance):
    """The squared difference of two means is tr C (1/h + 1/k) on average, the covariances add somewhat less."""
    found = chance["invariant.frechet"]
    trace = np.trace(np.cov(invariants(read_events(muon, rows="test").momenta), rowvar=False))
    means = trace * (1 / 750 + 1 / 500)
    assert means < np.mean(found) < 2 * means


def test_features_are_compared_on_the_same_halves(muon):
    a, b = (events("muon", n, seed=SEED, name=("test", "halves", n)) for n in (600, 500))
    found = measured(a, b, "muon", seed=SEED, name=("test",), splits=3)
    assert len(found["invariant.frechet"]) == len(found["invariant.auc"]) == 3
    for k in range(3):
        train, test = halves(invariants(b), invariants(a), stream(SEED, "test", "split", "invariant", 0, k))
        assert found["invariant.frechet"][k] == frechet(*test)
        assert found["invariant.auc"][k] == linear_auc(train, test)
    with pytest.raises(OnshellError, match="splits: 0"):
        measured(a, b, "muon", seed=SEED, name=("test",), splits=0)


def test_a_replicate_of_the_floor_is_a_mean_over_splits_and_autoencoders(muon, networks):
    metadata, encoders = read_metadata(muon), load(networks).networks
    keywords = {"seed": SEED, "splits": 2, "autoencoders": encoders}
    found = floor_values(metadata, "muon", (300, 200), replicates=3, **keywords)
    means = []
    for r in range(3):
        a, b = (fresh(metadata, "muon", n, r, side, SEED) for n, side in ((300, "a"), (200, "b")))
        values = measured(a, b, "muon", name=("muon", "floor", r), **keywords)["latent.auc"]
        assert len(values) == 4
        means.append(np.mean(values))
    assert found["latent.auc"] == pytest.approx(means)


def test_floor_events_are_new(muon):
    metadata, stored = read_metadata(muon), read_events(muon).momenta
    drawn = [fresh(metadata, "muon", 100, r, side, SEED) for r in (0, 1) for side in "ab"]
    everything = torch.cat([*drawn, stored])[:, 0, 0]
    assert len(everything.unique()) == len(everything)


def test_without_a_floor(folder, sample, muon):
    found = make_metrics(sample, muon, folder / "bare.json", seed=SEED, splits=1, progress=silent)
    assert set(found["observables"]["E_1"]) == {"w1", "ks", "w1_error", "ks_error", "mean_error", "truth_sd"}
    assert "all" not in found
    assert set(found["features"]) == {"invariant"}


def test_several_samples_in_one_process_give_the_bytes_of_each_alone(sample, muon, tmp_path):
    other = tmp_path / "other.parquet"
    write_events(other, [events("muon", 200, seed=SEED, name=("test", "other"))], {"run": "other"})
    metrics_command([sample, other], truth=muon, output=tmp_path / "several")
    for path in (sample, other):
        metrics_command([path], truth=muon, output=tmp_path / "alone.json")
        assert (tmp_path / "several" / f"{path.stem}.json").read_bytes() == (tmp_path / "alone.json").read_bytes()
    with pytest.raises(OnshellError, match="--run x: names one sample, but 2 are given"):
        metrics_command([sample, other], truth=muon, output=tmp_path / "several", run="x")
    with pytest.raises(OnshellError, match="two have one name"):
        metrics_command([sample, sample], truth=muon, output=tmp_path / "several")


def test_ten_particles():
    a, b = (events("uniform", 500, seed=SEED, name=("test", side), n_particles=10) for side in "ab")
    found = measured(a, b, "uniform", seed=SEED, name=("test",), splits=2)
    assert {"E_1.w1", "log10_tau.ks", "invariant.frechet"} <= set(found)
    assert len(found["invariant.auc"]) == 2


def test_conservation_is_reported_in_units_of_e_cm():
    p = events("uniform", 100, seed=SEED, name=("test", "violation"), n_particles=3).clone()
    p[:, 0] *= 1.5
    found = conservation(p)
    added = 0.5 * p[:, 0].norm(dim=-1) / 1.5
    assert found["energy_mean"] == pytest.approx(added.mean().item())
    assert found["momentum_max"] == pytest.approx(added.max().item())
    assert found["px_mean"] == pytest.approx(p[:, 0, 0].abs().mean().item() / 3.0)
    assert found["median_energy"] == pytest.approx(p.norm(dim=-1).flatten().median().item())


def test_what_cannot_be_compared(folder, sample, muon, networks):
    foreign = folder / "foreign.parquet"
    write_events(foreign, [events("muon", 100, seed=SEED, name=("test", "foreign"))], {"process": "muon"})
    out = folder / "never.json"
    with pytest.raises(OnshellError, match="generator's name"):
        make_metrics(sample, foreign, out, seed=SEED, replicates=2, progress=silent)
    make_metrics(sample, foreign, folder / "by-hand.json", seed=SEED, progress=silent)
    for replicates in (1, -1):
        with pytest.raises(OnshellError, match=f"replicates: {replicates} make no floor, a spread needs two"):
            make_metrics(sample, muon, out, seed=SEED, replicates=replicates, progress=silent)
    ten = truth(folder, "uniform_10", "uniform", "uniform", 50, n_particles=10)
    with pytest.raises(OnshellError, match=r"perfect\.parquet"):
        make_metrics(sample, ten, out, seed=SEED, progress=silent)
    with pytest.raises(OnshellError, match=r"muon\.pt: made for other than 10"):
        make_metrics(ten, ten, out, autoencoder=networks, seed=SEED, progress=silent)
    with pytest.raises(OnshellError, match=r"gone\.parquet"):
        make_metrics(folder / "gone.parquet", muon, out, seed=SEED, progress=silent)
    assert not out.exists()


def test_an_autoencoder_never_trains_on_what_it_judges(folder):
    """A file without a split would give it the very events that metrics compare models with."""
    foreign, out = folder / "unsplit.parquet", folder / "unsplit.pt"
    write_events(foreign, [events("muon", 100, seed=SEED, name=("test", "unsplit"))], {"process": "muon"})
    with pytest.raises(OnshellError, match=r"unsplit\.parquet: no split 'train'") as caught:
        autoencoder_file(foreign, out, seed=SEED, progress=silent)
    assert "\n" not in str(caught.value)
    assert not out.exists()


def test_held_out_truth_is_the_test_part_or_all(folder, muon):
    assert torch.equal(held_out(muon).momenta, read_events(muon, rows="test").momenta)
    bare, empty = folder / "bare.parquet", folder / "empty.parquet"
    write_events(bare, [events("muon", 100, seed=SEED, name=("test", "bare"))], {"process": "muon"})
    assert len(held_out(bare)) == 100
    write_events(empty, [], {"process": "muon", "n_particles": 3})
    with pytest.raises(OnshellError, match=r"empty\.parquet: no events"):
        held_out(empty)
