"""What a training leaves beside its model: the history of its epochs and the record of the run."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onshell.config import digest
from onshell.files import whole, write_json

HISTORY = ("epoch", "loss", "lr", "grad_norm", "seconds", "events_per_s")


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one line per epoch."""
    with whole(path) as part, part.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HISTORY)
        writer.writeheader()
        writer.writerows(history)


def write_record(path: Path, spec: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Write what was trained, and in `record` how it went and where it comes from."""
    write_json(path, {"spec": spec, "config_hash": digest(dict(spec)), **record})


def clock(seconds: float) -> str:
    """Return a time as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
