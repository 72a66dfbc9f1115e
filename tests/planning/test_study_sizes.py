"""How large the jobs of studies are, and which of them take the same time."""

import json
from pathlib import Path

import pytest

from onshell import config as configuration
from onshell.planning.sizes import Planned, comparison_key

CONFIG = configuration.read(Path(__file__).parents[2] / "config.yaml")
RUN = "muon-q-flow-own"


@pytest.fixture(scope="module")
def sizes():
    config = json.loads(json.dumps(CONFIG)) | {"scale": "quick"}
    config["processes"]["qqg"]["cutoffs"].append("5.5e-3")
    study = {"samples": 700, "runs": {RUN: {"preset": "record", "recipe": "muon-flow"}}}
    study["runs"][f"{RUN}-fast"] = {"model": RUN, "sampling": {"steps": 7}}
    config["studies"] = {"one": study}
    return Planned(configuration.validate(config))


def test_floors_are_known_by_dataset_and_size_whatever_dots_their_names_hold(sizes):
    replicates, test = sizes.scale["floor_replicates"], sizes.sets["qqg_5.5e-3"].n_test
    usual = configuration.n_samples(sizes.config, "qqg_5.5e-3")
    assert sizes.of("floor", "qqg_5.5e-3") == (comparison_key("qqg_5.5e-3", False), (usual + test) * replicates)
    assert sizes.of("floor", "qqg_5.5e-3.300") == (comparison_key("qqg_5.5e-3", True), (300 + test) * replicates)


def test_runs_of_studies_have_their_own_numbers_of_events(sizes):
    assert sizes.of("sample", RUN)[1] == sizes.of("sample", f"{RUN}-fast")[1] == 700
    assert sizes.of("sample", RUN)[0] != sizes.of("sample", f"{RUN}-fast")[0]
    assert sizes.of("metrics", RUN) == (comparison_key("muon", True), 700 + sizes.sets["muon"].n_test)
    assert sizes._rows(sizes.layout.samples(RUN)) == 700
    assert sizes.of("train", RUN)[1] > 0
