"""The summary: every number once, the floor beside it, and a page a reader understands."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from helpers.products import SEED, make_floor, make_metrics, silent, smeared, truth
from onshell.core.errors import OnshellError
from onshell.core.format import format_number
from onshell.evaluation.commands import autoencoder_file
from onshell.evaluation.summary import COLUMNS, summary_file

PAPER = [0.2585, 0.1264, 0.1220, 0.0820]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("summary")


@pytest.fixture(scope="module")
def paths(folder):
    """Return metrics files by run: two of muon decay, one of q qbar g and one of the antennas."""
    found = {}
    sets = [("muon", "muon", "muon", {}, ("single", "double"))]
    sets += [("qqg_1e-3", "qqg", "qqg", {"cutoff": 1e-3}, ("single",))]
    sets += [("aps_30", "aps", "sarge", {"cutoff": 30.0, "n_particles": 10}, ("single",))]
    for dataset, process, generator, parameters, variants in sets:
        events = truth(folder, dataset, process, generator, 400, **parameters)
        networks, floor = folder / f"{dataset}.pt", folder / f"{dataset}.floor.json"
        autoencoder_file(events, networks, seed=SEED, epochs=1, progress=silent)
        options = {"seed": SEED, "autoencoder": networks, "progress": silent}
        make_floor(events, floor, sample_size=400, replicates=2, **options)
        for i, variant in enumerate(variants):
            run = f"{dataset}-q-diffusion" + (f"-{variant}" if i else "")
            found[run] = folder / f"{run}.json"
            sample = smeared(folder, run, events, 0.3, {"augmentation": variant})
            make_metrics(sample, events, found[run], floor=floor, **options)
    return found


@pytest.fixture(scope="module")
def summary(folder, paths):
    record = {"spec": {"run": "muon-q-diffusion"}, "n_events": 500_000, "epochs": 30, "n_parameters": 218_633}
    record |= {"seconds": 659.0, "cpu_seconds": 657.0, "device": "cpu", "precision": "bf16"}
    (folder / "run.json").write_text(json.dumps(record))
    table = summary_file(
        *(paths.values(), folder / "summary.csv", folder / "summary.md"),
        title="Scale test",
        published={"aps_30-q-diffusion": PAPER, "absent-p-flow": PAPER},
        records={"muon-q-diffusion": folder / "run.json", "qqg_1e-3-q-diffusion": folder / "none.json"},
        progress=silent,
    )
    return table, (folder / "summary.md").read_text()


def test_every_number_is_a_row(summary, paths, folder):
    table, _ = summary
    assert tuple(table.columns) == COLUMNS
    written = pd.read_csv(folder / "summary.csv")
    assert len(written) == len(table)
    assert not table.duplicated(["run", "quantity", "measure"]).any()
    assert set(table["measure"]) == {"w1", "ks", "auc", "frechet", "conservation", "worst", "mean", "excess"}
    assert set(table["judge"]) == {"test"}
    for run, path in paths.items():
        found, ours = json.loads(path.read_text()), table[table["run"] == run].set_index(["quantity", "measure"])
        assert len(ours) == 2 * len(found["observables"]) + 4 + len(found["conservation"]) - 1 + len(found["all"])
        for name, entry in found["observables"].items():
            row = ours.loc[name, "w1"]
            assert (row["value"], row["floor_mean"]) == (entry["w1"], entry["floor_w1_mean"])
            assert row["over_floor"] == pytest.approx(entry["w1_over_floor"])
            for key in ("error", "over_floor_error"):
                assert row[key] == entry[f"w1_{key}"]
            for key in ("excess", "excess_low", "excess_high"):
                assert row[key] == entry[key]
            assert (row["floor_low"], row["floor_high"]) == (entry["floor_w1_low"], entry["floor_w1_high"])
        row, entry = ours.loc["latent", "auc"], found["features"]["latent"]["auc"]
        assert (row["value"], row["sd"], row["floor_sd"]) == (entry["mean"], entry["sd"], entry["floor_sd"])
        assert np.isnan(row["over_floor"])
        row, worst = ours.loc["all", "worst"], found["all"]["worst"]
        assert (row["value"], row["error"], row["floor_high"]) == (worst["value"], worst["error"], worst["floor_high"])
        assert worst["value"] == ours.xs("w1", level="measure")["over_floor"].max()
        assert ours.loc["all", "excess"]["value"] == found["all"]["excess"]["value"]
        unit = found["conservation"]["median_energy"]
        assert ours.loc["px_mean", "conservation"]["value"] == found["conservation"]["px_mean"] / unit


def test_the_published_numbers_stand_beside_ours(summary):
    table, page = summary
    paper = table.dropna(subset="published").set_index("quantity")
    assert set(paper["run"]) == {"aps_30-q-diffusion"}
    names = ("energy_mean", "px_mean", "py_mean", "pz_mean")
    assert [paper.loc[name, "published"] for name in names] == PAPER
    line = next(line for line in page.splitlines() if "(0.259)" in line or "(0.258)" in line)
    assert line.startswith("| aps_30-q-diffusion |")
    assert "(0.0820)" in line


def test_the_page_has_a_table_per_process_with_its_headline_observables_and_floors(summary, paths):
    table, page = summary
    assert page.startswith("# Scale test\n\nTruth: test.\n")
    sections = {part.split("\n")[0]: part for part in page.split("\n## ")[1:]}
    assert list(sections) == ["muon", "qqg", "aps", "Conservation, and as published", "Trainings"]
    heads = {
        "muon": ["W1 E_1", "W1 E_3", "W1 u_1", "W1 u_2", "W1 ln_f", "W1 cos_theta_3"],
        "qqg": ["W1 E", "W1 log10_tau", "W1 cos_theta_plane", "W1 cos_theta_3"],
        "aps": ["W1 log10_tau", "W1 E_max", "W1 log10_E_min", "W1 log10_E"],
    }
    for process, names in heads.items():
        lines = [
            [cell.strip() for cell in line[2:-2].split(" | ")]
            for line in sections[process].splitlines()
            if line[:1] == "|"
        ]
        sums = ["worst W1", "beyond floor", "largest KS", "\\|ΣE − 1\\|"]
        assert lines[0] == ["run", *names, "AUC invariant", "AUC latent", *sums]
        runs = [run for run in paths if run.startswith(process)]
        assert [line[0] for line in lines[2:-1]] == runs
        floor = f"*floor of {runs[0].split('-q-')[0]} (400 against 400)*"
        assert lines[-1][0] == floor
        assert all(len(line) == len(lines[0]) for line in lines[2:-1])
    row = table[(table["run"] == "muon-q-diffusion") & (table["measure"] == "ks")]
    worst = row.loc[row["value"].idxmax()]
    over = f"{format_number(worst['over_floor'], 2)} ± {format_number(worst['over_floor_error'], 1)}"
    assert f"{format_number(worst['value'])} ({over}) {worst['quantity']}" in sections["muon"]
    low = table[(table["run"] == "muon-q-diffusion") & (table["measure"] == "w1")].set_index("quantity").loc["E_1"]
    ends = (format_number(low[f"floor_{end}"] / low["floor_mean"], 2) for end in ("low", "high"))
    floor = f"{format_number(low['floor_mean'])} ± {format_number(low['floor_sd'], 2)} ({'–'.join(ends)})"
    assert floor in sections["muon"]
    training = ["muon-q-diffusion", "500,000 × 30", "218,633", "11.0", "10.9", "cpu, bf16"]
    assert [cell.strip() for cell in sections["Trainings"].splitlines()[-1][2:-2].split(" | ")] == training
    assert "nan" not in page.lower().split()


def test_without_floor_or_autoencoder(folder, paths, tmp_path):
    """A sample against a user's own truth has neither: the page shows values alone."""
    sample, events = folder / "muon-q-diffusion.parquet", folder / "muon.parquet"
    bare = tmp_path / "bare.json"
    make_metrics(sample, events, bare, seed=SEED, splits=1, progress=silent)
    table = summary_file([bare], tmp_path / "s.csv", tmp_path / "s.md", title="bare", progress=silent)
    assert table[["floor_mean", "floor_sd", "over_floor", "published"]].isna().all(axis=None)
    page = (tmp_path / "s.md").read_text()
    assert "AUC latent" not in page
    assert "Trainings" not in page
    assert re.search(r"^\| \*floor of muon \(400 against 400\)\* +\| +– \|", page, re.MULTILINE)


def test_runs_that_different_parts_of_truth_judged_are_refused(paths, tmp_path):
    found = json.loads(paths["muon-q-diffusion"].read_text()) | {"judge": "final"}
    (tmp_path / "final.json").write_text(json.dumps(found))
    files = [tmp_path / "final.json", paths["muon-q-diffusion-double"]]
    with pytest.raises(
        OnshellError, match="double: judged by the part 'test' of truth where muon-q-diffusion is by 'fin"
    ):
        summary_file(files, tmp_path / "s.csv", tmp_path / "s.md", title="", progress=silent)
    assert not (tmp_path / "s.md").exists()


def test_wrong_inputs(paths, tmp_path):
    one = paths["muon-q-diffusion"]
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "foreign.json").write_text("{}")
    faults = [
        ([], {}, r"s\.md: no metrics"),
        ([one, one], {}, r"muon-q-diffusion\.json: a second file of the run muon-q-diffusion"),
        ([tmp_path / "text.json"], {}, r"text\.json: not readable as JSON"),
        ([tmp_path / "foreign.json"], {}, r"foreign\.json: metrics file without observables, "),
        ([tmp_path / "gone.json"], {}, r"gone\.json: no such metrics file"),
        ([one], {"published": {"muon-q-diffusion": [1.0]}}, r"published\.muon-q-diffusion: 1 numbers, not 4"),
    ]
    for files, options, fault in faults:
        with pytest.raises(OnshellError, match=fault) as caught:
            summary_file(files, tmp_path / "s.csv", tmp_path / "s.md", title="", progress=silent, **options)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "s.md").exists()
