"""What a chart of q-space is, and the chart `q`: momenta themselves."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from onshell.physics import rambo


class Chart(ABC):
    """Coordinates y of events q [n, N, 3]: paths in them, and steps that cannot leave them.

    States y [n, N, ...] are float64 or complex128 and lie in a linear space, in which solvers add up `tangent`s;
    `project` brings what they made back onto the chart. What a network predicts is u [n, N, 3], a velocity in units
    that suit the chart, of the size of 1 everywhere on it.
    """

    @abstractmethod
    def to_chart(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return a state of the events `q` [n, N, 3]; coordinates that q leaves open are drawn by `rng`, if given."""

    @abstractmethod
    def to_q(self, y: Tensor) -> Tensor:
        """Return the events q [n, N, 3] of the states `y`."""

    @abstractmethod
    def path(self, start: Tensor, end: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the state at `t` [n] between `start` (t = 0) and `end` (t = 1), and its velocity u [n, N, 3]."""

    @abstractmethod
    def tangent(self, y: Tensor, u: Tensor) -> Tensor:
        """Return dy/dt of states `y` with velocity `u` [n, N, 3]."""

    def project(self, y: Tensor) -> Tensor:
        """Return `y`, which lies near the chart, on the chart."""
        return y

    @abstractmethod
    def speed(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return s of dq/dt = s u at |q| = `length`, and ds/d|q|."""

    def prior(self, n: int, n_particles: int, rng: np.random.Generator) -> Tensor:
        """Return `n` states of p_ref (8)."""
        return self.to_chart(rambo.sample_prior(n, n_particles, rng), rng)

    def cost(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the squared distance [n, N, N] between each particle of `start` and each of `end`."""
        return self.distance2(start[:, :, None], end[:, None])

    def aligned(self, start: Tensor, end: Tensor) -> Tensor:
        """Return `start` with the phases that make paths to `end` shortest; in most charts there are none."""
        return start

    @abstractmethod
    def distance2(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the squared length of the shortest path between particles, in the metric of |u|^2."""


def per_event(t: Tensor, y: Tensor) -> Tensor:
    """Return the numbers `t` [n] on the device of the states `y` [n, N, k], as [n, 1, 1]."""
    return t.to(y.device)[:, None, None]


class Flat(Chart):
    """y = q: paths are straight lines (12), u = dq/dt. Serves p-space as well."""

    def to_chart(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
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

    def distance2(self, start: Tensor, end: Tensor) -> Tensor:
        """Return |q_1 - q_0|^2."""
        return (end - start).square().sum(-1)
