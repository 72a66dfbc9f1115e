"""Networks through torch.compile."""

import shutil
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch

from helpers.networks import awaken, small_spec
from helpers.specs import flow_spec
from helpers.trainings import events, history, silent
from onshell import config as configuration
from onshell.core.errors import OnshellError
from onshell.models.build import build
from onshell.training.compiled import compiled
from onshell.training.loop import train

CPU = torch.device("cpu")
CONFIG = configuration.load(Path(__file__).parents[2] / "config.yaml")
pytestmark = pytest.mark.compile
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler here")


@pytest.fixture
def without_code(monkeypatch):
    """All of torch.compile that asks anything of a network, but the code for it in C++, which takes long."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))


@needs_compiler
def test_a_compiled_training_is_the_same_up_to_rounding(tmp_path):
    # 250 events in batches of 64: the last batch is of another size, for which the compiler makes sizes variable.
    with warnings.catch_warnings():
        # What the compiler warns of lies in torch.
        warnings.simplefilter("ignore")
        for name, choice in (("compiled", True), ("plain", False)):
            spec = small_spec(network={"depth": 2}, training={"compile": choice, "epochs": 2})
            train(spec, events(250), tmp_path / name, progress=silent)
    for ours, theirs in zip(history(tmp_path / "compiled"), history(tmp_path / "plain"), strict=True):
        assert [float(x) for x in ours] == pytest.approx([float(x) for x in theirs], rel=1e-4)


@pytest.mark.parametrize("name", ["beam", "pairs"])
def test_the_networks_of_best_train_compiled(name, tmp_path, without_code):
    small = {"beam": {"width": 32, "depth": 2}, "pairs": {"width": 16, "blocks": 1, "heads": 2, "pair_width": 8}}
    spec = flow_spec(training={"epochs": 1, "optimizer": "muon", "muon_lr": 0.005, "warmup": 1})
    spec["network"] = {**CONFIG["networks"][name], **small[name]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for choice in (True, False):
            here = {**spec, "training": {**spec["training"], "compile": choice}}
            train(here, events(128), tmp_path / str(choice), progress=silent)
    ours, theirs = (next(iter(history(tmp_path / str(choice)))) for choice in (True, False))
    assert [float(x) for x in ours] == pytest.approx([float(x) for x in theirs], rel=1e-4)


@needs_compiler
def test_a_compiled_field_is_the_network(without_code):
    network = awaken(build(small_spec()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        field = compiled(network, small_spec(loss={"type": "noise"}), CPU)
        x, t = torch.ones(8, 3, 3), torch.linspace(0, 1, 8)
        torch.testing.assert_close(field(x, t), network(x, t), rtol=1e-5, atol=1e-5)


class Plain(torch.nn.Module):
    """A network without a divergence of its own."""

    def forward(self, x, t):
        return x


@pytest.mark.parametrize(
    ("network", "divergence"), [(Plain(), "exact"), (Plain(), "hutchinson"), (build(small_spec()), "hutchinson")]
)
def test_second_derivatives_are_refused(network, divergence):
    with pytest.raises(OnshellError, match=r"training\.compile: the .* takes second derivatives.*compile: false"):
        compiled(network, small_spec(loss={"divergence": divergence}), CPU)


def test_a_missing_compiler_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(OnshellError, match=r"training\.compile: found no C\+\+ compiler \(g\+\+, clang\+\+\)"):
        compiled(build(small_spec()), small_spec(), CPU)


@needs_compiler
def test_a_compiler_that_fails_is_one_line(monkeypatch):
    from torch._inductor import config

    # What was compiled before would be taken again.
    torch._dynamo.reset()
    network = build(small_spec())
    monkeypatch.setattr(config, "force_disable_caches", True)
    monkeypatch.setattr(config.cpp, "cxx", (None, "false"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        field = compiled(network, small_spec(loss={"type": "noise"}), CPU)
        with pytest.raises(OnshellError, match=r"training\.compile: torch\.compile failed"):
            field(torch.ones(6, 3, 3), torch.ones(6))
