"""All checks together, and the verb."""

import json
import sys

import pytest

from onshell import cli
from onshell.doctor import check, storage
from onshell.doctor.check import fault, ok, run_checks, warning


def test_this_machine_has_no_fault(context, activated):
    found = [*run_checks(context())]
    assert not [one for one in found if one.level == "fault"]
    assert {"python", "gpus", "multiplication", "results", "space", "default profile"} <= {one.check for one in found}


def test_a_check_that_breaks_is_a_fault_of_its_own_and_the_others_go_on(context, monkeypatch):
    def broken(context):
        return {}["nothing"]

    monkeypatch.setattr(check, "CHECKS", [broken, storage.scratch])
    first, second = run_checks(context())
    assert first.line() == (
        "fault    broken           this check broke off (KeyError: 'nothing'); report it, and look by hand"
    )
    assert second.level == "ok"


@pytest.fixture
def onshell(clone, monkeypatch, capsys, activated):
    """A function that runs `onshell doctor` in a clone: (exit code, output, error)."""
    monkeypatch.chdir(clone)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["onshell", "doctor", *arguments])
        path, code = list(sys.path), 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.path[:] = path
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def three(monkeypatch):
    """Three checks, the last of which finds what a test says."""
    found = [ok("fine"), warning("not quite", "do this"), ok("fine")]

    def made(number):
        def one(context):
            return found[number]

        one.__name__ = f"check_{number}"
        return one

    monkeypatch.setattr(check, "CHECKS", list(map(made, range(3))))
    return found


def test_a_line_for_each_check_and_the_exit_code(onshell, three):
    code, out, _ = onshell()
    assert code == 0
    assert out.splitlines() == [
        "ok       check 0          fine",
        "warning  check 1          not quite; do this",
        "ok       check 2          fine",
        "3 checks, 1 warnings, 0 faults",
    ]
    three[2] = fault("bad", "do that")
    assert onshell()[0] == 1


def test_json_is_one_document(onshell, three):
    three[2] = fault("bad", "do that")
    code, out, _ = onshell("--json")
    document = json.loads(out)
    assert code == 1
    assert (document["warning"], document["fault"]) == (1, 1)
    assert document["checks"][2] == {"level": "fault", "found": "bad", "remedy": "do that", "check": "check 2"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "profiles/slrum"], "--profile profiles/slrum: no such profile"),
        (["--device", "cdua"], "--device: 'cdua' is not a kind of device; did you mean 'cuda'?"),
        (["--scale", "papr"], "scale: 'papr' is not a scale; did you mean 'paper'?"),
    ],
)
def test_what_is_wrong_with_the_call_is_one_line(arguments, message, onshell, three):
    code, out, _ = onshell(*arguments)
    assert str(code).startswith("onshell: error: ")
    assert message in str(code)
    assert out == ""
