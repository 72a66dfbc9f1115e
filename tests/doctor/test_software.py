"""Checks of the software, in environments that lack this or that."""

import importlib
import sys
from pathlib import Path

import pytest

from onshell.doctor import software


def test_the_environment_of_the_tests_is_in_order(context, activated):
    for check in (software.python, software.imports, software.commands):
        assert check(context()).level == "ok", check(context())


@pytest.mark.parametrize(
    ("version", "level"), [((3, 10, 9), "fault"), ((3, 11, 0), "ok"), ((3, 13, 1), "ok"), ((3, 99, 0), "warning")]
)
def test_python_may_be_too_old_or_too_new(version, level, context, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    assert software.python(context()).level == level


def pinned(monkeypatch, tmp_path, *lines):
    path = tmp_path / "requirements.lock"
    path.write_text("# a comment\n" + "\n".join(lines) + "\n")
    monkeypatch.setattr(software, "LOCK", path)


def test_versions_are_compared_with_the_lock(context, monkeypatch, tmp_path):
    monkeypatch.setattr(software, "version", {"numpy": "2.4.6", "torch": "2.13.0+cpu", "polars": "1"}.__getitem__)
    pinned(monkeypatch, tmp_path, "numpy==2.4.6", "torch==2.13.0")
    assert software.packages(context()).found == "2 packages as pinned in requirements.lock"
    pinned(monkeypatch, tmp_path, "numpy==2.4.7", "torch==2.13.0")
    found = software.packages(context())
    assert (found.level, found.found) == ("warning", "other than pinned: numpy 2.4.6 (2.4.7)")


def test_a_package_that_is_needed_and_missing_is_a_fault_and_one_of_the_tests_is_none(context, monkeypatch, tmp_path):
    pinned(monkeypatch, tmp_path, "torch==2.13.0", "polars==1.0")

    def version(name):
        raise software.PackageNotFoundError(name)

    monkeypatch.setattr(software, "version", version)
    found = software.packages(context())
    assert (found.level, found.found) == ("fault", "missing: torch")
    assert found.remedy.startswith("pip install --no-deps -r ")


def test_without_a_lock_nothing_can_be_compared(context, monkeypatch, tmp_path):
    monkeypatch.setattr(software, "LOCK", tmp_path / "none.lock")
    assert software.packages(context()).level == "warning"


def test_a_library_that_cannot_be_imported_is_named(context, monkeypatch):
    plain = importlib.import_module

    def broken(name):
        if name == "scipy":
            raise OSError("libgfortran.so.5: cannot open shared object file")
        return plain(name)

    monkeypatch.setattr(software.importlib, "import_module", broken)
    found = software.imports(context())
    assert found.level == "fault"
    assert "scipy (OSError: libgfortran.so.5" in found.found


def test_commands_that_are_not_on_path_or_of_another_environment_are_told(context, programs, monkeypatch):
    found = software.commands(context())
    assert (found.level, found.found) == ("fault", "`onshell` is not on PATH, where jobs look for it")
    assert f"export PATH={Path(sys.executable).parent}:$PATH" in found.remedy
    other = programs("onshell", "exit 0")
    found = software.commands(context())
    assert (found.level, found.found) == (
        "warning",
        f"`onshell` on PATH is {other}, of another environment than this Python",
    )


def test_the_plugin_is_looked_for_only_where_jobs_go_to_slurm(context, monkeypatch):
    assert software.plugin(context()) is None
    assert software.plugin(context(jobs=2)) is None
    assert software.plugin(context(executor="slurm")).found.startswith("executor plugin slurm 2.")
    monkeypatch.setattr(software, "find_spec", lambda name: None)
    assert software.plugin(context(executor="slurm")).level == "fault"


def test_a_plugin_of_another_snakemake_is_told(context, monkeypatch):
    def broken(name):
        raise TypeError("missing argument")

    monkeypatch.setattr(software.importlib, "import_module", broken)
    assert "cannot be imported (missing argument)" in software.plugin(context(executor="slurm")).found
