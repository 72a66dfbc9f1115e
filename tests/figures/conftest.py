"""One small set of inputs for all figures and tables, each figure composed once."""

import pytest

from helpers.drawing import canvas_of, numbers_of
from helpers.entries import FIGURES
from helpers.products import everything


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("products"))


@pytest.fixture(scope="session")
def canvas(files):
    """Return a function that composes a figure once and gives back its canvas."""
    found = {}

    def draw(name):
        if name not in found:
            found[name] = canvas_of(name, FIGURES[name], files)
        return found[name]

    return draw


@pytest.fixture(scope="session")
def numbers(canvas):
    """Return a function that gives the drawn numbers of a figure, as written."""
    return lambda name: numbers_of(canvas(name), name)


@pytest.fixture
def redrawn(files):
    """Return a function that composes a figure from another entry or other files, and gives back its numbers."""

    def draw(name, entry=None, **kinds):
        return numbers_of(canvas_of(name, FIGURES[name] | (entry or {}), files | kinds), name)

    return draw
