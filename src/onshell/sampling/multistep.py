"""Adams-Bashforth steps on any grid that shrinks towards t = 0."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

ORDER = 4
"""The method looks back at as many velocities, unless it is told otherwise."""
OFFSET = 0.5
"""Velocities are interpolated as polynomials in ln(t + OFFSET)."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


class Multistep:
    """Steps of Adams and Bashforth on any grid, one evaluation each.

    Their error is O(h^order), that from the first of them O(h^3). The velocity is interpolated through its last `order`
    values, in ln(t + 0.5): near t = 0 fields change faster. Until as many are known, every step starts at t = 1 again,
    with all velocities that there are. A higher order needs more steps to be stable: 5 is right for 20 of them, 3 or 4
    for 10.
    """

    def __init__(self, velocity: Callable[[Tensor, float], Tensor], order: int = ORDER):
        self.velocity, self.order = velocity, order
        self.past: list[tuple[float, Tensor]] = []
        self.origin: tuple[Tensor, float]

    def __call__(self, x: Tensor, t: float, h: float) -> Tensor:
        """Return the state at t + h from `x` at t; more steps from the same t cost nothing."""
        if not self.past or self.past[0][0] != t:
            self.past = [(t, self.velocity(x, t)), *self.past][: self.order]
            if not 1 < len(self.past) < self.order:
                self.origin = x, t
        x, begin = self.origin
        nodes, slopes = zip(*self.past, strict=True)
        weights = bashforth(nodes, begin, t + h)
        return x + sum(weight * slope for weight, slope in zip(weights, slopes, strict=True))


def bashforth(nodes: Sequence[float], begin: float, end: float) -> list[float]:
    """Return the weights w of velocities at `nodes`: sum w_i v_i = the integral of their interpolation, begin to end.

    With s = ln(t + OFFSET) it is that of a polynomial in s times dt/ds = e^s, done to rounding by Gauss and Legendre.
    """
    first, last, *at = np.log(np.add((begin, end, *nodes), OFFSET))
    s = first + 0.5 * (last - first) * (NODES + 1)
    measure = 0.5 * (last - first) * WEIGHTS * np.exp(s)
    weights = []
    for i, node in enumerate(at):
        basis = np.ones_like(s)
        for j, other in enumerate(at):
            if j != i:
                basis *= (s - other) / (node - other)
        weights.append(float(measure @ basis))
    return weights
