"""What a run left, and whether it is what an undisturbed one leaves."""

import csv
import re
from pathlib import Path

from helpers.disk import names
from onshell import config as configuration
from onshell.config.layout import Layout

TIMES = ("seconds", "events_per_s")
LEFT = {"model.pt", "history.csv", "run.json"}


def epochs(told: str) -> list[int]:
    """Return the epochs that a training has said to be over, in the order of its log."""
    return [int(number) for number in re.findall(r": epoch (\d+)/\d+ ", told)]


def number_of_epochs(config: dict, run: str) -> int:
    """Return how many epochs a run trains."""
    return configuration.run_spec(config, run)["training"]["epochs"]


def history(path: Path) -> list[dict[str, str]]:
    """Return the rows of a history, without what a clock has measured."""
    with path.open() as handle:
        return [{key: value for key, value in row.items() if key not in TIMES} for row in csv.DictReader(handle)]


def assert_same_model(ours: Path, theirs: Path, layout: Layout, run: str) -> None:
    """The run in the clone `ours` has the model and history of that in `theirs`: bytes, and every number."""
    assert (ours / layout.model(run)).read_bytes() == (theirs / layout.model(run)).read_bytes()
    csv_path = layout.model(run).replace("model.pt", "history.csv")
    assert history(ours / csv_path) == history(theirs / csv_path)


def assert_nothing_half_written(folder: Path) -> None:
    """A run's folder holds its products and the hidden copy of them, no state, no claim and no part of a file."""
    found = set(names(folder))
    assert {name for name in found if not name.startswith(".finished-")} == LEFT
    parts = [str(path) for path in folder.rglob("*") if ".part" in path.name]
    assert parts == []


def assert_trained_once(told: str, number: int, lost: int = 0) -> None:
    """Of all epochs, 1 to `number`, each was trained once; `lost` may be untold, cut off by a kill outright."""
    found = epochs(told)
    assert sorted(set(found)) == sorted(found), f"twice: {found}"
    assert set(found) <= set(range(1, number + 1))
    assert len(found) >= number - lost, f"missing: {found}"
