"""Tables and figures of studies: what they tell of runs, how seeds, lengths and steps are grouped, what is absent."""

import json

import numpy as np
import pandas as pd
import pytest

from helpers.drawing import canvas_of, numbers_of
from helpers.study import Study
from onshell.core.errors import OnshellError
from onshell.figures.canvas import styled
from onshell.figures.registry import draw_figure, write_table
from onshell.figures.study_groups import grouped, labels, longest, usual
from onshell.figures.study_runs import Run

BEST = "qqg_1e-3-q-flow-best"
PAPER = "qqg_1e-3-q-diffusion-paper"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two models of q qbar g and one of muon decay, further seeds, shorter trainings and other numbers of steps."""
    made = Study(tmp_path_factory.mktemp("study"))
    made.dataset("qqg_1e-3", "qqg", "qqg", 1000, cutoff=1e-3)
    made.dataset("muon", "muon", "muon", 600)
    made.trained(BEST, "qqg_1e-3", "best", 0.01)
    made.trained(PAPER, "qqg_1e-3", "paper", 0.3)
    made.trained("muon-q-flow-best", "muon", "best", 0.01)
    made.like(f"{BEST}-s2", BEST, 3.0, seconds=300.0)
    made.like(f"{BEST}-s3", BEST, 2.0, seconds=180.0)
    made.like(f"{BEST}-half", BEST, 4.0, seconds=120.0, epochs=4)
    made.like(f"{BEST}-n5", BEST, 5.0, sampling={"steps": 5}, evaluations=9.0)
    made.like(f"{BEST}-lr", BEST, 1.5, lr=0.01)
    return made


@pytest.fixture(scope="module")
def drawn(study, tmp_path_factory):
    """Return a function that draws a figure, or writes a table, of some runs and gives back its numbers."""
    folder = tmp_path_factory.mktemp("drawn")

    def draw(code, runs, events=("qqg_1e-3",), kinds=("metrics", "records", "timed")):
        named = runs if isinstance(runs, dict) else {run: run for run in runs}
        entry = {"draw": code, "runs": named, "events": list(events)}
        files = {kind: study.files[kind] for kind in kinds}
        if code in ("comparison", "ablation"):
            write_table(code, entry, files, folder / code)
            return pd.read_csv(folder / f"{code}.csv")
        canvas = canvas_of(code, entry, files)
        with styled():
            canvas.save(folder / f"{code}.png")
        return numbers_of(canvas, code)

    draw.folder = folder
    return draw


def metrics(study, run):
    return json.loads(study.files["metrics"][run].read_text())


def test_the_comparison_holds_every_number_of_every_run(study, drawn):
    found = drawn("comparison", [PAPER, BEST, f"{BEST}-s2", f"{BEST}-s3", "muon-q-flow-best"])
    table = found[found["part"] == "all"].set_index("run")
    assert list(table["model"]) == ["paper", "best", "best", "best", "best"]
    told = metrics(study, BEST)
    w1 = {name: entry["w1_over_floor"] for name, entry in told["observables"].items()}
    assert table.loc[BEST, "tau_w1"] == pytest.approx(w1["log10_tau"])
    assert table.loc[BEST, "energy_w1"] == pytest.approx(max(w1[name] for name in ("E", "E_1", "E_2", "E_3")))
    assert table.loc[BEST, "worst_w1"] == pytest.approx(max(w1.values()))
    assert table.loc[BEST, "mean_w1"] == pytest.approx(np.mean(list(w1.values())))
    assert table.loc[BEST, ["cpu_minutes", "weights", "evaluations"]].tolist() == [4.0, 200_000, 39.0]
    assert table.loc[BEST, "events_per_s"] == 100.0
    assert table.loc[PAPER, "auc"] > table.loc[BEST, "auc"]
    assert table.loc[PAPER, "outside"] == pytest.approx(metrics(study, PAPER)["veto"]["outside"])
    assert np.isnan(table.loc["muon-q-flow-best", "outside"])
    kept = found[found["part"] == "inside the cut"].set_index("run")
    assert PAPER in kept.index
    assert kept.loc[PAPER, "auc"] == pytest.approx(
        metrics(study, PAPER)["vetoed"]["features"]["boosted"]["auc"]["mean"]
    )
    assert (table["energy_max"] < 1e-14).all()
    worst, tau = told["all"]["worst"], told["observables"]["log10_tau"]
    assert table.loc[BEST, "worst_w1_error"] == pytest.approx(worst["error"])
    assert table.loc[BEST, "worst_w1_floor_high"] == pytest.approx(worst["floor_high"])
    assert table.loc[BEST, "mean_w1_floor_low"] == pytest.approx(told["all"]["mean"]["floor_low"])
    assert table.loc[BEST, "tau_w1_itself"] == pytest.approx(tau["w1"] / tau["truth_sd"])
    assert table.loc[BEST, "tau_w1_floor_low"] == pytest.approx(tau["floor_w1_low"] / tau["floor_w1_mean"])
    assert table.loc[BEST, "excess"] == pytest.approx(told["all"]["excess"]["value"])
    assert table.loc[BEST, "auc_floor_sd"] == pytest.approx(told["features"]["boosted"]["auc"]["floor_sd"])
    assert table.loc[PAPER, "excess_low"] > table.loc[BEST, "excess"]
    for run in (PAPER, BEST):
        assert 0.0 <= table.loc[run, "excess_low"] <= table.loc[run, "excess"] <= table.loc[run, "excess_high"]
    text = (drawn.folder / "comparison.md").read_text()
    assert "from 2 replicates" in text
    assert text.rstrip().endswith("Truth: test.")


def test_seeds_are_one_row_with_their_median_and_range(study, drawn):
    drawn("comparison", [f"{BEST}-s2", BEST, PAPER, f"{BEST}-s3", "muon-q-flow-best"])
    text = (drawn.folder / "comparison.md").read_text()
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    best = next(row for row in rows if "best ×3" in row)
    assert "4.0 [3.0, 5.0]" in best
    w1 = metrics(study, BEST)["observables"]["log10_tau"]["w1_over_floor"]
    assert any(cell.startswith(f"{2 * w1:#.2g} [{w1:#.2g}, {3 * w1:#.2g}]") for cell in best)
    assert sum("muon" in row[0] for row in rows) == 1
    assert {len(row) for row in rows} == {17}
    tex = (drawn.folder / "comparison.tex").read_text()
    assert r"qqg\_1e-3" in tex
    assert tex.count("$") % 2 == 0


def points(found, panel):
    """The drawn points of a panel, by series."""
    return {name: part for name, part in found[found["panel"] == panel].groupby("series")}


def test_trainings_that_differ_in_their_length_are_joined(study, drawn):
    found = drawn("budgets", [BEST, f"{BEST}-s2", f"{BEST}-s3", f"{BEST}-half", PAPER])
    shown = points(found, "qqg_1e-3 mean_w1")
    assert {name: len(part) for name, part in shown.items()} == {"best": 2, "paper": 1}
    mean = np.mean([one["w1_over_floor"] for one in metrics(study, BEST)["observables"].values()])
    best = shown["best"]
    # Minutes of CPU: the half and the median of three seeds; quality: four times and twice that of the first seed.
    assert best["x_lo"].tolist() == [2.0, 4.0]
    assert best["value"].tolist() == pytest.approx([4.0 * mean, 2.0 * mean])
    assert best["count"].tolist() == [1, 3]
    assert set(found["panel"]) == {f"qqg_1e-3 {name}" for name in ("mean_w1", "worst_w1", "tau_w1", "auc")}


def test_samplings_that_differ_in_their_steps_are_joined(drawn):
    # A shorter training is another figure's, and a dataset of a single point none's, unless the entry names them.
    found = drawn("evaluations", [BEST, f"{BEST}-n5", f"{BEST}-half", "muon-q-flow-best"])
    shown = points(found, "qqg_1e-3 worst_w1")
    assert [len(part) for part in shown.values()] == [2]
    assert sorted(found["x_lo"].unique()) == [9.0, 39.0]
    assert not points(found, "muon worst_w1")
    roles = {"long": BEST, "fewer steps": f"{BEST}-n5", "short": f"{BEST}-half"}
    named = points(drawn("evaluations", roles), "qqg_1e-3 worst_w1")
    assert {name: len(part) for name, part in named.items()} == {"long": 2, "short": 1}


def run(name, *, preset="best", events=1000, owner=None, epochs=8, sampling=None, family="flow", dataset="muon"):
    """A run without numbers."""
    spec = {"run": owner or name, "preset": preset, "family": family, "space": "q", "loss": {}, "sampling": {}}
    metrics = {"dataset": dataset, "counts": {"sample": events}, "generation": {"sampling": sampling or {"steps": 20}}}
    return Run(name, name, metrics, {"spec": spec | {"training": {"epochs": epochs}}})


def test_runs_are_reported_apart_by_what_differs_from_the_first():
    runs = [
        run("muon-q-flow-a"),
        run("muon-q-flow-a-s2"),
        run("muon-q-flow-a-short", epochs=4),
        run("muon-q-flow-a-few", owner="muon-q-flow-a", events=100),
        run("muon-q-flow-a-n5", owner="muon-q-flow-a", sampling={"steps": 5}),
        run("muon-q-flow-p", preset="paper", sampling={"steps": 100}),
        run("qqg_1e-3-q-flow-a", dataset="qqg_1e-3"),
    ]
    groups = grouped(runs, Run.key)
    assert [len(group) for group in groups] == [2, 1, 1, 1, 1, 1]
    assert labels(groups) == ["best", "best, 4 epochs", "best, 100 events", "best, 5 steps", "paper", "best"]
    # The family stands everywhere as soon as one dataset needs it.
    both = [*groups, [run("muon-q-diffusion-a", family="diffusion", sampling={"noise": "full"})]]
    assert labels(both)[::6] == ["best, flow", "best, diffusion"]
    noises = [
        [run(f"muon-q-diffusion-{noise}", preset="paper", family="diffusion", sampling={"noise": noise})]
        for noise in ("full", "last-step-noiseless")
    ]
    assert labels(noises) == ["paper", "paper, last-step-noiseless"]
    names = {one.name for one in usual(runs)}
    assert names == {one.name for one in runs} - {"muon-q-flow-a-n5"}
    assert {one.name for one in longest(runs)} == {one.name for one in runs} - {"muon-q-flow-a-short"}


def test_changes_stand_under_their_roles_seeds_together(drawn):
    roles = {"as it is (qqg_1e-3)": BEST, "seed 2": f"{BEST}-s2", "learning rate (qqg_1e-3)": f"{BEST}-lr"}
    found = drawn("changes", roles)
    shown = points(found, "qqg_1e-3 tau_w1")
    assert {name: part["count"].item() for name, part in shown.items()} == {"as it is": 2, "learning rate": 1}
    table = drawn("ablation", roles)
    assert set(table["model"]) == {"as it is", "learning rate"}
    assert "as it is ×2" in (drawn.folder / "ablation.md").read_text()


def test_tau_and_energies_of_every_dataset(study, drawn):
    runs, kinds = [BEST, f"{BEST}-s2", PAPER, "muon-q-flow-best"], ("events", "samples")
    runs = [run for run in runs if run in study.files["samples"]]
    found = drawn("tails", runs, ("qqg_1e-3", "muon"), kinds)
    assert set(found["panel"]) == {"qqg_1e-3", "muon"}
    entries = found[(found["kind"] == "histogram") & (found["panel"] == "qqg_1e-3")]
    assert entries.groupby("series")["count"].sum()["truth"] == 1000
    assert set(entries["series"]) == {"truth", "best", "paper"}
    # Bins reach down to where the model leaks to, far below the cut that ends truth.
    assert entries["x_lo"].min() < np.log10(1e-3 / 2) - 0.9
    found = drawn("spectra", runs, ("qqg_1e-3", "muon"), kinds)
    expected = {"qqg_1e-3 E", "qqg_1e-3 E_max", "qqg_1e-3 E_min", "muon E_1", "muon E_2", "muon E_3"}
    assert set(found["panel"]) == expected


def test_a_short_sampling_is_timed_by_the_clock(study, drawn):
    # Its CPU time was last looked at before it ended.
    study.files["timed"][BEST].write_text("s\th:m:s\tcpu_time\n20.0\t0:00:20\t10.0\n")
    assert drawn("comparison", [BEST])["events_per_s"].iloc[0] == 50.0


def test_what_is_absent_is_left_blank_or_named(study, drawn, tmp_path):
    found = drawn("comparison", [BEST], kinds=("metrics", "records"))
    assert found["events_per_s"].isna().all()
    with pytest.raises(OnshellError, match=rf"records: {BEST} is not among this figure's inputs"):
        drawn("comparison", [BEST], kinds=("metrics",))
    bare = tmp_path / "bare.json"
    told = metrics(study, BEST)
    for key in ("tails", "veto", "vetoed", "generation"):
        told.pop(key, None)
    told["features"].pop("boosted")
    bare.write_text(json.dumps(told))
    entry = {"draw": "comparison", "runs": {"x": BEST}}
    files = {"metrics": {BEST: bare}, "records": study.files["records"]}
    write_table("t", entry, files, tmp_path / "t")
    assert pd.read_csv(tmp_path / "t.csv")[["auc", "evaluations", "tau_bin"]].isna().all(axis=None)
    with pytest.raises(OnshellError, match="none has evaluations per event"):
        draw_figure("f", {"draw": "evaluations", "runs": {"x": BEST}}, files, tmp_path / "f")
