"""Feature spaces in which a linear classifier and the Fréchet distance compare samples.

A hyperplane in the raw s_IJ, or in raw momenta, sees nothing of exchangeable particles: every s_IJ has the same law, so
only their sum could separate samples, and the sum is fixed. Where particles are exchangeable the features are
therefore functions of the unordered event: sorted invariants, or coordinates of the ordered event in its own frame.
"""

import numpy as np
import torch
from torch import Tensor

from onshell.physics.kinematics import directions, energies, norm, pair_masses, pair_products
from onshell.physics.observables import LOG_FLOOR
from onshell.physics.process import PROCESSES

_CHUNK = 1 << 14


def exchangeable(process: str, n_particles: int, ordered: bool | None = None) -> bool:
    """Return whether the order of the particles means nothing: any process of more than three particles, q qbar g.

    `ordered` is what the table of imported events says of it, None for others.
    """
    if ordered is not None:
        return not ordered and n_particles > 2
    return n_particles > 3 or (process in PROCESSES and PROCESSES[process].exchangeable)


def invariants(p: Tensor, *, ordered: bool = True) -> np.ndarray:
    """Return the pairwise invariant masses squared s_IJ = (p_I + p_J)^2 [n, N(N-1)/2], in units of E_cm^2.

    Where the order of particles means nothing (`ordered` false) they are sorted, smallest first, and it is the ln s_IJ
    that are returned: s_IJ span many decades.
    """
    found = np.empty((len(p), p.shape[-2] * (p.shape[-2] - 1) // 2))
    for start in range(0, len(p), _CHUNK):
        s = pair_masses(p[start : start + _CHUNK].double())
        found[start : start + _CHUNK] = s if ordered else s.clamp_min(LOG_FLOOR).log().sort(-1).values
    return found


def details(p: Tensor, *, ordered: bool = True) -> np.ndarray:
    """Return energies, ln s_IJ and ln(1 - cos theta_IJ) of all pairs [n, N^2]: what a boosted classifier sees.

    Where the order of particles means nothing (`ordered` false) each of the three is sorted, smallest first.
    """
    n = p.shape[-2]
    first, second = torch.triu_indices(n, n, 1)
    found = np.empty((len(p), n * n))
    for start in range(0, len(p), _CHUNK):
        part = p[start : start + _CHUNK].double()
        length, products = norm(part[..., :3]), pair_products(part[..., :3])
        angles = products / (length[:, first] * length[:, second]).clamp_min(LOG_FLOOR)
        sets = [energies(part), pair_masses(part).clamp_min(LOG_FLOOR).log(), angles.clamp_min(LOG_FLOOR).log()]
        found[start : start + _CHUNK] = torch.cat([x if ordered else x.sort(-1).values for x in sets], 1)
    return found


def shapes(p: Tensor) -> Tensor:
    """Return coordinates [n, 4N - 4] of events [n, N, 3] that know neither the order of particles nor the orientation.

    Particles are ordered by falling energy and turned so that the first lies along z and the second in the half-plane
    x > 0: the ln E_I, the second's direction (x, z), and those of all others (x, y, z).
    """
    p = p.double()
    order = energies(p).argsort(dim=-1, descending=True)
    p = p.take_along_dim(order.unsqueeze(-1), 1)
    u = directions(p)
    z = u[:, 0]
    x = directions(u[:, 1] - (u[:, 1] * z).sum(-1, keepdim=True) * z)
    turned = torch.einsum("nia,nca->nic", u, torch.stack([x, torch.linalg.cross(z, x), z], 1))
    return torch.cat([energies(p).clamp_min(LOG_FLOOR).log(), turned[:, 1, ::2], turned[:, 2:].flatten(1)], 1)
