"""What pages say of config.yaml in numbers and names is what stands there."""

import re

import pytest

from helpers.clones import ROOT
from helpers.pages import DOCS
from onshell import config as configuration
from onshell.config import run_spec
from onshell.config.studies import studies

MINUTES = {3: 5, 10: 30}
"""CPU-minutes of a whole training at `desk`, by the number of particles."""


@pytest.fixture(scope="module")
def config():
    return configuration.load(ROOT / "config.yaml", ["scale=desk"])


def rows(page, first):
    """The cells of the rows of a table on a page whose first cell matches."""
    lines = [line for line in (DOCS / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if re.fullmatch(first, row[0])]


def test_the_sizes_of_the_studies(config):
    table = [row for row in rows("howto/studies.md", "`(best|ablation|last-step)`") if len(row) == 5]
    told = {study.strip("`"): [float(cell) for cell in cells] for study, *cells in table}
    # Those of the zoo have a size of their own.
    sized = {study: entry for study, entry in studies(config).items() if study != "zoo"}
    assert told.keys() == sized.keys()
    for study, entry in sized.items():
        specs = [run_spec(config, run) for run, one in entry["runs"].items() if "model" not in one]
        hours = sum(MINUTES[spec["n_particles"]] * share(config, spec) for spec in specs) / 60
        few = sum(spec["n_particles"] == 3 for spec in specs)
        assert told[study] == [few, len(specs) - few, len(entry["runs"]), pytest.approx(hours, abs=0.05)]


def share(config, spec):
    """The part of a whole training that a run is: the epochs of its own over those of its preset at the scale."""
    if spec["preset"] != "best":
        return 1.0
    recipe = {3: "muon-flow", 10: "ten-body-flow"}[spec["n_particles"]]
    return spec["training"]["epochs"] / config["scales"]["desk"]["presets"]["best"][recipe]["training"]["epochs"]


def test_products_of_the_studies_are_named(config):
    page = (DOCS / "howto" / "studies.md").read_text()
    for entry in studies(config).values():
        for group in ("tables", "figures"):
            for name in entry.get(group, {}):
                assert f"`{name}`" in page


def test_every_key_of_best_is_told(config):
    page = {}
    for first, *_ in rows("howto/presets.md", r"`.*`"):
        group = ""
        for key in re.findall(r"`([^`]+)`", first):
            group = key.rpartition(".")[0] or group
            page.setdefault(group, set()).add(key.rpartition(".")[2])
    recipes = [recipe for name, recipe in config["presets"]["best"].items() if "-p-" not in name and name[:3] != "sch"]
    assert len(recipes) == 6
    for group in ("loss", "training", "sampling"):
        assert page[group] == {key for recipe in recipes for key in recipe[group]}
    assert page[""] | {"loss", "training", "sampling"} == {key for recipe in recipes for key in recipe}
    told = "\n".join(" | ".join(row) for row in rows("howto/presets.md", r"`.*`"))
    for recipe in recipes:
        for value in (recipe["network"], recipe["loss"]["type"], recipe["sampling"]["solver"]):
            assert f"`{value}`" in told
        for key in ("lr", "muon_lr", "epochs", "batch_size", "ema", "warmup"):
            assert str(recipe["training"][key]) in told
        assert str(recipe["sampling"]["steps"]) in told
