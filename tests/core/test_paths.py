"""Paths of the configuration: what is put in, and what is refused, each in one line."""

import re
from pathlib import Path

import pytest

from onshell import config as configuration
from onshell.core import paths
from onshell.core.errors import OnshellError

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config.yaml"


@pytest.fixture
def home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("SCRATCH", "/scratch/a b")
    monkeypatch.setenv("BROKEN", "a\nb")
    monkeypatch.delenv("MISSING", raising=False)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("results", "results"),
        ("~/x", "/home/ada/x"),
        ("~", "/home/ada"),
        ("./~/x", "./~/x"),
        ("$SCRATCH/x", "/scratch/a b/x"),
        ("${SCRATCH}x", "/scratch/a bx"),
        ("a $(b) $5 'c'", "a $(b) $5 'c'"),
    ],
)
def test_home_and_variables_are_put_in(home, text, path):
    assert paths.expand(text) == path


def test_every_path_of_the_configuration_is_treated_alike(home):
    config = {"results": "$SCRATCH/r", "processes": {"truth": {}, "mine": {"source": "~/a.lhe"}}}
    assert paths.expand_all(config) is None
    assert config == {"results": "/scratch/a b/r", "processes": {"truth": {}, "mine": {"source": "/home/ada/a.lhe"}}}
    config["processes"]["mine"]["source"] = "$MISSING/a.lhe"
    assert paths.expand_all(config).startswith("processes.mine.source: '$MISSING/a.lhe': the environment has no ")


def test_a_path_that_cannot_be_one_ends_the_loading(home):
    with pytest.raises(OnshellError, match=r"config.yaml: results: '~nobody-of-this-name': there is no home"):
        configuration.load(CONFIG, ["results=~nobody-of-this-name"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("a\nb", "line break"),
        ("a\0b", "control character"),
        ("a\x1bb", "control character"),
        ("$BROKEN/x", "line break"),
        ("$MISSING/x", "no variable 'MISSING'"),
        ("${MISSING}", "no variable 'MISSING'"),
        ("${}", "no variable ''"),
        ("~nobody-of-this-name/x", "no home '~nobody-of-this-name'"),
        ("-rf", "begins with a dash"),
        ("./-rf", "begins with a dash"),
        ("{run}", "braces"),
        ("a\udcffb", "is not UTF-8 text"),
        ("s3://bucket/x", "is an address"),
        ("x" * 300, "too long"),
    ],
)
def test_what_cannot_be_a_path_is_refused_in_one_line(home, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        paths.expand(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("below", ["file", "file/x", "link", "link/x", "loop/x"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, below):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    assert re.match(r"results: .*(is a file|is a link to nothing)", configuration.unwritable(str(tmp_path / below)))


@pytest.mark.parametrize(
    ("path", "fits"), [('a b;c"d', True), ("it's", True), ("a\\b", False), ("it's $(x)", False), ("'\"", False)]
)
def test_paths_that_scripts_of_a_cluster_would_garble_are_told(path, fits):
    assert (paths.remote(path) is None) == fits


@pytest.mark.parametrize("name", ["muon\n", "a b", "a;b", "-a", "$(a)"])
def test_names_hold_nothing_that_a_shell_or_a_path_would_mind(name):
    config = configuration.read(CONFIG)
    config["augmentations"][name] = config["augmentations"]["single"]
    with pytest.raises(OnshellError, match=r"augmentations\..*does not match"):
        configuration.validate(config)


def test_every_value_in_a_shell_line_is_quoted():
    for file in (ROOT / "workflow" / "rules").glob("*.smk"):
        for block in re.findall(r"^ +shell:\n((?: +[\"#].*\n)+)", file.read_text(), flags=re.MULTILINE):
            lines = "".join(line for line in block.splitlines() if not line.lstrip().startswith("#"))
            found = re.findall(r"(?<!\{)\{(?!\{)([^{}]+)\}", lines)
            assert found
            assert [value for value in found if not value.endswith(":q")] == [], file.name
