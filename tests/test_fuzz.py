"""No damaged file gives a traceback, loses a file or leaves one: a command says what is wrong in one line, or works.

The damage is drawn from fixed seeds. `ONSHELL_FUZZ=5000 pytest tests/test_fuzz.py` tries that many damaged files; what
failed stays in the folders that the failures name.
"""

import json
import os
import shutil
from functools import partial
from pathlib import Path
from random import Random

import pytest

from helpers.damaged import KINDS, make
from helpers.fuzz import contents, faults, run
from onshell.core.errors import OnshellError
from onshell.events.table import read_metadata

OF_ALL = sum(kind.share for kind in KINDS.values())
COUNT = int(os.environ.get("ONSHELL_FUZZ", "0")) or OF_ALL
NUMBERS = {name: n for name, kind in KINDS.items() if (n := round(COUNT * kind.share / OF_ALL))}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The folders of good inputs."""
    folder = tmp_path_factory.mktemp("inputs")
    make(folder)
    return folder


@pytest.fixture
def called(inputs, tmp_path, monkeypatch):
    """Return a function that damages a file of a kind, calls a command line and returns what is wrong with its end."""

    def call(kind, name, file, verb, damage):
        folder = tmp_path / name
        shutil.copytree(inputs / kind.folder, folder)
        monkeypatch.chdir(folder)
        damage(folder / file)
        before = contents(folder)
        outcome = run(verb.format(file).split())
        found = faults(outcome, before, contents(folder), Path(file).name)
        found += [] if outcome.code else unreadable(folder)
        if not found:
            shutil.rmtree(folder)
        return outcome.code, [f"{name}: onshell {verb.format(file)}: {fault}" for fault in found]

    return call


def refuse(word):
    """Raise: NaN and infinity are no JSON."""
    raise ValueError(word)


def unreadable(folder):
    """Return which files that were written whole cannot be read."""
    found = []
    for path in folder.glob("out*"):
        try:
            if path.suffix == ".parquet":
                read_metadata(path)
            elif path.suffix == ".json":
                json.loads(path.read_text(), parse_constant=refuse)
            elif path.suffix == ".lhe":
                assert path.read_text().endswith("</LesHouchesEvents>\n"), "no end"
        except (OnshellError, ValueError, AssertionError) as error:
            found.append(f"{path.name} cannot be read: {error}")
    return found


@pytest.mark.parametrize("kind", NUMBERS)
def test_good_files_are_read(kind, called):
    for k, verb in enumerate(KINDS[kind].verbs):
        assert called(KINDS[kind], str(k), KINDS[kind].files[0], verb, lambda path: None) == (0, [])


@pytest.mark.parametrize("kind", NUMBERS)
def test_damaged_files_are_refused_in_one_line_or_read(kind, called):
    known, wrong = KINDS[kind], []
    for k in range(NUMBERS[kind]):
        rng = Random(f"{kind} {k}")
        file, mutate, verb = rng.choice(known.files), rng.choice(known.mutations), rng.choice(known.verbs)
        _, found = called(known, f"{kind} {k}", file, verb, partial(mutate, rng=rng))
        wrong += found
    assert not wrong, "\n" + "\n".join(wrong)
