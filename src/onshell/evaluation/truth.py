"""The truth that models are judged by."""

import os

from onshell.errors import OnshellError
from onshell.evaluation.resampling import Pool
from onshell.evaluation.weights import COLUMNS, weights_of
from onshell.events.table import Events, read_events, read_metadata


def held_out(path: str | os.PathLike[str]) -> Events:
    """Return the test part of a truth file, which no model saw; every event of a file without a split."""
    rows = "test" if read_metadata(path).get("split") else None
    return some(path, read_events(path, space="p", rows=rows, columns=COLUMNS))


def pool_of(path: str | os.PathLike[str]) -> Pool | None:
    """Return all events of a table that `onshell import` made, to draw truth from; None for any other."""
    if "lhe" not in read_metadata(path):
        return None
    events = read_events(path, space="p", columns=COLUMNS)
    return Pool(events.momenta, weights_of(events, path))


def some(path: str | os.PathLike[str], events: Events) -> Events:
    """Return `events`, read from `path`, if there are any."""
    if not len(events):
        raise OnshellError(f"{path}: no events in the part that is needed; make it again with more than 0")
    return events
