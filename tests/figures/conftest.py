"""One small set of inputs for all figures and tables, each figure drawn once."""

import pandas as pd
import pytest

from helpers.entries import FIGURES
from helpers.products import everything
from onshell.figures import registry
from onshell.figures.canvas import styled
from onshell.figures.data import FigureData


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("products"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="session")
def canvas(files, folder):
    """Return a function that draws a figure once, into `folder`, and gives back its canvas."""
    found = {}

    def draw(name):
        if name not in found:
            with styled():
                found[name] = registry.FIGURES[name](FigureData(FIGURES[name], files))
                found[name].save_all(folder / name, name)
        return found[name]

    return draw


@pytest.fixture(scope="session")
def numbers(canvas, folder):
    """Return a function that gives the drawn numbers of a figure, as written."""

    def read(name):
        canvas(name)
        return pd.read_csv(folder / f"{name}.csv")

    return read


@pytest.fixture
def redrawn(files, tmp_path):
    """Return a function that draws a figure from another entry or other files, and gives back its numbers."""

    def draw(name, entry=None, **kinds):
        registry.draw_figure(name, FIGURES[name] | (entry or {}), files | kinds, tmp_path / name)
        return pd.read_csv(tmp_path / f"{name}.csv")

    return draw
