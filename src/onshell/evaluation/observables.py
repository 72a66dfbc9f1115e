"""What is compared of events that somebody else made, besides the standard observables: single pairs and places."""

import numpy as np
from torch import Tensor

from onshell.physics.kinematics import energies, pair_products
from onshell.physics.observables import LOG_FLOOR, cos_theta, observables, phi

PLACES = 6
"""Up to so many particles each place is compared for itself, where the order has a meaning."""


def compared(p: Tensor, process: str, ordered: bool | None = None) -> dict[str, np.ndarray]:
    """Return the compared observables of events [n, N, 3] by name: [n], or, of all particles or pairs pooled, [n k].

    Those of `observables`. For imported events, whose table says whether the order of the particles has a meaning, also
    the pair masses log10 s_IJ: all pooled (log10_s) where it has none, pair by pair where it has; there also E, cos
    theta and phi of each of up to 6 places.
    """
    found = observables(p, process)
    if ordered is None:
        return found
    n_particles = p.shape[-2]
    masses = np.log10(np.maximum(2.0 * pair_products(p.double()).numpy(), LOG_FLOOR))
    if not ordered or n_particles > PLACES:
        return found | {"log10_s": masses.ravel()}
    sides = {"E": energies(p), "cos_theta": cos_theta(p), "phi": phi(p)}
    places = {
        f"{name}_{i + 1}": values[:, i].double().numpy() for name, values in sides.items() for i in range(n_particles)
    }
    pairs = zip(*np.triu_indices(n_particles, 1), strict=True)
    return found | places | {f"log10_s_{i + 1}{j + 1}": masses[:, k] for k, (i, j) in enumerate(pairs)}
