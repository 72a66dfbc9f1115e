import copy
import functools
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
import yaml

from helpers.clones import PARTS, ROOT
from onshell import config as configuration
from onshell.config.profile import read_profile
from onshell.doctor.check import Context


@functools.cache
def _config():
    return configuration.load(ROOT / "config.yaml")


@pytest.fixture
def config():
    """The configuration of the repository, for a test to change."""
    return copy.deepcopy(_config())


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A function that puts a shell script of some name first on PATH, where else there are only the usual commands."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def put(name, script):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return put


@pytest.fixture
def clone(tmp_path):
    """A folder with the workflow in it."""
    for part in PARTS:
        source = ROOT / part
        target = tmp_path / "clone" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    return tmp_path / "clone"


@pytest.fixture
def context(config, clone):
    """A function that makes the context of a check, with a profile of these options, in a clone of the workflow."""

    def make(profile=None, device="auto", **options):
        if profile is None and not options:
            return Context(config, clone, device=device)
        path = clone / "profiles" / "site" / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        content = {key.replace("_", "-"): value for key, value in options.items()}
        path.write_text(profile if isinstance(profile, str) else yaml.safe_dump(content))
        return Context(config, clone, read_profile(Path("profiles/site"), clone), device)

    return make


@pytest.fixture
def slurm(programs):
    """A cluster of two partitions; a test may say otherwise, command by command."""

    def put(name, script):
        programs(name, script)

    for name in ("sbatch", "squeue", "scancel"):
        put(name, "exit 0")
    put(
        "sinfo",
        'case "$*" in\n'
        '--version) echo "slurm 22.05.8";;\n'
        '*-o\\ %P) printf "cpu*\\ngpu\\n";;\n'
        '*-p\\ cpu*%l) echo "2:00:00";;\n'
        '*%l) echo "infinite";;\n'
        '*%G) printf "(null)\\ngpu:a100:4(S:0-1)\\ngpu:h100:8\\n";;\n'
        "*) exit 1;; esac",
    )
    put("sacctmgr", 'printf "   physics\\n   theory\\n"')
    put("sshare", "exit 1")
    put("scontrol", 'printf "AccountingStorageType = (null)\\nMinJobAge = 300 sec\\nPreemptMode = OFF\\n"')
    return put


@pytest.fixture
def activated(monkeypatch):
    """PATH as an activated environment has it."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
