import pytest

from helpers.networks import awaken
from helpers.specs import run_spec
from onshell.models.build import build
from onshell.sampling import blocks, commands
from onshell.training.checkpoint import save_model


@pytest.fixture
def model(tmp_path):
    """The file of a small model, alone in the folder of a test."""
    spec = run_spec()
    source, fitted = {"cutoff": 0.5, "augmentation": {"name": "mine"}}, {"mean": [0.0] * 3, "std": [1.0, 1.0, 2.0]}
    weights = awaken(build(spec), scale=0.1).state_dict()
    save_model(tmp_path / "model.pt", weights, spec, provenance={}, source=source, fitted=fitted)
    return tmp_path / "model.pt"


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 50 events."""
    monkeypatch.setattr(commands, "BLOCK", 50)


@pytest.fixture
def drawn(monkeypatch):
    """The numbers of the blocks that this process draws, as it goes."""
    made, plain = [], blocks.Sampler.draw
    monkeypatch.setattr(blocks.Sampler, "draw", lambda sampler, k, size: made.append(k) or plain(sampler, k, size))
    return made
