"""Dalitz planes and unit squares of three particles, side by side, and the ratios of models to truth."""

import numpy as np
from torch import Tensor

from onshell.evaluation.observables import observable
from onshell.figures.canvas import Canvas
from onshell.figures.maps import Frame, Map, maps, ratio_maps
from onshell.figures.series import Array
from onshell.physics.kinematics import energies
from onshell.physics.observables import rosenblatt

TRIANGLE = np.array([[0.0, 0.5], [0.5, 0.5], [0.5, 0.0]])
DALITZ = Frame("dalitz", 0.0, 0.5, (observable("E_1").axis, observable("E_2").axis), TRIANGLE)
SQUARE = Frame("u_1 u_2", 0.0, 1.0, (observable("u_1").axis, observable("u_2").axis))
RATIO_ENTRIES = 500.0
"""Entries a bin of a ratio: with fewer, it would show the noise of truth and model rather than their difference."""


def plane(title: str, p: Tensor, *, model: bool = False, weights: Array | None = None) -> Map:
    """Return the Dalitz plane (E_1, E_2) of events [n, 3, 3] with weights [n]."""
    e = energies(p).numpy()
    return Map(title, e[:, 0], e[:, 1], model, weights)


def unit_square(title: str, p: Tensor, *, model: bool = False) -> Map:
    """Return the plane (u_1, u_2) of events [n, 3, 3] (16)."""
    u_1, u_2 = rosenblatt(p)
    return Map(title, u_1.numpy(), u_2.numpy(), model)


def bins(shown: list[Map], per_bin: float, low: int = 10, share: float = 1.0) -> int:
    """Return how many bins a side, `low` to 60, give about `per_bin` entries a bin in the smallest sample.

    `share` is the part of the square that is allowed.
    """
    return int(np.clip(np.sqrt(min(len(m.x) for m in shown) / per_bin / share), low, 60))


def dalitz_row(canvas: Canvas, shown: list[Map], *, log: bool = False) -> None:
    """Draw Dalitz planes side by side on one colour scale, and below each model its ratio to truth."""
    maps(canvas, shown, DALITZ, bins=bins(shown, 60.0, share=0.5), log=log)
    if any(m.model for m in shown):
        ratio_maps(canvas, shown, DALITZ, bins=bins(shown, RATIO_ENTRIES, 8, share=0.5))


def unit_row(canvas: Canvas, shown: list[Map]) -> None:
    """Draw the (u_1, u_2) planes side by side on one colour scale, and below each model its ratio to truth.

    Truth is flat up to sqrt(n).
    """
    maps(canvas, shown, SQUARE, bins=bins(shown, 150.0), zero=False)
    ratio_maps(canvas, shown, SQUARE, bins=bins(shown, 2 * RATIO_ENTRIES, 8))
