"""Custom code: found by its import path, and named in one line where it is not."""

import hashlib
import math
import signal
import sys

import pytest

from helpers.custom import custom_folder
from onshell.core import custom
from onshell.core.console import stop
from onshell.core.errors import OnshellError

__all__ = ["custom_folder"]


def test_a_file_in_the_folder_where_one_runs_is_found_and_so_is_an_installed_package(custom_folder):
    custom_folder.write("def block():\n    return 7\n", "mine")
    assert custom.find("mine:block", "generator")() == 7
    assert custom.find("math:sin", "target") is math.sin


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"network 'mine:Net' cannot be imported: No module named 'mine'; put mine\.py where you run"),
        ("import no_such_thing", r"No module named 'no_such_thing' \(mine\.py, line 1\); install what it needs"),
        ("x = 1\ny = x / 0\n", r"ZeroDivisionError: division by zero \(mine\.py, line 2\); fix mine\.py"),
        ("def f(:", r"SyntaxError: .*\(mine\.py, line 1\); fix mine\.py"),
        ("import sys\nsys.exit(3)\n", r"cannot be imported: SystemExit: 3 \(mine\.py, line 2\); fix mine\.py"),
        ("class E(BaseException): pass\nraise E('x')\n", r"E: x \(mine\.py, line 2\)"),
        ("def __getattr__(name): raise ValueError(name)\n", r"ValueError: \w+ \(mine\.py, line 1\)"),
        ("import math\nclass Nett:\n    pass\n", r"no 'Net' in .*mine\.py; did you mean 'Nett'\? \(known: Nett\)"),
    ],
)
def test_what_cannot_be_found_is_one_line(custom_folder, text, message):
    if text is not None:
        custom_folder.write(text, "mine")
    with pytest.raises(OnshellError, match=message) as caught:
        custom.find("mine:Net", "network")
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_a_package_is_named_by_its_path(custom_folder):
    with pytest.raises(OnshellError, match=r"put nets/mine\.py where you run"):
        custom.find("nets.mine:Net", "network")


def test_the_origin_is_the_file_that_the_code_is_written_in(custom_folder):
    file = custom_folder.write("def block():\n    pass\n", "mine")
    custom_folder.write("from mine import block\n", "other")
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    assert custom.origin("mine:block", "generator") == {"path": "mine:block", "file": "mine.py", "sha256": sha}
    assert custom.origin("other:block", "generator") == {"path": "other:block", "file": "mine.py", "sha256": sha}
    assert custom.origin("math:sin", "generator") == {"path": "math:sin", "file": None, "sha256": None}


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("a:B", True), ("a.b_2:C", True), ("a", False), ("a/b:C", False), ("a:b.c", False), ("a:", False), (":B", False)],
)
def test_import_paths(path, is_one):
    assert bool(custom.IMPORT_PATH.match(path)) == is_one


def test_an_interrupt_that_the_code_raises_itself_is_an_error_of_it(custom_folder, monkeypatch):
    custom_folder.write("raise KeyboardInterrupt\n", "mine")
    # As in the command line, where a signal has a handler of its own; without one it may have been Ctrl-C.
    monkeypatch.setattr(signal, "getsignal", lambda number: stop)
    with pytest.raises(OnshellError, match=r"KeyboardInterrupt: .*fix mine\.py"):
        custom.find("mine:block", "generator")
    monkeypatch.setattr(signal, "getsignal", lambda number: signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        custom.find("mine:block", "generator")


def test_a_signal_is_no_error_of_the_code(custom_folder):
    with pytest.raises(SystemExit), custom.guarded("network fails"):
        stop(signal.SIGTERM, None)
    with pytest.raises(OnshellError, match="network fails: SystemExit: 4"), custom.guarded("network fails"):
        sys.exit(4)


def test_a_data_file_alone_does_not_name_code(custom_folder):
    custom.check_named("mlp", None, "model.pt", "--network")
    custom.check_named("mine:Net", "mine:Net", "model.pt", "--network")
    for named in (None, "other:Net"):
        with pytest.raises(OnshellError, match=r"model\.pt: names code .* add --network mine:Net"):
            custom.check_named("mine:Net", named, "model.pt", "--network")
