"""The chart `q`: momenta themselves."""

import numpy as np
import torch
from torch import Tensor

from onshell.models.charts.chart import Chart, per_event


class Flat(Chart):
    """y = q: paths are straight lines (12), u = dq/dt. Serves p-space as well."""

    def lift(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return `q` itself."""
        return q

    def to_q(self, y: Tensor) -> Tensor:
        """Return `y` itself."""
        return y

    def path(self, start: Tensor, end: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return q_t of (12) and q_1 - q_0 [n, N, 3]."""
        return torch.lerp(start, end, per_event(t, start)), end - start

    def tangent(self, y: Tensor, u: Tensor) -> Tensor:
        """Return `u` itself."""
        return u

    def speed(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 and 0."""
        return torch.ones_like(length), torch.zeros_like(length)

    def apart(self, start: Tensor, end: Tensor) -> Tensor:
        """Return |q_1 - q_0|^2."""
        return (end - start).square().sum(-1)
