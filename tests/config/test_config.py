"""Overrides, merging, and the typed views of the configuration."""

from itertools import product
from pathlib import Path

import pytest

from onshell import config as configuration
from onshell.config import overrides as settings
from onshell.core.errors import OnshellError

PATH = Path(__file__).parents[2] / "config.yaml"
CONFIG = configuration.load(PATH)
RUN = "muon-q-diffusion"


def test_merge_changes_neither_side():
    base, over = {"a": {"b": 1, "c": [1]}}, {"a": {"b": 2}}
    assert configuration.merge(base, over) == {"a": {"b": 2, "c": [1]}}
    assert base == {"a": {"b": 1, "c": [1]}}
    assert over == {"a": {"b": 2}}


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": "desk"},
        {"runs": {"qqg_5.5e-3-q-diffusion": {"recipe": "three-body-diffusion", "augmentation": "single"}}},
        {"runs": {RUN: {"training": {"lr": 0.5}}}},
        {"schedules": {"default": {"gamma": [0.1, 0.2]}}},
    ],
)
def test_differences_and_apply_are_inverse(changes):
    changed = configuration.merge(CONFIG, changes)
    assert configuration.apply(CONFIG, settings.differences(CONFIG, changed)) == changed
    assert settings.differences(CONFIG, CONFIG) == []


def test_an_override_reaches_keys_with_dots_in_their_names():
    config = {"runs": {"qqg_5.5e-3-q-diffusion": {"training": {"lr": 1}}}}
    changed = configuration.apply(config, ["runs.qqg_5.5e-3-q-diffusion.training.lr=2"])
    assert changed["runs"]["qqg_5.5e-3-q-diffusion"]["training"]["lr"] == 2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("scale", "key.path=value"),
        ("=4", "names no key"),
        ("seed=[1,", "not valid YAML"),
        ("seed.x=4", "'seed' holds 20260402, which has no keys below it"),
    ],
)
def test_an_override_that_cannot_be_applied_is_explained(setting, message):
    with pytest.raises(OnshellError, match=message):
        configuration.apply(CONFIG, [setting])


def test_scale_and_run_override_the_preset():
    paper = configuration.apply(CONFIG, ["scale=paper"])
    assert configuration.run_spec(paper, RUN)["training"]["epochs"] == 100
    assert (
        configuration.run_spec(CONFIG, RUN)["training"]["epochs"]
        == CONFIG["scales"]["quick"]["recipes"]["default"]["training"]["epochs"]
    )
    own = configuration.apply(CONFIG, [f"runs.{RUN}.training={{lr: 0.5}}", f"runs.{RUN}.schedule=long"])
    spec = configuration.run_spec(own, RUN)
    assert spec["training"]["lr"] == 0.5
    assert spec["training"]["clip"] == 1.0
    assert spec["schedule"]["steps"] == 1000


def test_paper_sizes_are_the_published_ones():
    paper = configuration.apply(CONFIG, ["scale=paper"])
    found = configuration.datasets(paper)
    assert (found["muon"].n_train, found["qqg_1e-3"].n_train, found["aps_30"].n_train) == (500_000, 500_000, 900_000)
    assert {dataset.n_test for dataset in found.values()} == {100_000}
    spec = configuration.run_spec(paper, RUN)
    assert spec["network"] == {"type": "mlp", "width": 256, "depth": 4, "time_dim": 64}
    assert spec["schedule"]["steps"] == 500
    assert spec["schedule"]["gamma"] == [0.002, 0.01]
    assert (spec["training"]["lr"], spec["training"]["batch_size"]) == (1e-3, 1024)


@pytest.mark.parametrize("preset", CONFIG["presets"])
@pytest.mark.parametrize("scale", CONFIG["scales"])
def test_every_run_is_defined_in_every_preset_and_scale(preset, scale):
    chosen = configuration.validate(configuration.apply(CONFIG, [f"preset={preset}", f"scale={scale}"]))
    specs = {run: configuration.run_spec(chosen, run) for run in chosen["runs"]}
    assert {(spec["space"], spec["family"]) for spec in specs.values()} == set(product("qp", ("diffusion", "flow")))


def test_presets_have_the_same_recipes():
    names = [set(recipes) for recipes in CONFIG["presets"].values()]
    assert all(found == names[0] for found in names)


def test_one_word_switches_a_run_to_another_preset():
    chosen = configuration.apply(CONFIG, ["scale=paper", "runs.qqg_1e-3-q-diffusion.preset=record"])
    spec = configuration.run_spec(chosen, "qqg_1e-3-q-diffusion")
    sizes = {"width": 128, "blocks": 4, "heads": 4, "mlp_ratio": 4, "time_dim": 64, "max_particles": 200}
    assert spec["network"] == {"type": "transformer", **sizes}
    assert (spec["training"]["epochs"], spec["training"]["lr"], spec["training"]["ema"]) == (700, 3e-4, 0.999)
    assert spec["sampling"]["noise"] == "posterior"
    assert chosen["augmentations"][spec["augmentation"]]["x"] == 0.15
    assert configuration.run_spec(chosen, "qqg_1e-2-q-diffusion")["network"]["type"] == "mlp"


def test_an_override_changes_one_of_two_aliased_entries():
    changed = configuration.apply(configuration.read(PATH), ["presets.paper.three-body-diffusion.training.lr=0.5"])
    assert changed["presets"]["paper"]["three-body-diffusion"]["training"]["lr"] == 0.5
    assert changed["presets"]["paper"]["muon-diffusion"]["training"]["lr"] == 1e-3


def test_published_numbers_are_found_by_run():
    assert configuration.published(CONFIG)["aps_30-p-flow"] == [0.0094, 0.0023, 0.0024, 0.0023]


def test_datasets_are_named_after_process_and_cutoff():
    found = configuration.datasets(CONFIG)
    assert list(found) == [
        "muon", "qqg_1e-2", "qqg_1e-3", "qqg_1e-4", "aps_20", "aps_30", "aps_40", "uniform_3", "uniform_10",
    ]  # fmt: skip
    assert found["qqg_1e-3"].cutoff == 1e-3
    assert found["uniform_10"].n_particles == 10


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("scals.quick=1", "did you mean 'scales'"),
        ("runs.muon-q-diffusion.training.lrr=1", "did you mean 'lr'"),
        ("runs.muon-q-diffusion.training.lr=1e-3", "is text to YAML; write it with a dot, such as 1.0e-3"),
        ("runs.muon-q-diffusion.training.lr=.nan", "is not a finite number"),
        ("processes.qqg.parameters.sqrt_s=hello", "must be a positive energy"),
    ],
)
def test_an_override_that_does_not_validate_is_explained(setting, message):
    with pytest.raises(OnshellError, match=message):
        configuration.validate(configuration.apply(CONFIG, [setting]))


def test_an_override_may_set_what_a_run_takes_from_its_recipe():
    changed = configuration.apply(CONFIG, ["runs.muon-q-diffusion.training.lr=0.0005"])
    assert configuration.run_spec(configuration.validate(changed), RUN)["training"]["lr"] == 0.0005


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"PAR1\xff\xfe\x00")
    with pytest.raises(OnshellError, match="not valid YAML"):
        configuration.read(path)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"runs": {RUN: {"training": {"lr": "0.5", "compile": "true"}}}}, {"lr": 0.5, "compile": True}),
        ({"runs": {RUN: {"training": {"betas": ["0.9", "1"], "epochs": "3"}}}}, {"betas": [0.9, 1], "epochs": 3}),
        ({"runs": {RUN: {"training": {"lr": "1e-3", "keep": "last", "ema": "a: ["}}}},
         {"lr": "1e-3", "keep": "last", "ema": "a: ["}),
    ],
)  # fmt: skip
def test_numbers_within_a_mapping_of_snakemakes_are_numbers(asked, found):
    assert settings.typed(asked, CONFIG)["runs"][RUN]["training"] == found


def test_text_that_looks_like_a_number_stays_text_where_text_is_written():
    asked = {"processes": {"muon": {"title": "2024"}, "qqg": {"cutoffs": ["1", "0.02"]}}, "seed": "x", "results": None}
    assert settings.typed(asked, CONFIG) == asked
