"""What a dry-run plans."""

import copy
import re
from collections import Counter, defaultdict

import pytest
import yaml

from helpers.clones import jobs
from onshell import config as configuration
from onshell.config import overrides as settings

from .conftest import ROOT, Clone

pytestmark = pytest.mark.workflow
CONFIG = configuration.read(ROOT / "config.yaml")
RUNS = {"generate": 1, "embed": 1, "train": 1, "sample": 1}
THREE = {"generate": 3, "embed": 3, "train": 3, "sample": 3}
WATCHING = ("common", "figures", "tables", "studies")
FOUR = {"generate": 1, "embed": 1, "train": 4, "sample": 4}  # the models in p-space train on the truth itself


@pytest.fixture(scope="module")
def needed(tmp_path_factory):
    """A function that returns how many jobs of each rule a rule needs with its own, as the graph of everything says."""
    done = Clone(tmp_path_factory.mktemp("graph") / "clone").run("all", "--dag")
    assert done.returncode == 0, done.stderr
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', done.stdout, re.MULTILINE))
    inputs = defaultdict(set)
    for job, user in re.findall(r"^\s*(\d+) -> (\d+)$", done.stdout, re.MULTILINE):
        inputs[user].add(job)

    def cone(rule):
        found, new = set(), {job for job, name in rules.items() if name == rule}
        while new:
            found |= new
            new = set().union(*(inputs[job] for job in new)) - found
        return Counter(rules[job] for job in found)

    return cone


@pytest.mark.parametrize("scale", CONFIG["scales"])
def test_a_dry_run_plans_everything_in_every_scale_and_writes_nothing(clone, scale):
    before = clone.files()
    done = clone.run("--dry-run", "--config", f"scale={scale}")
    plan, n_sets = jobs(done.stdout), len(configuration.datasets(CONFIG))
    assert plan["generate"] == n_sets
    assert len(embedded(done.stdout)) == n_sets * len(CONFIG["augmentations"])
    # A job each for those that models learn from or figures show, and one a dataset for all others.
    assert plan["embed"] == 19
    spare = {rule: count for rule, count in plan.items() if rule.startswith("embed_")}
    assert spare == {f"embed_{name}": 1 for name in configuration.datasets(CONFIG) if name != "muon"}
    assert plan["train"] == plan["sample"] == plan["compare"] == len(CONFIG["runs"])
    assert plan["forward"] == len(CONFIG["forward"])
    assert all(plan[name] == 1 for name in [*CONFIG["figures"], *CONFIG["tables"]])
    assert clone.files() == before


@pytest.mark.parametrize("preset", CONFIG["presets"])
def test_a_training_set_is_made_by_the_same_rule_under_every_preset(clone, preset):
    made = clone.run("--dry-run", "training_sets", "--config", f"preset={preset}")
    assert jobs(made.stdout)["embed"] == 19
    assert "Error" not in made.stderr


def test_final_truth_is_made_only_where_it_judges(clone):
    usual, final = clone.plan("tab2"), clone.plan("tab2", "--config", "judge=final")
    assert final == usual | {"generate_final": 1}


@pytest.mark.parametrize(
    ("target", "cone"),
    [
        ("fig01", {**RUNS, "generate": 2}),
        ("fig02", {**RUNS, "autoencoder": 1, "floor": 1, "compare": 1}),
        ("fig03", {**RUNS, "generate": 2}),
        ("fig04", RUNS),
        ("fig05", RUNS),
        ("fig06", {"generate": 3}),
        ("fig07", {**RUNS, "generate": 2}),
        ("fig08", THREE),
        ("fig09", RUNS),
        ("fig10", THREE),
        ("fig11", {"generate": 3, "embed": 1}),
        ("fig12", {**THREE, "generate": 4}),
        ("fig13", FOUR),
        ("fig14", FOUR),
        ("fig15", {"generate": 1, "embed": 5, "train": 5, "sample": 5}),
        ("fig16", {"generate": 1, "embed": 2}),
        ("fig17", {"generate": 1, "embed": 2, "train": 2, "sample": 2}),
        ("fig18", {"generate": 1, "embed": 2, "train": 2, "sample": 2}),
        ("fig19", {"generate": 1, "embed": 2, "forward": 3}),
        ("fig20", {"generate": 1, "embed": 1, "train": 2, "trajectory": 2}),
        ("fig21", {"generate": 2, "embed": 1, "train": 1, "trajectory": 1}),
        ("fig22", {"generate": 3, "embed": 3, "forward": 3}),
        ("tab1", FOUR),
        ("tab2", {"generate": 1, "embed": 2, "train": 2, "sample": 2, "autoencoder": 1, "floor": 1, "compare": 2}),
        ("tab3", {"generate": 1, "embed": 5, "train": 5, "sample": 5, "autoencoder": 1, "floor": 1, "compare": 5}),
    ],
)
def test_a_figure_plans_exactly_its_cone(needed, target, cone):
    assert needed(target) == {**cone, target: 1}


def embedded(text):
    """Return the training sets that the jobs of a dry-run make."""
    made = re.findall(r"^ +output: (.*)$", text, re.MULTILINE)
    return {path for line in made for path in line.split(", ") if "/embedded/" in path}


def test_figures_and_tables_watch_the_code_that_draws_them_and_models_do_not():
    rules = {path.stem: path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")}
    assert all('code=drawing("' in rules[name] for name in ("figures", "tables"))
    assert "code=drawing(group, name)" in rules["studies"]
    assert not any("drawing(" in text for name, text in rules.items() if name not in WATCHING)


def test_every_figure_and_table_is_a_target(clone):
    listed = clone.run("--list-rules").stdout.split()
    assert set(CONFIG["figures"]) | set(CONFIG["tables"]) <= set(listed)


def test_a_cutoff_augmentation_and_run_added_in_the_config_flow_through(clone):
    before = clone.plan()
    assert "embed_muon" not in before
    clone.config["processes"]["qqg"]["cutoffs"].append("5e-4")
    clone.config["augmentations"]["triple"] = {"copies": 3}
    clone.config["runs"]["qqg_5e-4-q-diffusion-triple"] = {"recipe": "three-body-diffusion", "augmentation": "triple"}
    clone.save()
    after = clone.plan()
    assert after["generate"] == before["generate"] + 1
    assert after["embed"] == before["embed"] + 1
    assert after["embed_qqg_5e-4"] == after["embed_muon"] == 1
    assert after["train"] == before["train"] + 1
    assert clone.plan("results/quick/paper/metrics/qqg_5e-4-q-diffusion-triple.json")["train"] == 1


def test_settings_of_the_command_line_reach_the_commands(clone):
    changed = copy.deepcopy(CONFIG)
    changed["scale"] = "desk"
    changed["runs"]["muon-q-diffusion"]["training"] = {"lr": 0.5}
    lines = settings.differences(CONFIG, changed)
    assert configuration.apply(CONFIG, lines) == changed
    done = clone.run("--dry-run", "--printshellcmds", "fig03", "--config", "scale=desk")
    assert "--scale desk --preset paper" in done.stdout
    assert "results/desk/paper/runs/muon-q-diffusion" in done.stdout


def test_the_default_profile_holds_nothing_about_machines():
    profile = yaml.safe_load((ROOT / "profiles" / "default" / "config.yaml").read_text())
    assert not {"executor", "cores", "jobs", "local-cores"} & set(profile)
