"""What a training leaves beside its model: the history of its epochs and the record of the run."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from onshell.config import digest
from onshell.core.files import whole, write_json

HISTORY = ("epoch", "loss", "lr", "grad_norm", "seconds", "events_per_s")


def write_history(path: Path, history: list[dict[str, float]], ready: Callable[[], None] | None = None) -> None:
    """Write one line per epoch; `ready` as in `files.whole`."""
    with whole(path, ready) as part, part.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HISTORY)
        writer.writeheader()
        writer.writerows(history)


def write_record(
    path: Path, spec: Mapping[str, Any], record: Mapping[str, Any], ready: Callable[[], None] | None = None
) -> None:
    """Write what was trained, and in `record` how it went and where it comes from; `ready` as in `files.whole`."""
    write_json(path, {"spec": spec, "config_hash": digest(dict(spec)), **record}, ready)
