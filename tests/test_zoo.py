"""Models that come with the package: what their cards say is true of fresh events."""

import json

import numpy as np
import pytest
import torch

import onshell
from onshell import zoo
from onshell.core.errors import OnshellError
from onshell.evaluation.metrics import Protocol, SamplePair, measure
from onshell.physics import generators
from onshell.zoo import ship

N = 10_000
TRUTH = {"muon": ("muon", {"n_particles": 3})}


@pytest.mark.parametrize("name", zoo.names())
def test_quoted_metrics_come_out_of_fresh_events(name):
    model, quoted = zoo.load(f"zoo:{name}"), json.loads((zoo.FOLDER / f"{name}.metrics.json").read_text())
    generator, parameters = TRUTH[name]
    p = model.sample(N, seed=5)
    truth = generators.events(generator, N, seed=5, name=("zoo", name), **parameters)
    pair = SamplePair(p, truth, model.spec["process"])
    found = measure(pair, Protocol(5), ("zoo",))
    for key, entry in quoted["observables"].items():
        # What chance adds at these numbers of events: the floor grows as one over the root of them.
        sizes = (quoted["counts"]["sample"], quoted["counts"]["truth"])
        grown = entry["floor_w1_mean"] * np.sqrt((2 / N) / sum(1 / n for n in sizes))
        assert found[f"{key}.w1"][0] < entry["w1"] + 3.5 * grown, key
    assert abs(np.mean(found["invariant.auc"]) - quoted["features"]["invariant"]["auc"]["mean"]) < 0.03


def test_a_model_of_the_zoo_draws_events_of_phase_space():
    model = onshell.load("zoo:muon")
    p = model.sample(50, seed=3)
    assert (p.shape, p.dtype) == ((50, 3, 3), torch.float64)
    assert (p.norm(dim=-1).sum(1) - 1).abs().max() < 1e-14
    assert torch.equal(p, model.sample(50, seed=3))
    assert not torch.equal(p, model.sample(50, seed=4))
    assert "AUC of boosted trees" in model.card


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(OnshellError, match=r"^zoo:moun: 'moun' is not a model of the zoo; did you mean 'muon'\?"):
        onshell.load("zoo:moun")


def test_every_model_is_small_and_complete():
    assert zoo.names()
    for name in zoo.names():
        assert (zoo.FOLDER / f"{name}.pt").stat().st_size <= ship.LARGEST
        metrics, record = (json.loads((zoo.FOLDER / f"{name}.{kind}.json").read_text()) for kind in ("metrics", "run"))
        assert metrics["judge"] == "final"
        assert (zoo.FOLDER / f"{name}.md").read_text() == ship.card(name, record, metrics)


def test_a_model_judged_by_what_choices_have_seen_is_not_shipped(tmp_path):
    (tmp_path / "metrics").mkdir()
    metrics = json.loads((zoo.FOLDER / "muon.metrics.json").read_text()) | {"judge": "test"}
    (tmp_path / "metrics" / "muon-q-flow-zoo.json").write_text(json.dumps(metrics))
    with pytest.raises(OnshellError, match="judged by the part 'test' of truth, not by 'final'"):
        ship.ship(tmp_path, "muon-q-flow-zoo", tmp_path)
    assert not list(tmp_path.glob("*.pt"))
