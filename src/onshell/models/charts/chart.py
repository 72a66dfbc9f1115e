"""What a chart of q-space is."""

from abc import ABC, abstractmethod

import numpy as np
from torch import Tensor

from onshell.physics import rambo


class Chart(ABC):
    """Coordinates y of events q [n, N, 3]: paths in them, and steps that cannot leave them.

    States y [n, N, ...] are float64 or complex128 and lie in a linear space, in which solvers add up `tangent`s;
    `settle` brings what they made back onto the chart. What a network predicts is u [n, N, 3], a velocity in units
    that suit the chart, of the size of 1 everywhere on it.
    """

    @abstractmethod
    def lift(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
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

    def settle(self, y: Tensor) -> Tensor:
        """Return `y`, which lies near the chart, on the chart."""
        return y

    @abstractmethod
    def speed(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return s of dq/dt = s u at |q| = `length`, and ds/d|q|."""

    def prior(self, n: int, n_particles: int, rng: np.random.Generator) -> Tensor:
        """Return `n` states of p_ref (8)."""
        return self.lift(rambo.sample_prior(n, n_particles, rng), rng)

    def likeness(self, start: Tensor, end: Tensor) -> Tensor:
        """Return how near each particle of `start` is to each of `end`, [n, N, N]: more for a shorter path."""
        return -self.apart(start[:, :, None], end[:, None])

    @abstractmethod
    def apart(self, start: Tensor, end: Tensor) -> Tensor:
        """Return the squared length of the shortest path between particles, in the metric of |u|^2."""


def per_event(t: Tensor, y: Tensor) -> Tensor:
    """Return the numbers `t` [n] on the device of the states `y` [n, N, k], as [n, 1, 1]."""
    return t.to(y.device)[:, None, None]
