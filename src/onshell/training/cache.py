"""What a training that is over leaves in a hidden folder, so that nobody trains the same model twice.

A workflow that was killed outright takes the products of jobs that went on without it for unfinished, and removes them
before it runs the jobs again. Same settings, data, device and code give the same model: it is brought back.
"""

import hashlib
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch

from onshell import models, physics, training
from onshell.core import rng
from onshell.core.files import whole

PRODUCTS = ("model.pt", "history.csv", "run.json")
CODE = (models, physics, training, rng)
"""What of the package a model depends on, besides its settings and data."""


def cache_folder(out: Path, key: str) -> Path:
    """Return the hidden folder in `out` for the products of the training `key` by the code as it is."""
    digest = hashlib.sha256(f"{key} {torch.__version__}".encode())
    for module in CODE:
        file = Path(str(module.__file__))
        for source in sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]:
            digest.update(f"{module.__name__} {source.relative_to(file.parent)}".encode() + source.read_bytes())
    return out / f".finished-{digest.hexdigest()[:12]}"


def store(out: Path, key: str, check_claim: Callable[[], None]) -> None:
    """Copy the products in `out` of the training `key` into the cache, and drop those of any other.

    `check_claim` raises when another training writes into `out`, see `lease.claimed`.
    """
    folder = cache_folder(out, key)
    _copy(out, folder, check_claim)
    for other in out.glob(".finished-*"):
        if other != folder:
            check_claim()
            shutil.rmtree(other, ignore_errors=True)


def restore(out: Path, key: str, check_claim: Callable[[], None]) -> bool:
    """Return whether the training `key` is over; its products are then in `out` again. `check_claim` as above."""
    try:
        _copy(cache_folder(out, key), out, check_claim)
    except FileNotFoundError:
        return False
    return True


def _copy(source: Path, target: Path, check_claim: Callable[[], None]) -> None:
    """Copy the products in the folder `source` into `target`, each whole; none if one is missing."""
    with ExitStack() as stack:
        # Files that are open stay whole, whoever removes them meanwhile.
        handles = [stack.enter_context((source / name).open("rb")) for name in PRODUCTS]
        for name, handle in zip(PRODUCTS, handles, strict=True):
            with whole(target / name, check_claim) as part, part.open("wb") as copy:
                shutil.copyfileobj(handle, copy)
