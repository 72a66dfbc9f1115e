"""The wheel: it carries all that a project needs, and works in a folder with nothing in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from onshell.config import PROJECT

ROOT = Path(__file__).parents[1]
TREES = ("src", "workflow", "profiles", "envs")
FILES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "Snakefile", "config.yaml")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of the package as it is in a wheel."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in TREES:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", ".", *offline, "--no-build-isolation", "-w", "dist"], cwd=source, check=True)
    wheel = next((source / "dist").glob("onshell-*.whl"))
    subprocess.run([*pip, "install", *offline, "--no-compile", "--target", target, wheel], check=True)
    return target


@pytest.fixture
def onshell(installed, tmp_path, monkeypatch):
    """A function that runs the installed command line in an empty folder and returns what it printed."""
    monkeypatch.setenv("PYTHONPATH", str(installed))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def run(*words: object) -> str:
        command = [sys.executable, "-m", "onshell", *map(str, words)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_wheel_goes_from_truth_to_samples_in_an_empty_folder(onshell, installed, tmp_path):
    assert (installed / "onshell" / "project" / "workflow" / "rules" / "common.smk").is_file()
    onshell("generate", "muon", "--train", 300, "--test", 50, "-o", "muon.parquet")
    onshell("embed", "muon.parquet", "-a", "centred", "-o", "set.parquet")
    tiny = ["--set", "runs.muon-q-flow.training={epochs: 1, batch_size: 100}", "--set", "networks.labelled.width=8"]
    tiny += ["--set", "runs.muon-q-flow.recipe=muon-flow"]
    onshell("train", "muon-q-flow", "--preset", "best", "--data", "set.parquet", "-o", "model", *tiny)
    onshell("sample", "model/model.pt", "-n", 20, "-o", "events.parquet")
    assert "20 events of 3 particles" in onshell("show", "events.parquet")
    onshell("init", "project")
    assert (tmp_path / "project" / "config.yaml").read_text() == (PROJECT / "config.yaml").read_text()
    assert (tmp_path / "project" / "Snakefile").is_file()


def test_the_project_in_a_clone_is_the_clone():
    assert PROJECT.resolve() == ROOT
