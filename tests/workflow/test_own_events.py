"""A Les Houches file through the workflow: what is planned, what is imported, and what is handed back."""

import json
import shutil
import subprocess

import pylhe
import pytest

from helpers.clones import PARTS
from helpers.lhe import REAL
from onshell.events.table import read_events, read_metadata, write_events

pytestmark = [pytest.mark.workflow, pytest.mark.timeout(1200)]

TARGETS = ("results/quick/paper/metrics/mine-q-diffusion.json", "fig_mine", "exports", "--quiet", "rules")


@pytest.fixture
def own(clone):
    """A clone with a process of one's own: three lines, and the file."""
    clone.config["processes"]["mine"] = {"source": "mine.lhe.gz", "n_particles": 3}
    clone.config["runs"]["mine-q-diffusion"] = {"recipe": "three-body-diffusion"}
    clone.save()
    shutil.copy(REAL, clone.folder / "mine.lhe.gz")
    return clone


def onshell(clone, *arguments):
    """Return the finished `onshell` call in a clone."""
    command = [shutil.which("onshell"), *map(str, arguments)]
    return subprocess.run(command, cwd=clone.folder, capture_output=True, text=True, check=False)


def test_the_whole_chain_is_planned_for_a_file(own):
    assert own.plan(*TARGETS[:3]) == {
        "import_events": 1, "embed": 1, "train": 1, "sample": 1, "autoencoder": 1, "floor": 1, "compare": 1,
        "export": 1, "exports": 1, "fig_mine": 1,
    }  # fmt: skip
    (own.folder / "mine.lhe.gz").unlink()
    done = own.run("--dry-run", *TARGETS)
    assert done.returncode != 0
    assert "processes.mine.source: 'mine.lhe.gz': no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_energies_are_lent_where_the_process_says_so(own):
    own.config["processes"]["mine"]["independent_energy"] = True
    own.config["processes"]["other"] = {"source": "mine.lhe.gz", "n_particles": 3}
    own.config["runs"]["other-q-diffusion"] = {"recipe": "three-body-diffusion"}
    own.save()
    done = own.run("--dry-run", "--printshellcmds", "exports")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "onshell export" in line]
    said = {line.split("-o ")[1].split()[0].split("/")[-1]: "--independent-energy" in line for line in lines}
    assert said == {"mine-q-diffusion.lhe.gz": True, "other-q-diffusion.lhe.gz": False}


def test_a_file_is_imported_compared_and_handed_back(own):
    events = "results/quick/events/mine.parquet"
    done = own.run("--cores", "1", events, "results/quick/embedded/mine.single.parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    table = own.folder / events
    assert read_metadata(table)["split"] == {"train": [0, 160], "test": [160, 200]}
    embedded = read_events(own.folder / "results/quick/embedded/mine.single.parquet")
    assert (len(embedded), set(embedded.columns)) == (160, {"event", "weight"})
    # The training part stands in for a model's events.
    samples = own.folder / "samples.parquet"
    write_events(samples, [read_events(table, rows="train").momenta], {"dataset": "mine", "run": "mine-q-diffusion"})
    floor, metrics, out = own.folder / "floor.json", own.folder / "metrics.json", own.folder / "out.lhe.gz"
    for arguments in (
        ("floor", table, "--sample-size", 160, "--replicates", 3, "-o", floor),
        ("metrics", samples, "--truth", table, "--floor", floor, "-o", metrics),
        ("export", samples, "--like", table, "-o", out),
    ):
        done = onshell(own, *arguments)
        assert done.returncode == 0, done.stderr
    assert "without replacement" in json.loads(floor.read_text())["origin"]
    found = json.loads(metrics.read_text())["observables"]
    assert {"E_1", "log10_s_12", "cos_theta_plane", "log10_tau"} <= found.keys()
    # Truth against truth: the 16 observables are at the floor on average, give or take its own spread.
    ratios = [entry["ks_over_floor"] for entry in found.values()]
    assert 0.5 < sum(ratios) / len(ratios) < 2.0
    assert sum(1 for _ in pylhe.LHEFile.fromfile(out).events) == 160
    done = onshell(own, "import", out, "--dataset", "mine", "-o", own.folder / "again.parquet")
    assert done.returncode == 0, done.stderr


def test_paths_that_a_shell_would_take_apart_are_paths(own):
    results, source = "run ü'\"; touch struck; $(touch struck) `touch struck` & é", "my $(touch struck) ü.lhe.gz"
    (own.folder / "run ü'\"").write_text("precious")
    own.config["results"], own.config["processes"]["mine"]["source"] = results, source
    own.save()
    (own.folder / "mine.lhe.gz").rename(own.folder / source)
    assert own.plan()["import_events"] == 1
    events = own.folder / results / "quick/embedded/mine.single.parquet"
    done = own.run("--cores", "1", str(events.relative_to(own.folder)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(read_events(events)) == 160
    assert {path.parts[0] for path in own.files()} == {*PARTS, results, source, "run ü'\""}
    assert (own.folder / "run ü'\"").read_text() == "precious"


def test_a_bad_file_fails_its_job_and_leaves_nothing(own):
    (own.folder / "mine.lhe.gz").write_bytes(REAL.read_bytes()[:9000])
    done = own.run("--cores", "1", "results/quick/events/mine.parquet")
    assert done.returncode != 0
    log = (own.folder / "results/quick/logs/import/mine.log").read_text()
    assert "the compressed file breaks off" in log
    assert list((own.folder / "results").rglob("*mine*.parquet")) == []
