"""The command line teaches: every verb has examples that are right, names are completed, tables are shown."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from onshell import config as configuration
from onshell.cli import app
from onshell.cli.completion import NAMES, names
from onshell.cli.examples import EXAMPLES, START, verb_of
from onshell.events.table import write_events
from onshell.physics import generators

ROOT = Path(__file__).parents[1]
COMMANDS = get_command(app).commands
EVERY = [line for verbs in EXAMPLES.values() for examples in verbs.values() for _, line in examples]


def test_every_verb_has_examples_of_itself_and_a_panel():
    assert {verb_of(command) for command in app.registered_commands} == {
        v for verbs in EXAMPLES.values() for v in verbs
    }
    for verbs in EXAMPLES.values():
        for verb, examples in verbs.items():
            assert examples
            assert all(line.split()[:2] == ["onshell", verb] for _, line in examples)


@pytest.mark.parametrize("line", [*EVERY, *(line for _, line in START if "--help" not in line)])
def test_an_example_is_a_command_line_that_is_understood(line):
    _, verb, *arguments = shlex.split(line)
    context = COMMANDS[verb].make_context(verb, arguments)
    assert not context.args
    if context.params.get("settings"):
        configuration.load(ROOT / "config.yaml", context.params["settings"])


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_shows_what_a_verb_does_and_its_examples(verb, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, [verb, "--help"])
    assert shown.exit_code == 0
    assert "Examples" in shown.stdout
    assert f"$ onshell {verb}" in shown.stdout
    first = COMMANDS[verb].help.splitlines()[0]
    assert " ".join(first.split())[:60] in " ".join(shown.stdout.split())


def test_examples_name_what_the_configuration_has(monkeypatch):
    monkeypatch.chdir(ROOT)
    for verb, kind in (("train", "run"), ("figure", "figure"), ("table", "table"), ("forward", "forward")):
        named = [shlex.split(line)[2] for line in EVERY if line.startswith(f"onshell {verb} ")]
        assert named
        assert set(named) <= set(names(kind)(""))


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        ("dataset", "qqg", ["qqg_1e-2", "qqg_1e-3", "qqg_1e-4"]),
        ("scale", "", ["quick", "desk", "paper"]),
        ("preset", "rec", ["record"]),
        ("augmentation", "id", ["identity"]),
        ("figure", "fig0", [f"fig0{i}" for i in range(1, 10)]),
    ],
)
def test_names_of_the_configuration_are_proposed(monkeypatch, kind, typed, expected):
    monkeypatch.chdir(ROOT)
    assert names(kind)(typed) == expected


def test_where_the_configuration_is_faulty_nothing_is_proposed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "muon" in names("dataset")("")  # the package's own
    (tmp_path / "config.yaml").write_text("scale: [")
    assert [names(kind)("") for kind in NAMES] == [[]] * len(NAMES)


def completed(*words: str) -> list[str]:
    """Return what bash is told after these words, the last of them not finished."""
    program = Path(sys.executable).with_name("onshell")
    known = {"_ONSHELL_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run([program], env={**os.environ, **known}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_verbs_and_runs():
    assert completed("onshell", "ge") == ["generate"]
    assert "aps_30-q-flow" in completed("onshell", "train", "aps_30-q-f")
    assert "muon-q-diffusion" not in completed("onshell", "train", "aps_30-q-f")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_script_for_bash_is_valid_and_calls_onshell():
    program = Path(sys.executable).with_name("onshell")
    env = {**os.environ, "_ONSHELL_COMPLETE": "source_bash"}
    script = subprocess.run([program], env=env, capture_output=True, text=True, check=False).stdout
    assert "_ONSHELL_COMPLETE=complete_bash" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.fixture
def table(tmp_path):
    """Two hundred events of a table with a part held out."""
    p = generators.events("uniform", 200, seed=1, name=("help",), n_particles=3)
    metadata = {"dataset": "uniform_3", "process": "uniform", "split": {"train": [0, 150], "test": [150, 200]}}
    write_events(tmp_path / "events.parquet", [p], {**metadata, "generator": "uniform"})
    return tmp_path / "events.parquet"


def test_a_table_is_shown_in_words_and_as_a_picture(table):
    picture = table.with_name("picture.png")
    shown = CliRunner().invoke(app, ["show", str(table), "--plot", str(picture)])
    assert shown.exit_code == 0
    assert "exact truth of uniform_3" in shown.stdout
    assert "200 events of 3 particles: 150 to train on, 50 held out" in shown.stdout
    assert re.search(r"\|sum E - 1\| +\d", shown.stdout)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_table_is_shown_as_json(table):
    found = json.loads(CliRunner().invoke(app, ["show", str(table), "--json"]).stdout)
    assert (found["kind"], found["events"], found["split"]) == ("truth", 200, {"train": 150, "test": 50})
    metadata = json.loads(CliRunner().invoke(app, ["show", str(table), "--metadata"]).stdout)
    assert metadata == found["metadata"]


def test_what_cannot_be_shown_is_told_and_nothing_is_written(table):
    shown = CliRunner().invoke(app, ["show", str(table), "--plot", str(table)])
    assert "is an input too" in str(shown.exception)
    shown = CliRunner().invoke(app, ["show", str(table), "--plot", "x.doc"])
    assert "cannot draw a .doc" in str(shown.exception)
    assert not Path("x.doc").exists()
    table.write_text("px")
    assert "not a Parquet file" in str(CliRunner().invoke(app, ["show", str(table)]).exception)
