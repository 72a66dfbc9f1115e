"""What a figure asks of its inputs, and what it says when they do not fit."""

import pytest

from helpers.entries import FIGURES as ENTRIES
from onshell.core.errors import OnshellError
from onshell.events.table import read_events, write_events
from onshell.figures.data import FigureData


def test_models_are_called_by_space_and_family(files):
    data = FigureData(ENTRIES["fig13"], files)
    names = ["$q$-space diffusion", "$q$-space flow matching", "$p$-space diffusion", "$p$-space flow matching"]
    assert [data.model(role) for role in ("A30", "F1", "P1", "P2")] == names


def test_a_figure_of_models_needs_one():
    with pytest.raises(OnshellError, match="runs: this figure needs at least one; name it in the figure's `runs`"):
        FigureData({"runs": {}}, {}).roles  # noqa: B018


def test_the_truth_of_a_model_is_that_of_its_metadata_or_else_of_its_name(files, tmp_path):
    data = FigureData(ENTRIES["fig12"], files)
    assert [data.dataset_of(role) for role in ("A40", "A20")] == ["aps_40", "aps_20"]
    run = ENTRIES["fig12"]["runs"]["A40"]
    path = tmp_path / "other.parquet"
    write_events(path, [read_events(files["samples"][run]).momenta[:5]], {"dataset": "aps_30"})
    other = FigureData(ENTRIES["fig12"], files | {"samples": files["samples"] | {run: path}})
    assert other.dataset_of("A40") == "aps_30"
