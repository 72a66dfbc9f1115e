"""Studies: what they plan and where it goes, what `all` and presets know of them, and a small one from nothing."""

import json
import shutil
import subprocess

import pandas as pd
import pytest

from onshell.events.table import read_metadata

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1200)]

STUDY = {
    "title": "a small one",
    "samples": 300,
    "runs": {
        "muon-q-flow-a": {"preset": "record", "recipe": "three-body-flow", "network": "mlp"},
        "muon-q-flow-a-4": {"model": "muon-q-flow-a", "sampling": {"solver": "euler", "steps": 4}},
    },
    "figures": {"small01": {"draw": "evaluations"}},
    "tables": {"tab_small": {"draw": "comparison"}},
}
OTHER = {"runs": {"muon-q-flow-b": {"preset": "record", "recipe": "three-body-flow", "network": "mlp"}}}
RUNS = "results/quick/studies/one/{}/muon-q-flow-a"


@pytest.fixture
def studied(clone):
    """A clone with two studies of its own, as small as all else."""
    from helpers.clones import shrink

    clone.config["studies"] = {"one": json.loads(json.dumps(STUDY)), "other": json.loads(json.dumps(OTHER))}
    shrink(clone.config)
    clone.save()
    return clone


def test_a_study_plans_its_runs_and_what_they_need(studied):
    once = {"generate": 1, "embed": 1, "study_train": 1, "study_floor": 1}
    twice = {"study_sample": 2, "study_compare": 2}
    assert studied.plan("one") == once | twice | {"small01": 1, "tab_small": 1, "one": 1}
    assert studied.plan("tab_small") == once | twice | {"tab_small": 1}
    # The model of another run: nothing is trained for it, and its own events are all that is drawn.
    alone = studied.plan(f"{RUNS.format('samples')}-4.parquet")
    assert alone == {"generate": 1, "embed": 1, "study_train": 1, "study_sample": 1}
    done = studied.run("--dry-run", "results/quick/studies/other/runs/muon-q-flow-a/model.pt")
    assert done.returncode != 0
    assert "muon-q-flow-a: is of the study one" in done.stderr + done.stdout


def test_the_studies_that_are_there_are_planned_whole(clone):
    runs = {study: entry["runs"] for study, entry in clone.config["studies"].items()}
    every = [run for one in runs.values() for run in one.values()]
    planned = clone.plan("best", "ablation", "--config", "scale=desk")
    assert planned["study_train"] == sum("model" not in run for run in every)
    assert planned["study_sample"] == planned["study_compare"] == len(every)
    entries = clone.config["studies"].values()
    products = [name for entry in entries for kind in ("figures", "tables") for name in entry[kind]]
    assert len(products) == 11
    assert all(planned[name] == 1 for name in [*products, *runs])


def test_best_at_the_size_of_the_paper_is_planned_whole(clone):
    every = ["--config", "scale=paper"]
    assert clone.plan(*every, "preset=best") == clone.plan(*every)


def test_all_knows_nothing_of_studies(studied):
    with_them = studied.plan()
    assert not [rule for rule in with_them if rule.startswith("study") or rule in ("one", "other", "small01")]
    commands = studied.run("--dry-run", "--printshellcmds").stdout
    del studied.config["studies"]
    studied.save()
    assert studied.plan() == with_them
    without = studied.run("--dry-run", "--printshellcmds").stdout

    def lines(text):
        return sorted(line for line in text.splitlines() if line.strip().startswith(("onshell", "trap", "output:")))

    assert lines(commands) == lines(without) != []


def test_a_small_study_from_nothing(studied):
    done = studied.run("--cores", "1", "one")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = studied.folder / "results" / "quick"
    home = folder / "studies" / "one"
    assert sorted(path.name for path in home.iterdir()) == ["figures", "metrics", "runs", "samples", "tables"]
    assert [path.name for path in (home / "runs").iterdir()] == ["muon-q-flow-a"]
    assert {path.name for path in (folder / "floors").iterdir()} == {"muon.300.json"}
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
    done = studied.run("--dry-run", "one", "--config", "preset=record")
    assert "Nothing to be done" in done.stdout + done.stderr
    studied.config["studies"]["one"]["runs"]["muon-q-flow-a-4"]["sampling"]["steps"] = 5
    studied.save()
    again = studied.plan("one")
    assert again.keys() == {"study_sample", "study_compare", "small01", "tab_small", "one"}
    assert again["study_sample"] == again["study_compare"] == 1
    command = [shutil.which("onshell"), "plan", "one", "--measured", "--json"]
    done = subprocess.run(command, cwd=studied.folder, capture_output=True, text=True, check=False)
    priced = {job["rule"]: job for job in json.loads(done.stdout)["jobs"] if not job["built"]}
    # Five steps were never timed, comparisons and tables were.
    sources = {rule: priced[rule]["source"] for rule in ("study_sample", "study_compare", "tab_small")}
    assert sources == {"study_sample": "assumed", "study_compare": "measured", "tab_small": "measured"}
