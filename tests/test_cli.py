"""The command line: what it writes, and how it tells what is wrong."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from helpers.networks import small_spec
from onshell import cli
from onshell import config as configuration
from onshell.cli import runs
from onshell.core.rng import stream
from onshell.events.table import read_events, read_metadata
from onshell.physics import rambo
from onshell.physics.kinematics import violation
from onshell.training.loop import train

CONFIG = Path(__file__).parents[1] / "config.yaml"


@pytest.fixture
def onshell(tmp_path, monkeypatch, capsys):
    """A function that runs a command line in an empty folder with the repository's config.yaml: (exit code, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG.read_text())

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["onshell", *map(str, arguments)])
        path = list(sys.path)
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = 1 if isinstance(end.code, str) else end.code or 0
        finally:
            sys.path[:] = path
        return code, capsys.readouterr().err

    return run


def test_truth_and_training_sets_are_made_by_hand(onshell, tmp_path):
    assert onshell("generate", "qqg_1e-3", "--train", 300, "--test", 50, "--seed", 4, "-o", "truth.parquet") == (0, "")
    assert onshell("embed", "truth.parquet", "-a", "double", "-o", "set.parquet") == (0, "")
    metadata = read_metadata(tmp_path / "truth.parquet")
    assert (metadata["seed"], metadata["process"], metadata["cutoff"]) == (4, "qqg", 1e-3)
    assert metadata["split"] == {"train": [0, 300], "test": [300, 350]}
    truth = read_events(tmp_path / "truth.parquet", rows="train").momenta
    p = rambo.to_p(read_events(tmp_path / "set.parquet", space="q").momenta)
    assert (p[::2] - truth[:150]).abs().max() < 1e-12
    assert (p[1::2] - truth[:150]).abs().max() < 1e-12


def test_a_cutoff_given_by_hand_makes_its_dataset(onshell, tmp_path):
    setting = 'processes.qqg.cutoffs=["1e-2", "1e-3", "1e-4", "0.02"]'
    assert onshell("generate", "qqg_0.02", "--train", 10, "-o", "truth.parquet", "--set", setting)[0] == 0
    assert read_metadata(tmp_path / "truth.parquet")["cutoff"] == 0.02


def test_a_model_is_sampled_with_snapshots(onshell, tmp_path):
    spec = small_spec()
    train(spec, rambo.sample_prior(64, spec["n_particles"], stream(1, "cli")), tmp_path / "run")
    assert onshell("sample", "run/model.pt", "-n", 20, "-o", "events.parquet") == (0, "")
    assert len(read_events(tmp_path / "events.parquet").momenta) == 20
    assert onshell("sample", "run/model.pt", "-n", 20, "--snapshots", "1,0.5,0", "-o", "path.parquet") == (0, "")
    assert len(read_events(tmp_path / "path.parquet", space="q").momenta) == 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "moun", "-o", "x.parquet"], "'moun' is not a dataset of the configuration; did you mean 'muon'?"),
        (["generate", "muon", "--train", "-5", "-o", "x.parquet"], "--train -5: is too small; write 0 or more"),
        (
            ["generate", "muon", "--scale", "dsk", "-o", "x.parquet"],
            "scale: 'dsk' is not a scale; did you mean 'desk'?",
        ),
        (["generate", "muon", "--config", "none.yaml", "-o", "x.parquet"], "none.yaml: cannot be read"),
        (["embed", "none.parquet", "-o", "x.parquet"], "none.parquet: no such file"),
        (["embed", "config.yaml", "-o", "x.parquet"], "config.yaml: "),
        (["compare", "config.yaml", "none.parquet"], "config.yaml: "),
        (["sample", "zoo:moun", "-o", "x.parquet"], "zoo:moun: 'moun' is not a model of the zoo; did you mean 'muon'?"),
        (["demo", "moun"], "zoo:moun: 'moun' is not a model of the zoo"),
        (["show", "config.yaml", "--against", "a.parquet"], "--against a.parquet: is of the picture"),
        (["train", "muon-q-difusion"], "(nearest of 1"),
        (["init", "."], ".: is not empty; name a new folder"),
        (["init", "config.yaml"], "config.yaml: cannot be written, since a file lies where its folder should be"),
        (["embed", "none.parquet", "-a", "sngle", "-o", "x.parquet"], "did you mean 'single'?"),
        (["train", "muon-q-difusion"], "did you mean 'muon-q-diffusion'?"),
        (["train", "muon-q-diffusion"], "muon.single.parquet: no such file"),
        (["sample", "none.pt", "-o", "x.parquet"], "none.pt"),
        (["sample", "config.yaml", "-o", "x.parquet"], "config.yaml"),
        (["sample", "none.pt", "--snapshots", "a,b", "-o", "x.parquet"], "--snapshots a,b: write numbers"),
        (["sample", "none.pt", "--run", "muon-q-difusion", "-o", "x.parquet"], "did you mean 'muon-q-diffusion'?"),
        (["forward", "aps_3", "-o", "x.parquet"], "did you mean 'aps_30'?"),
        (["metrics", "none.parquet", "--truth", "none.parquet", "-o", "x.json"], "none.parquet: no such file"),
        (["figure", "fig99"], "'fig99' is not a figure of the configuration"),
        (["figure", "fig06"], "no such file; build it first"),
        (["table", "tab2"], "no such file; build it first"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_written(onshell, tmp_path, arguments, message):
    code, error = onshell(*arguments)
    assert code == 1
    assert error.startswith("onshell: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_an_output_that_is_an_input_is_refused(onshell, tmp_path):
    assert onshell("generate", "muon", "--train", 10, "--test", 10, "-o", "a.parquet")[0] == 0
    before = (tmp_path / "a.parquet").read_bytes()
    for verb in (
        ["embed", "a.parquet"],
        ["metrics", "a.parquet", "--truth", "a.parquet"],
        ["autoencoder", "a.parquet"],
    ):
        code, error = onshell(*verb, "-o", "a.parquet")
        assert code == 1
        assert "is " in error
        assert "input" in error
    assert (tmp_path / "a.parquet").read_bytes() == before


def test_events_of_any_frame_units_and_rounding_can_be_embedded(onshell, tmp_path):
    p = rambo.to_p(rambo.sample_prior(50, 4, stream(2, "cli")))
    moved = 91.2 * rambo.to_q(p, torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64), 1.0)
    columns = dict(zip(("px", "py", "pz"), moved.float().unbind(-1), strict=True))
    pq.write_table(pa.table({name: pa.array(value.tolist()) for name, value in columns.items()}), "mine.parquet")
    code, error = onshell("embed", "mine.parquet", "-o", "set.parquet")
    assert code == 1
    assert "onshell embed --project" in error
    assert onshell("embed", "mine.parquet", "--project", "-o", "set.parquet") == (0, "")
    q = read_events(tmp_path / "set.parquet", space="q").momenta
    assert (rambo.to_p(q) - p).abs().max() < 1e-6
    assert max(part.abs().max().item() for part in violation(rambo.to_p(q))) < 1e-12


def test_embedding_needs_no_configuration(onshell, tmp_path):
    assert onshell("generate", "muon", "--train", 10, "-o", "a.parquet")[0] == 0
    (tmp_path / "config.yaml").unlink()
    assert onshell("embed", "a.parquet", "-a", "many", "-o", "b.parquet") == (0, "")


@pytest.mark.parametrize("words", [["generate"], ["nosuch"], ["show", "a", "b"], ["plan", "--nosuch"]])
def test_a_call_that_does_not_fit_is_one_line(onshell, words):
    code, error = onshell(*words)
    assert code == 2
    assert error.startswith("onshell: error: ")
    assert error.count("\n") == 1
    assert "--help` shows how" in error


def test_runs_are_listed_with_their_state(tmp_path):
    model = tmp_path / "results" / "quick" / "paper" / "runs" / "muon-q-diffusion" / "model.pt"
    model.parent.mkdir(parents=True)
    model.touch()
    config = configuration.load(CONFIG, [f"results={tmp_path / 'results'}"])
    rows = {row["run"]: row for row in runs.states(config)}
    assert rows["muon-q-diffusion"]["state"] == "done"
    assert rows["muon-q-diffusion"]["age"].endswith(" s")
    assert rows["aps_30-q-flow"] == {"run": "aps_30-q-flow", "state": "not begun", "age": ""}


def test_a_stop_leaves_nothing_half_written(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG.read_text())
    command = [sys.executable, "-m", "onshell", "generate", "muon", "-o", "x.parquet"]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([*command, "--train", "100000000"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while not list(tmp_path.glob(".x.*")):
            time.sleep(0.05)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 128 + number
        assert error == f"onshell: stopped by {number.name}; nothing is half-written\n"
        assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_gpu_that_is_not_there_is_told(onshell, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert onshell("generate", "muon", "--train", 100, "-o", "truth.parquet")[0] == 0
    assert onshell("embed", "truth.parquet", "-o", "set.parquet")[0] == 0
    code, error = onshell("train", "muon-q-diffusion", "--data", "set.parquet", "-o", "run", "--device", "cuda")
    assert code == 1
    assert "has no CUDA GPU; use --device cpu" in error
    assert not (tmp_path / "run").exists()
