"""Checks of the software: Python, the pinned packages, and the commands that jobs call."""

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from onshell.config import PROJECT
from onshell.core.format import shorten
from onshell.doctor.check import Check, Context, checker, fault, ok, warning

LOCK = PROJECT / "envs" / "requirements.lock"
OLDEST, NEWEST = (3, 11), (3, 13)
MODULES = {"pillow": "PIL", "pyyaml": "yaml", "scikit-learn": "sklearn"}


@checker()
def python(context: Context) -> Check:
    """Return whether this Python is one that the package runs on."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST:
        return fault(f"{found}, too old", "make the environment anew with Python 3.11 ... 3.13")
    if sys.version_info[:2] > NEWEST:
        return warning(f"{found}, newer than any that was tried", "if anything is odd, use Python 3.11 ... 3.13")
    return ok(f"{found}, {sys.executable}")


@checker()
def packages(context: Context) -> Check:
    """Return whether the packages that the package needs are here, in the pinned versions."""
    pins = dict(_pins())
    if not pins:
        return warning(f"{LOCK} is missing, so versions cannot be compared", "install from a clone: pip install -e .")
    needed = {_plain(name) for name in _needed()}
    missing, other, same = [], [], 0
    for name, pinned in pins.items():
        try:
            found = version(name).partition("+")[0]
        except PackageNotFoundError:
            missing += [name] if _plain(name) in needed else []
            continue
        same += found == pinned
        other += [] if found == pinned else [f"{name} {found} ({pinned})"]
    if missing:
        return fault(f"missing: {shorten(missing)}", f"pip install --no-deps -r {LOCK}")
    if other:
        return warning(f"other than pinned: {shorten(other)}", f"for the same numbers: pip install --no-deps -r {LOCK}")
    return ok(f"{same} packages as pinned in {LOCK.name}")


@checker()
def imports(context: Context) -> Check:
    """Return whether the libraries of the package can be imported."""
    broken = []
    for name in _needed():
        try:
            importlib.import_module(MODULES.get(name, name))
        except Exception as error:  # a damaged library raises whatever it likes
            broken.append(f"{name} ({type(error).__name__}: {' '.join(str(error).split()):.120})")
    if broken:
        return fault(f"cannot be imported: {shorten(broken, 2)}", f"pip install --force-reinstall --no-deps -r {LOCK}")
    return ok("every library that the package needs")


@checker()
def commands(context: Context) -> Check:
    """Return whether the commands that jobs and people call are those of this environment."""
    here = Path(sys.executable).parent
    for name in ("onshell", "snakemake"):
        path = shutil.which(name)
        activate = f"activate the environment: export PATH={here}:$PATH"
        if path is None and (here / name).exists():
            return fault(f"`{name}` is not on PATH, where jobs look for it", activate)
        if path is None:
            return fault(f"`{name}` is not installed", "make setup")
        if Path(path).parent.resolve() != here.resolve():
            return warning(f"`{name}` on PATH is {path}, of another environment than this Python", activate)
    return ok(f"onshell and snakemake in {here}")


@checker(lambda context: context.on_slurm)
def plugin(context: Context) -> Check | None:
    """Return whether Snakemake has the plugin that hands jobs to Slurm."""
    name = "snakemake_executor_plugin_slurm"
    if find_spec(name) is None:
        return fault(f"{name} is not installed", "pip install snakemake-executor-plugin-slurm")
    try:
        importlib.import_module(name)
    except Exception as error:  # a plugin of another Snakemake raises whatever it likes
        remedy = f"pip install --no-deps -r {LOCK}"
        return fault(f"{name} cannot be imported ({' '.join(str(error).split()):.150})", remedy)
    return ok(f"executor plugin slurm {version(name)}")


def _pins() -> Iterator[tuple[str, str]]:
    """Yield the pinned packages with their versions."""
    for line in LOCK.read_text(encoding="utf-8").splitlines() if LOCK.is_file() else ():
        if pin := re.match(r"([\w.-]+)==(\S+)", line):
            yield pin[1], pin[2]


def _needed() -> list[str]:
    """Return the names of the packages that ours needs to run."""
    try:
        lines = requires("onshell") or []
    except PackageNotFoundError:
        return []
    return [re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines if "extra ==" not in line]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
