"""Adams-Bashforth steps on any grid."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

ORDER = 3
"""The method looks back at as many velocities."""


class Multistep:
    """Steps of Adams and Bashforth on any grid: error O(h^3), one evaluation each.

    The velocity is interpolated through its last three values. The second step starts at t = 1 again with the two
    velocities that are then known, which removes the error O(h^2) of the first.
    """

    def __init__(self, velocity: Callable[[Tensor, float], Tensor]):
        self.velocity = velocity
        self.past: list[tuple[float, Tensor]] = []
        self.origin: tuple[Tensor, float]

    def __call__(self, x: Tensor, t: float, h: float) -> Tensor:
        """Return the state at t + h from `x` at t; more steps from the same t cost nothing."""
        if not self.past or self.past[0][0] != t:
            self.past = [(t, self.velocity(x, t)), *self.past][:ORDER]
            self.origin = self.origin if len(self.past) == 2 else (x, t)
        x, begin = self.origin
        nodes, slopes = zip(*self.past, strict=True)
        weights = bashforth(nodes, begin, t + h)
        return x + sum(weight * slope for weight, slope in zip(weights, slopes, strict=True))


def bashforth(nodes: Sequence[float], begin: float, end: float) -> list[float]:
    """Return the weights w with sum w_i v(node_i) = the integral from `begin` to `end` of v interpolated at `nodes`."""
    weights = []
    for i, node in enumerate(nodes):
        others = [other for j, other in enumerate(nodes) if j != i]
        # Shifted to the node, so that close nodes lose no digits.
        basis = np.poly1d([1.0])
        for other in others:
            basis *= np.poly1d([1.0, node - other]) / (node - other)
        whole = basis.integ()
        weights.append(float(whole(end - node) - whole(begin - node)))
    return weights
