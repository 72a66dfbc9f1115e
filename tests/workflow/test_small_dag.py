"""The whole DAG, and a study, on a tiny configuration, and what a change of the configuration plans afterwards."""

import hashlib
import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from helpers.clones import minimal
from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.events.table import read_metadata

from .conftest import ROOT, Clone

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A minimal clone, after Snakemake built everything and the study in it."""
    clone = Clone(tmp_path_factory.mktemp("small") / "clone")
    minimal(clone.config)
    clone.save()
    done = clone.run("--cores", "2", "all", "one")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return clone


@pytest.fixture
def edited(built):
    """The built clone, whose configuration a test may change: it is put back afterwards."""
    before = (built.folder / "config.yaml").read_text()
    yield built
    (built.folder / "config.yaml").write_text(before)
    built.config = yaml.safe_load(before)


def test_every_product_exists_opens_and_is_finite(built):
    check = [sys.executable, str(ROOT / ".ci" / "check_products.py")]
    done = subprocess.run(check, cwd=built.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_planned_twice(built):
    assert built.plan("all", "one") == {}


def test_a_learning_rate_plans_its_run_and_figures_and_nothing_else(edited):
    edited.config["runs"]["muon-q-diffusion"]["training"] = {"lr": 0.002}
    edited.save()
    drawn = dict.fromkeys(("summary", "fig02", "fig04", "tab2", "pages", "all"), 1)
    assert edited.plan() == {"train": 1, "sample": 1, "compare": 1, **drawn}


def test_a_sampling_size_trains_nothing(edited):
    edited.config["scales"]["quick"]["samples"]["default"] = 1500
    edited.save()
    assert not {"generate", "embed", "train", "forward"} & set(edited.plan())


def test_a_new_cutoff_plans_only_what_is_new(edited):
    edited.config["processes"]["qqg"]["cutoffs"].append("5e-4")
    edited.save()
    assert edited.plan() == {"generate": 1, "embed_qqg_5e-4": 1, "all": 1}


def test_a_study_was_built_beside_the_rest(edited):
    folder = edited.folder / "results" / "quick"
    home = folder / "studies" / "one"
    assert sorted(path.name for path in home.iterdir()) == ["figures", "metrics", "runs", "samples", "tables"]
    assert [path.name for path in (home / "runs").iterdir()] == ["muon-q-flow-a"]
    assert [path.name for path in (folder / "floors").glob("*.300.json")] == ["muon.300.json"]
    own, other = (read_metadata(home / "samples" / f"muon-q-flow-a{end}.parquet") for end in ("", "-4"))
    assert (own["run"], other["run"]) == ("muon-q-flow-a",) * 2
    assert (own["n_evaluations"], other["n_evaluations"]) == (200.0, 4.0)
    told = json.loads((home / "metrics" / "muon-q-flow-a-4.json").read_text())
    assert (told["run"], told["generation"]["n_evaluations"], told["counts"]["sample"]) == ("muon-q-flow-a-4", 4.0, 300)
    table = pd.read_csv(home / "tables" / "tab_small.csv")
    assert list(table["run"]) == ["muon-q-flow-a", "muon-q-flow-a-4"]
    # Time and events/s are known of both: of the training that they share, and of each sampling.
    assert table[["cpu_minutes", "events_per_s", "auc", "auc_floor", "mean_w1"]].notna().all(axis=None)
    assert table["cpu_minutes"].nunique() == 1
    # Another preset is chosen: nothing of a study is made again.
    done = edited.run("--dry-run", "one", "--config", "preset=record")
    assert "Nothing to be done" in done.stdout + done.stderr
    edited.config["studies"]["one"]["runs"]["muon-q-flow-a-4"]["sampling"]["steps"] = 5
    edited.save()
    again = edited.plan("one")
    assert again.keys() == {"study_sample", "study_compare", "small01", "tab_small", "one"}
    assert again["study_sample"] == again["study_compare"] == 1
    command = [shutil.which("onshell"), "plan", "one", "--measured", "--json"]
    done = subprocess.run(command, cwd=edited.folder, capture_output=True, text=True, check=False)
    priced = {job["rule"]: job for job in json.loads(done.stdout)["jobs"] if not job["built"]}
    # Five steps were never timed, comparisons and tables were.
    sources = {rule: priced[rule]["source"] for rule in ("study_sample", "study_compare", "tab_small")}
    assert sources == {"study_sample": "assumed", "study_compare": "measured", "tab_small": "measured"}


def test_truth_and_models_are_the_same_bytes_when_made_again(built):
    layout = Layout(configuration.load(built.folder / "config.yaml"))
    paths = [layout.events("qqg_1e-3"), layout.embedded("muon.continuous"), layout.samples("muon-q-diffusion")]

    def digests():
        return [hashlib.sha256((built.folder / path).read_bytes()).hexdigest() for path in paths]

    before = digests()
    done = built.run("--cores", "2", *paths, "--force")
    assert done.returncode == 0, done.stderr
    assert digests() == before


def test_run_json_tells_what_was_trained_on_what(built):
    layout = Layout(built.config)
    record = json.loads((built.folder / layout.run("muon-q-diffusion") / "run.json").read_text())
    assert record["spec"] == configuration.run_spec(built.config, "muon-q-diffusion")
    assert {"commit", "version", "packages"} <= set(record["provenance"])


def test_overrides_of_the_command_line_reach_the_training(built):
    path = "elsewhere/quick/paper/runs/muon-q-diffusion"
    extra = built.folder / "extra.yaml"
    extra.write_text(
        yaml.safe_dump({"results": "elsewhere", "runs": {"muon-q-diffusion": {"training": {"lr": 0.003}}}})
    )
    done = built.run("--cores", "2", f"{path}/model.pt", "--configfile", "extra.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((built.folder / path / "run.json").read_text())["spec"]["training"]["lr"] == 0.003


def test_figures_can_be_built_for_another_preset(built):
    targets = {"fig04": "figures", "tab2": "tables"}
    done = built.run("--cores", "2", *targets, "--config", "preset=record")
    assert done.returncode == 0, done.stdout + done.stderr
    layout = Layout(configuration.apply(built.config, ["preset=record"]))
    made = [path for name, group in targets.items() for path in layout.product(group, name).values()]
    assert all((built.folder / path).stat().st_size for path in made)


def test_a_model_of_another_configuration_is_not_sampled(built):
    layout = Layout(built.config)
    model, out = layout.model("muon-q-diffusion"), built.folder / "refused.parquet"
    command = [shutil.which("onshell"), "sample", model, "--run", "muon-q-diffusion", "-n", "10", "-o", str(out)]
    done = subprocess.run(
        [*command, "--set", "schedules.default.steps=30"], cwd=built.folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "schedule.steps" in done.stderr
    assert not out.exists()


def test_a_process_of_ones_own_needs_no_code_of_the_package(clone):
    (clone.folder / "soft.py").write_text(
        "from onshell.physics.generators.rejection import accept\n"
        "from onshell.physics.kinematics import energies\n"
        "def block(rng, size, *, n_particles, power):\n"
        "    return accept(rng, size, n_particles, lambda p: energies(p).amin(-1) ** power, n_particles**-power)\n"
    )
    clone.config["processes"]["mine"] = {
        "generator": "soft:block",
        "n_particles": 4,
        "parameters": {"power": 0.5},
    }
    clone.config["scales"]["quick"]["events"]["mine"] = {"train": 500, "test": 100}
    clone.save()
    done = clone.run("--cores", "1", "results/quick/embedded/mine.many.parquet")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_results_folder_that_cannot_be_made_is_told_in_one_line(clone):
    (clone.folder / "blocked").write_text("a file")
    done = clone.run("--cores", "1", "truth", "--config", "results=blocked/here")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if "rror" in line]
    assert len(errors) == 1
    assert "results: 'blocked/here'" in errors[0]
    assert "is a file; name another folder" in errors[0]
    assert "Traceback" not in done.stderr
