"""Any weight on phase space, by accept-reject from uniform events: the shortest way to a custom process."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics.generators.many_body import uniform

TRIES = 1000


def accept(
    rng: np.random.Generator, size: int, n_particles: int, weight: Callable[[Tensor], Tensor], maximum: float
) -> Tensor:
    """Return `size` events [size, N, 3] of density `weight` dPhi_N, (14), for 0 <= weight(p [n, N, 3]) <= `maximum`.

    Raises
    ------
    OnshellError
        When a weight exceeds `maximum` or is negative or NaN, or less than one event in 1000 is accepted.
    """
    kept, found, tried = [], 0, 0
    while found < size:
        n = size - found + size // 2
        p = uniform(rng, n, n_particles=n_particles)
        w = weight(p)
        worst = w.max().item()
        if not (w >= 0).all():
            raise OnshellError("accept: the weight is negative or not a number somewhere; it must be a density")
        if worst > maximum:
            raise OnshellError(
                f"accept: a weight of {worst:.6g} exceeds maximum = {maximum:.6g}; give a larger maximum"
            )
        kept.append(p[torch.from_numpy(rng.random(n)) * maximum < w])
        found, tried = found + len(kept[-1]), tried + n
        if tried > TRIES * (found + 100):
            raise OnshellError(f"accept: {found} of {tried} events accepted; lower maximum = {maximum:.6g} if you can")
    return torch.cat(kept)[:size]
