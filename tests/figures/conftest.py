"""One small set of inputs for all figures and tables, each figure drawn once."""

import pandas as pd
import pytest

from helpers.entries import FIGURES
from helpers.products import everything
from onshell.figures.registry import draw_figure


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("products"))


@pytest.fixture(scope="session")
def drawn(files, tmp_path_factory):
    """Return a function that draws a figure once and gives back its folder."""
    folder = tmp_path_factory.mktemp("figures")

    def draw(name):
        if not (folder / f"{name}.csv").exists():
            draw_figure(name, FIGURES[name], files, folder / name)
        return folder

    return draw


@pytest.fixture(scope="session")
def numbers(drawn):
    """Return a function that gives the drawn numbers of a figure."""
    return lambda name: pd.read_csv(drawn(name) / f"{name}.csv")


@pytest.fixture
def redrawn(files, tmp_path):
    """Return a function that draws a figure from another entry or other files, and gives back its numbers."""

    def draw(name, entry=None, **kinds):
        draw_figure(name, FIGURES[name] | (entry or {}), files | kinds, tmp_path / name)
        return pd.read_csv(tmp_path / f"{name}.csv")

    return draw
