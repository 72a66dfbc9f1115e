"""A configuration of several files: what is included, what entries extend, and sizes that presets share."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.clones import ROOT
from onshell import config as configuration
from onshell.core.errors import OnshellError

PATH = ROOT / "config.yaml"
PARTS = [*ROOT.glob("workflow/presets/*.yaml"), *ROOT.glob("workflow/studies/*.yaml")]
RECIPE = {"space": "q", "loss": {"type": "flow", "chart": "q"}, "training": {"epochs": 3, "lr": 1.0}}


@pytest.mark.parametrize("path", [PATH, *PARTS, ROOT / "profiles" / "resources.yaml"])
def test_our_files_share_nothing_by_anchors(path):
    tokens = list(yaml.scan(path.read_text()))
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]
    assert "<<:" not in path.read_text()


def test_files_are_laid_over_each_other_and_share_what_they_extend(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("seed: 7\nnetworks: {wide: {extends: beam, width: 999}}\n")
    found = configuration.load([Path("config.yaml"), Path("mine.yaml")])  # the package's own, and this one
    assert (found["seed"], found["networks"]["wide"]["axis"]) == (7, [0, 0, 1])
    assert found["networks"]["beam"] == configuration.load()["networks"]["beam"]
    (tmp_path / "more.yaml").write_text("scale: huge\n")
    with pytest.raises(OnshellError, match=r"^config\.yaml with mine\.yaml with more\.yaml: scale: 'huge'"):
        configuration.load([Path("config.yaml"), Path("mine.yaml"), Path("more.yaml")])


def test_the_configuration_says_nothing_of_machines():
    for path in (PATH, *PARTS):
        assert not re.search(r"\b(gpus|nodes|runtime|mem_mb|shards):", path.read_text()), path
    assert len(PATH.read_text().splitlines()) <= 200


@pytest.mark.parametrize("recipe", ["ten-body-p-flow", "schedule-study", "muon-flow"])
def test_sizes_of_one_preset_do_not_hide_those_of_all(recipe):
    """Without its own block at `quick`, a recipe of `best` must not train the epochs of `paper`."""
    config = configuration.read(PATH) | {"preset": "best"}
    config["scales"]["quick"]["presets"]["best"].pop(recipe, None)
    assert configuration.sized(config, "quick", "best", recipe)["training"]["epochs"] == 3
    config["scales"]["quick"]["presets"]["best"][recipe] = {"training": {"lr": 0.5}}
    training = configuration.sized(config, "quick", "best", recipe)["training"]
    assert (training["epochs"], training["batch_size"], training["lr"]) == (3, 256, 0.5)


def test_an_included_file_counts_less_than_the_file_that_includes_it(tmp_path):
    (tmp_path / "more.yaml").write_text("networks: {a: {type: mlp, width: 8}, b: {type: mlp}}\nseed: 3\n")
    (tmp_path / "config.yaml").write_text("include: [more.yaml, profiles/resources.yaml]\nnetworks: {a: {width: 9}}\n")
    config = configuration.read(tmp_path / "config.yaml")
    assert config["networks"] == {"a": {"type": "mlp", "width": 9}, "b": {"type": "mlp"}}
    assert config["seed"] == 3
    assert "*" in config["resources"]  # not beside it: the repository's
    (tmp_path / "config.yaml").write_text("include: [other.yaml]\n")
    with pytest.raises(OnshellError, match=r"other\.yaml: cannot be read"):
        configuration.read(tmp_path / "config.yaml")
    (tmp_path / "config.yaml").write_text("include: more.yaml\n")
    with pytest.raises(OnshellError, match=r"config\.yaml: include: 'more\.yaml' is not a list of files"):
        configuration.read(tmp_path / "config.yaml")


def test_an_entry_is_laid_over_the_one_that_it_extends():
    found = configuration.expand(
        {
            "presets": {
                "a": {"r": RECIPE, "s": {"extends": "r", "training": {"lr": 0.5}}},
                "b": {
                    "r": {"extends": "a/s", "loss": {"chart": "p"}},
                    "t": {"training": {"extends": "r", "epochs": 1}},
                },
            },
            "networks": {"small": {"extends": "large", "width": 1}, "large": {"type": "mlp", "width": 9, "depth": 2}},
            "studies": {
                "x": {"tables": {"t": {"title": "T", "draw": "a"}}, "figures": {"f": {"extends": "t", "draw": "b"}}}
            },
        }
    )
    assert found["presets"]["a"]["s"] == RECIPE | {"training": {"epochs": 3, "lr": 0.5}}
    assert found["presets"]["b"]["r"]["loss"] == {"type": "flow", "chart": "p"}
    assert found["presets"]["b"]["t"] == {"training": {"epochs": 1, "lr": 0.5}}
    assert found["networks"]["small"] == {"type": "mlp", "width": 1, "depth": 2}
    assert found["studies"]["x"]["figures"]["f"] == {"title": "T", "draw": "b"}
    assert configuration.expand(found) == found


def test_seeds_are_runs_of_their_own_in_their_place():
    runs = {"a-q-flow": {"recipe": "r", "seeds": 3}, "b-q-flow": {"recipe": "r"}}
    found = configuration.expand({"studies": {"x": {"runs": runs}}})["studies"]["x"]["runs"]
    assert list(found) == ["a-q-flow", "a-q-flow-s2", "a-q-flow-s3", "b-q-flow"]
    assert all(entry == {"recipe": "r"} for entry in found.values())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"networks": {"a": {"extends": "bb"}, "bbb": {}}}, r"networks\.a\.extends: 'bb' is not an entry .* 'bbb'"),
        (
            {"networks": {"a": {"extends": "b"}, "b": {"extends": "a"}}},
            r"networks\.\S+ .*'\w' extends this entry in turn",
        ),
        ({"presets": {"p": {"a": {"extends": "q/a"}}}}, r"presets\.p\.a\.extends: 'q/a' is not an entry"),
        ({"presets": {"p": {"a": {"loss": {"extends": "b"}}}}}, r"presets\.p\.a\.loss\.extends: 'b' is not an entry"),
        ({"studies": {"s": {"runs": {"a": {"seeds": 0}}}}}, r"studies\.s\.runs\.a\.seeds: 0 is no number of seeds"),
    ],
)
def test_what_extends_nothing_is_one_line(config, message):
    with pytest.raises(OnshellError, match=message) as caught:
        configuration.expand(config)
    assert "\n" not in str(caught.value)


def test_resources_are_given_by_pattern_and_the_last_one_counts():
    config = configuration.load(PATH)
    assert configuration.resources_of(config, "muon-q-diffusion")["runtime"] == 240
    assert configuration.resources_of(config, "aps_30-q-flow")["gpus"] == 4
    config["resources"]["aps_30-*"] = {"gpus": 2, "shards": 3}
    assert configuration.resources_of(config, "aps_30-q-flow") == {
        "gpus": 2, "nodes": 1, "shards": 3, "runtime": 720, "mem_mb": 24000
    }  # fmt: skip
    del config["resources"]
    assert configuration.resources_of(config, "aps_30-q-flow") == configuration.RESOURCES
