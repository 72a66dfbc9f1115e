"""Mixtures a z_0 + b eps of data and noise that are known in closed form at every time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """z_t = a z_0 + b eps, t = 0 ... 1; `coefficients(t)` returns a, b and their derivatives by s = rate t.

    a db - b da = 1, so that z and v = dz/ds give z_0 and eps back.
    """

    rate: float
    coefficients: Callable[[Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]

    def at(self, t: float) -> tuple[float, float, float, float]:
        """Return a, b, da, db at one time."""
        a, b, da, db = (number.item() for number in self.coefficients(torch.tensor(t, dtype=torch.float64)))
        return a, b, da, db

    def ends(self, z: Tensor, v: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """Return z_0 and eps of a state `z` that moves by dz/ds = `v`; of a mean v they are the means of both."""
        a, b, da, db = self.at(t)
        return db * z - b * v, a * v - da * z

    def onward(self, start: float, end: float) -> tuple[float, float]:
        """Return c and d with z_end = c z_start + d noise, start <= end: the forward process between two times."""
        (a, b, *_), (later, total, *_) = self.at(start), self.at(end)
        c = later / a
        return c, math.sqrt(max(0.0, total**2 - (c * b) ** 2))

    def spread(self, t: float, after: float) -> float:
        """Return the standard deviation of z at the earlier time `after`, if z_t and z_0 are known: the posterior's."""
        (a, b, *_), (earlier, left, *_) = self.at(t), self.at(after)
        return left * math.sqrt(max(0.0, 1 - (a * left / (earlier * b)) ** 2))


def _line(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    one = torch.ones_like(t)
    return 1 - t, t, -one, one


def _arc(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    a, b = (math.pi / 2 * t).cos(), (math.pi / 2 * t).sin()
    return a, b, -b, a


LINE = Mixture(1.0, _line)
"""The straight line of flow matching (12)."""
ARC = Mixture(math.pi / 2, _arc)
"""cos(theta) z_0 + sin(theta) eps, theta = pi t/2: the Ornstein-Uhlenbeck process dz = -z ds + sqrt(2) dW, e^-s = a."""


def mixture_of(spec: Mapping[str, Any]) -> Mixture:
    """Return the mixture that the network of the run `spec` is trained on."""
    return ARC if spec["loss"]["type"] == "velocity" else LINE
