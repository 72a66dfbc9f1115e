"""Studies in the configuration: how entries are found and read, where products lie, what is wrong with bad ones."""

import copy
import json
import sys
from pathlib import Path

import pytest
import yaml

from onshell import cli
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.config.studies import anchor, entry_of, named, study_of, trained, trainings
from onshell.core.errors import OnshellError

ROOT = Path(__file__).parents[2]
CONFIG = configuration.read(ROOT / "config.yaml")
RUN = "qqg_1e-3-q-flow-own"
STUDIES = {
    "first": {
        "title": "the first",
        "samples": 5000,
        "runs": {
            RUN: {"preset": "record", "recipe": "three-body-flow", "training": {"lr": 0.5}},
            f"{RUN}-fast": {"model": RUN, "sampling": {"steps": 7}, "samples": 600},
        },
        "tables": {"tab_first": {"draw": "comparison"}},
    },
    "second": {
        "runs": {"muon-q-flow-own": {"preset": "record", "recipe": "muon-flow"}},
        "figures": {"second01": {"draw": "changes", "runs": {"reference": RUN, "other": "muon-q-flow-own"}}},
    },
}


def valid(change=lambda studies: None):
    """Return the validated configuration with the two studies, after a change of them."""
    config = json.loads(json.dumps(CONFIG)) | {"studies": copy.deepcopy(STUDIES)}
    change(config["studies"])
    return configuration.validate(config)


def test_a_run_of_a_study_is_read_as_any_other():
    config = valid()
    spec = configuration.run_spec(config, RUN)
    twin = json.loads(json.dumps(CONFIG)) | {"preset": "record"}
    twin["runs"][RUN] = {"recipe": "three-body-flow", "training": {"lr": 0.5}}
    assert spec == configuration.run_spec(twin, RUN)
    # Nothing of it depends on the preset that is chosen.
    assert configuration.run_spec({**config, "preset": "record"}, RUN) == spec
    assert configuration.n_events(config, RUN) == 5000
    assert configuration.n_events(config, "muon-q-flow-own") == configuration.n_samples(config, "muon")


def test_a_run_with_anothers_model_is_that_model_sampled_otherwise():
    config = valid()
    own, fast = (configuration.run_spec(config, run) for run in (RUN, f"{RUN}-fast"))
    assert fast == {**own, "sampling": {**own["sampling"], "steps": 7}}
    assert (own["sampling"]["steps"], configuration.n_events(config, f"{RUN}-fast")) == (50, 600)
    assert (trained(config, f"{RUN}-fast"), trained(config, RUN)) == (RUN, RUN)
    assert set(trainings(config)) == {RUN, "muon-q-flow-own"}
    layout = Layout(config)
    assert layout.model(f"{RUN}-fast") == layout.model(RUN)
    assert layout.samples(f"{RUN}-fast") != layout.samples(RUN)


def test_products_of_studies_lie_apart():
    config = valid()
    layout = Layout(config)
    assert layout.model(RUN) == f"results/quick/studies/first/runs/{RUN}/model.pt"
    assert layout.metrics("muon-q-flow-own") == "results/quick/studies/second/metrics/muon-q-flow-own.json"
    assert layout.product("tables", "tab_first")["md"] == "results/quick/studies/first/tables/tab_first.md"
    assert layout.model("muon-q-diffusion") == "results/quick/paper/runs/muon-q-diffusion/model.pt"
    assert (layout.floor("muon"), layout.floor("muon", 300)) == (
        "results/quick/floors/muon.json",
        "results/quick/floors/muon.300.json",
    )
    pattern = Layout(config, study="{study}")
    assert pattern.samples("{run}") == "results/quick/studies/{study}/samples/{run}.parquet"


def test_a_table_without_runs_is_of_the_whole_study_and_one_with_runs_of_any():
    config = valid()
    assert entry_of(config, "tables", "tab_first")["runs"] == {RUN: RUN, f"{RUN}-fast": f"{RUN}-fast"}
    inputs = Layout(config).inputs("tables", "tab_first")
    assert inputs.keys() == {"metrics", "records"}
    assert inputs["records"][RUN] == inputs["records"][f"{RUN}-fast"]
    assert set(Layout(config).inputs("figures", "second01")["metrics"]) == {RUN, "muon-q-flow-own"}
    assert set(named(config, "runs")) == {*CONFIG["runs"], *STUDIES["first"]["runs"], "muon-q-flow-own"}
    assert (study_of(config, "runs", RUN), study_of(config, "runs", "muon-q-diffusion")) == ("first", None)


def test_a_table_of_some_datasets_is_of_the_runs_of_these():
    for name, events in (("tab_best_qqg", ["qqg_1e-2", "qqg_1e-3", "qqg_1e-4"]), ("tab_best_muon", ["muon"])):
        runs = entry_of(CONFIG, "tables", name)["runs"]
        assert list(runs) == [run for run in CONFIG["studies"]["best"]["runs"] if run.rsplit("-q-")[0] in events]
        assert len(runs) > 7


def test_ordinary_runs_know_nothing_of_studies():
    with_them, without = valid(), configuration.validate({k: v for k, v in CONFIG.items() if k != "studies"})
    for run in CONFIG["runs"]:
        assert configuration.run_spec(with_them, run) == configuration.run_spec(without, run)
        assert configuration.resources_of(with_them, run) == configuration.resources_of(without, run)
    assert with_them["runs"] == without["runs"]
    assert with_them["figures"] == without["figures"]


def test_the_anchor_is_the_first_preset_that_has_all_recipes():
    config = json.loads(json.dumps(CONFIG)) | {"preset": "record"}
    assert anchor(config) == "paper"
    del config["presets"]["paper"]["muon-diffusion"]
    assert anchor(config) == "record"


def edited(path, value):
    """Return a change of the studies that sets one key, or removes it."""
    *parts, last = path

    def change(studies):
        node = studies
        for part in parts:
            node = node[part]
        if value is None:
            del node[last]
        else:
            node[last] = value

    return change


FAST = ("first", "runs", f"{RUN}-fast")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (
            ("first", "runs", RUN, "preset"),
            None,
            r"studies\.first\.runs\.\S+: .* exactly one of: preset with recipe; model",
        ),
        (
            ("first", "runs", RUN, "recipe"),
            "three-body-flaw",
            r"studies\.first\.runs\.\S+\.recipe: .*'three-body-flow'",
        ),
        (
            (*FAST, "model"),
            "qqg_1e-3-q-flow-on",
            rf"{RUN}-fast\.model: .* is not a trained run of a study; did you mean",
        ),
        ((*FAST, "model"), f"{RUN}-fast", r"is not a trained run of a study"),
        ((*FAST, "model"), "muon-q-flow-own", r"draws from 'muon-q-flow-own', so its name must begin with muon-q-flow"),
        ((*FAST, "training"), {"lr": 1.0}, rf"{RUN}-fast\.training: the model is that of '{RUN}', only its sampling"),
        ((*FAST, "sampling"), {"noise": "full"}, rf"studies\.first\.runs\.{RUN}-fast\.sampling\.noise"),
        (("second", "runs", RUN), STUDIES["first"]["runs"][RUN], rf"studies: '{RUN}' names two things"),
        (("second", "tables"), {"first": {"draw": "ablation"}}, r"studies: 'first' names two things"),
        (
            ("second", "figures", "fig01"),
            {"draw": "tails"},
            r"studies\.second\.figures\.fig01: stands under figures too",
        ),
        (
            ("first", "runs", "muon-q-diffusion"),
            {"preset": "paper", "recipe": "muon-diffusion"},
            r"studies\.first\.runs\.muon-q-diffusion: stands under runs too",
        ),
        (
            ("second", "figures", "second01", "runs", "other"),
            "muon-q-diffusion",
            r"studies\.second\.figures\.second01\.runs\.other: 'muon-q-diffusion' is not a run of a study",
        ),
        (("second", "figures", "second01", "draw"), "change", r"studies\.second\.figures\.second01\.draw: .*'changes'"),
        (("first", "samples"), 3, r"studies\.first\.samples: 3 is too small"),
        (("first", "run"), {}, r"studies\.first\.run: unknown key; did you mean 'runs'"),
    ],
)
def test_a_bad_study_is_told_in_one_line(path, value, words):
    with pytest.raises(OnshellError, match=words) as told:
        valid(edited(path, value))
    assert "\n" not in str(told.value)


def test_a_figure_of_the_paper_cannot_need_a_run_of_a_study():
    config = json.loads(json.dumps(CONFIG)) | {"studies": copy.deepcopy(STUDIES)}
    config["figures"]["fig01"]["runs"]["M1"] = RUN
    with pytest.raises(OnshellError, match=rf"figures\.fig01\.runs\.M1: '{RUN}' is not a run"):
        configuration.validate(config)


def test_a_run_without_a_training_of_its_own_cannot_be_trained(tmp_path, monkeypatch):
    config = json.loads(json.dumps(CONFIG)) | {"studies": copy.deepcopy(STUDIES)}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["onshell", "train", f"{RUN}-fast"])
    with pytest.raises(SystemExit, match=rf"{RUN}-fast: has no training of its own, .* {RUN}; train that one"):
        cli.main()
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
