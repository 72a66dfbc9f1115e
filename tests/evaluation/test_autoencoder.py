"""The autoencoder: what it learns, that it is the same every time, and what it says about wrong files."""

import numpy as np
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.evaluation import autoencoder
from onshell.physics.generators import events

SEED = 20260402


@pytest.fixture(scope="module")
def muon():
    return events("muon", 8000, seed=SEED, name=("test", "autoencoder"))


@pytest.fixture(scope="module")
def trained(muon):
    return autoencoder.train_one(muon, seed=SEED, name=("test", 0), epochs=40)


def test_it_learns_to_reconstruct(trained):
    assert trained[1] < 0.1


def test_latent_features_of_truth_are_standardised(trained, muon):
    features = trained[0].features(muon)
    assert features.shape == (8000, 5)
    assert features.dtype == np.float64
    assert np.allclose(features.mean(0), 0.0, atol=1e-4)
    assert np.allclose(features.std(0), 1.0, atol=1e-3)


def test_same_seed_same_bytes_and_no_global_randomness(muon, tmp_path):
    before = torch.random.get_rng_state()
    for name in ("a.pt", "b.pt"):
        network, loss = autoencoder.train_one(muon[:2000], seed=SEED, name=("test", 1), epochs=1)
        autoencoder.save(tmp_path / name, autoencoder.Ensemble([network], [loss], {"commit": "x"}))
    assert torch.equal(before, torch.random.get_rng_state())
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    other, _ = autoencoder.train_one(muon[:2000], seed=SEED, name=("test", 2), epochs=1)
    assert not np.allclose(other.features(muon[:10]), network.features(muon[:10]))


def test_a_file_gives_back_what_was_saved(trained, muon, tmp_path):
    autoencoder.save(tmp_path / "one.pt", autoencoder.Ensemble([trained[0]], [trained[1]], {"commit": "x"}))
    found = autoencoder.load(tmp_path / "one.pt")
    assert found.losses == [trained[1]]
    assert np.array_equal(found.networks[0].features(muon[:50]), trained[0].features(muon[:50]))
    torch.load(tmp_path / "one.pt", weights_only=True)


def test_wrong_files(tmp_path):
    with pytest.raises(OnshellError, match=r"none\.pt: no such autoencoder file; make it again"):
        autoencoder.load(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"kind": "model"}, tmp_path / "model.pt")
    header = {"kind": autoencoder.KIND, "format": autoencoder.FORMAT, "n_particles": 3}
    torch.save(header | {"states": [{"encoder.0.bias": torch.ones(4)}]}, tmp_path / "part.pt")
    torch.save(
        header | {"states": [{"encoder.0.bias": torch.ones(4)}], "losses": [], "provenance": {}}, tmp_path / "misfit.pt"
    )
    faults = {
        "text.pt": "a foreign or damaged autoencoder",
        "model.pt": "not an autoencoder",
        "part.pt": "without losses, provenance",
        "misfit.pt": "do not fit",
    }
    for name, fault in faults.items():
        with pytest.raises(OnshellError, match=rf"{name}: .*{fault}"):
            autoencoder.load(tmp_path / name)
