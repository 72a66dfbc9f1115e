"""What a figure draws, without the pictures: these take nearly all of the time."""

import io

import pandas as pd

from onshell.figures import registry
from onshell.figures.canvas import styled
from onshell.figures.data import FigureData


def canvas_of(name, entry, files):
    """Return the canvas of a figure."""
    with styled():
        return registry.FIGURES[entry.get("draw", name)](FigureData(entry, files))


def numbers_of(canvas, name):
    """Return the drawn numbers of a canvas, as its file has them."""
    return pd.read_csv(io.StringIO(canvas.table(name).to_csv(index=False, float_format="%.10g")))
