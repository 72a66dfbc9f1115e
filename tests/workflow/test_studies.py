"""Studies: what they plan and where it goes, what `all` and presets know of them."""

import json

import pytest

from helpers.clones import STUDY, shrink

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1200)]

OTHER = {"runs": {"muon-q-flow-b": {"preset": "record", "recipe": "three-body-flow", "network": "mlp"}}}
RUNS = "results/quick/studies/one/{}/muon-q-flow-a"


@pytest.fixture
def studied(clone):
    """A clone with two studies of its own, as small as all else."""
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
    planned = clone.plan(*runs, "--config", "scale=desk")
    assert planned["study_train"] == sum("model" not in run for run in every)
    assert planned["study_sample"] == planned["study_compare"] == len(every)
    entries = clone.config["studies"].values()
    products = [name for entry in entries for kind in ("figures", "tables") for name in entry.get(kind, ())]
    assert len(products) == 15
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
