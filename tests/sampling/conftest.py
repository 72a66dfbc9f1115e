import pytest

from helpers.networks import awaken
from helpers.specs import run_spec
from onshell.models.build import build
from onshell.sampling import sampler as drawing
from onshell.sampling.sample import sample_block
from onshell.training.checkpoint import save_model


@pytest.fixture
def small_model(tmp_path):
    """The file of a small model, alone in the folder of a test."""
    spec = run_spec()
    save_model(tmp_path / "model.pt", awaken(build(spec), scale=0.1).state_dict(), spec, provenance={})
    return tmp_path / "model.pt"


@pytest.fixture
def drawn(monkeypatch):
    """The numbers of the blocks that this process draws, as it goes."""
    made = []
    monkeypatch.setattr(drawing, "sample_block", lambda *a, **o: made.append(a[2]) or sample_block(*a, **o))
    return made
