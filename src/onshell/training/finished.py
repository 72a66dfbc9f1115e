"""What a training that is over leaves in a hidden folder, so that nobody trains the same model twice.

A workflow that was killed outright takes the products of jobs that went on without it for unfinished, and removes them
before it runs the jobs again. Same settings, data, device and code give the same model: it is brought back.
"""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch

import onshell
from onshell.files import whole

PRODUCTS = ("model.pt", "history.csv", "run.json")
ROOMS = ("models", "physics", "training", "streams.py")
"""The parts of the package that a model depends on, besides its settings and data."""


def memory(out: Path, key: str) -> Path:
    """Return the hidden folder in `out` for the products of the training `key` by the code as it is."""
    digest = hashlib.sha256(f"{key} {torch.__version__}".encode())
    package = Path(onshell.__file__).parent
    for source in sorted(file for room in ROOMS for file in _sources(package / room)):
        digest.update(str(source.relative_to(package)).encode() + source.read_bytes())
    return out / f".finished-{digest.hexdigest()[:12]}"


def _sources(place: Path) -> Sequence[Path]:
    """Return the Python files at `place`."""
    return [place] if place.is_file() else list(place.rglob("*.py"))


def remember(out: Path, key: str) -> None:
    """Keep copies of the products in `out` of the training `key`, and forget those of any other."""
    folder = memory(out, key)
    for name in PRODUCTS:
        _copy(out / name, folder / name)
    for other in out.glob(".finished-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def recall(out: Path, key: str) -> bool:
    """Return whether the training `key` is over; its products are then in `out` again."""
    folder = memory(out, key)
    if not all((folder / name).is_file() for name in PRODUCTS):
        return False
    for name in PRODUCTS:
        _copy(folder / name, out / name)
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a file, whole or not at all."""
    with whole(target) as part:
        shutil.copyfile(source, part)
