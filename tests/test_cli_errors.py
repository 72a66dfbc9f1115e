"""Whatever goes wrong, the command line says one line: also for what is unexpected, or cannot be printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onshell import cli
from onshell.cli import show as verb
from onshell.core.errors import OnshellError, unexpected

ONSHELL = [sys.executable, "-m", "onshell"]


def recurse(*words):
    recurse(*words)


def raising(error):
    def fail(*_):
        raise error

    return fail


@pytest.fixture
def failing(monkeypatch, capsys):
    """A function that runs `onshell show` with something in it that fails: (what it exits with, standard error)."""
    for name in ("ONSHELL_TRACEBACK", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)

    def run(fail, *arguments):
        monkeypatch.setattr(verb, "apart", fail)
        monkeypatch.setattr(sys, "argv", ["onshell", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (raising(KeyError("px")), "KeyError: 'px'; unexpected"),
        (raising(ValueError("two\nlines")), "ValueError: two lines; unexpected"),
        (raising(AssertionError()), "AssertionError; unexpected"),
        (raising(OnshellError("a.parquet:\nno such file")), "a.parquet: no such file"),
        (raising(MemoryError()), "not enough memory"),
        (raising(RuntimeError("DefaultCPUAllocator: can't allocate memory")), "not enough memory"),
        (raising(PermissionError(13, "Permission denied", "a.parquet")), "a.parquet: Permission denied"),
        (recurse, "RecursionError: maximum recursion depth"),
    ],
)
def test_any_error_is_one_line(failing, fail, said):
    code, error = failing(fail, "show", "a.parquet")
    assert error == ""
    assert code.startswith(f"onshell: error: {said}")
    assert "\n" not in code


@pytest.mark.parametrize("words", [("--traceback", "show", "a"), ("show", "a", "--traceback"), ("show", "a")])
def test_the_traceback_is_shown_when_it_is_asked_for(failing, monkeypatch, words):
    if "--traceback" not in words:
        monkeypatch.setenv("ONSHELL_TRACEBACK", "1")
    code, error = failing(raising(KeyError("px")), *words)
    assert "Traceback" in error
    assert "in fail" in error
    assert code.startswith("onshell: error: KeyError: 'px'")


def test_a_path_that_is_no_text_is_refused(failing):
    code, _ = failing(raising(AssertionError()), "show", os.fsdecode(b"b\xff.parquet"))
    assert code.startswith("onshell: error: 'b\\udcff.parquet': is not UTF-8 text")


def test_a_notebooks_way_to_show_figures_is_not_that_of_files(failing, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    failing(raising(OnshellError("stop here")), "show", "a.parquet")
    assert os.environ["MPLBACKEND"] == "agg"


def test_an_error_of_the_system_without_a_file_names_what_was_printed_to():
    assert unexpected(OSError(28, "No space left on device")).startswith(
        "standard output, or a file beside it: No space"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_device_behind_standard_output_is_told():
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([*ONSHELL, "version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("onshell: error: standard output: cannot be written (No space left on device)")
    assert done.stderr.count("\n") == 1


def test_output_that_nobody_reads_ends_the_work_without_a_word():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*ONSHELL, "version"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode != 0
    assert done.stderr == ""


def test_streams_that_are_closed_take_no_product_into_them(tmp_path):
    look = "import os, sys; from onshell.core.console import prepare_streams, say; prepare_streams(); say('lost'); "
    look += "sys.stdout.flush(); file = open(sys.argv[1], 'w'); assert file.fileno() > 2; os.write(1, b'lost')"
    command = '"$0" -c "$1" "$2" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", command, sys.executable, look, str(tmp_path / "x")], check=False)
    assert (done.returncode, (tmp_path / "x").read_text()) == (0, "")
