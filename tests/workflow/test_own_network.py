"""A network of one's own through the workflow: three lines of the configuration and a file, no code of the package."""

import json

import pytest

from helpers.clones import shrink
from helpers.custom import DEEP_SET, OWN
from onshell.events.table import read_events, read_metadata

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1200)]

RUN = "muon-q-flow-mine"
SAMPLES = f"results/quick/paper/samples/{RUN}.parquet"
MODEL = f"results/quick/paper/runs/{RUN}/model.pt"
CHAIN = {"generate": 1, "embed": 1, "train": 1, "sample": 1}


@pytest.fixture
def own(clone):
    shrink(clone.config)["networks"]["mine"] = OWN
    clone.config["runs"][RUN] = {"recipe": "muon-flow", "network": "mine"}
    clone.config["scales"]["quick"]["events"]["default"] = {"train": 500, "test": 100}
    clone.config["scales"]["quick"]["samples"]["default"] = 100
    clone.save()
    (clone.folder / "my_networks.py").write_text(DEEP_SET)
    return clone


def test_it_is_planned_refused_mended_trained_and_sampled(own):
    own.config["networks"]["mine"] = {**OWN, "widht": 16}
    own.save()
    assert own.plan(SAMPLES) == CHAIN
    assert own.run("--cores", "1", SAMPLES).returncode != 0
    log = own.folder / f"results/quick/logs/train/paper/{RUN}.log"
    assert log.read_text().splitlines() == [
        "onshell: error: network.widht: 'my_networks:DeepSet' does not take it; did you mean 'width'? (known: width)"
    ]
    own.config["networks"]["mine"] = OWN
    own.save()
    done = own.run("--cores", "1", SAMPLES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(read_events(own.folder / SAMPLES)) == 100
    assert read_metadata(own.folder / SAMPLES)["spec"]["network"] == OWN
    record = json.loads((own.folder / MODEL).with_name("run.json").read_text())
    assert record["provenance"]["network"]["file"] == "my_networks.py"
    # As with a generator of one's own and the package: its code plans nothing, what the configuration says of it does.
    (own.folder / "my_networks.py").write_text(DEEP_SET.replace("SiLU", "Tanh"))
    assert own.plan(SAMPLES) == {}
    own.config["networks"]["mine"] = {**OWN, "width": 16}
    own.save()
    assert own.plan(SAMPLES) == {"train": 1, "sample": 1}
