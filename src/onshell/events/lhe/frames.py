"""Events between the laboratory and their centre-of-mass frame, where particles of light mass are made massless."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from onshell.events.lhe.arrays import Array, Arrays
from onshell.physics import kinematics, rambo

PRINTED = 1e-6
"""Largest relative difference between E^2 - p^2 and the mass column squared, over 2 E^2, that rounding may explain."""


def masses(found: Arrays) -> Array:
    """Return the masses [n, N] in GeV: those of the mass column, unless energy and momentum contradict it.

    E^2 - p^2 of a fast particle is made of the last digits that were printed: it says nothing of a mass below
    sqrt(2 PRINTED) E.
    """
    p, e, printed = found.momenta[..., :3], found.momenta[..., 3], np.abs(found.momenta[..., 4])
    length = np.linalg.norm(p, axis=2)
    # A mass or an energy may be of any size; what is too large to square agrees with nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        square = (e - length) * (e + length)
        agrees = np.abs(square - printed**2) <= 2.0 * PRINTED * e**2
        return np.where(agrees, printed, np.sqrt(np.abs(square)))


def to_cm(found: Arrays) -> tuple[torch.Tensor, Array, Array]:
    """Return massless events [n, N, 3] in their centre-of-mass frames at E_cm = 1, E_cm [n] and the boosts back [n, 3].

    A boost is gamma times velocity: `boost(p, b) * e_cm` are the momenta that were read, each with its energy |p|. Of
    particles with a mass, the momenta in the centre-of-mass frame are scaled by one common factor instead, so that
    E_cm and the boost are those of the massive event.
    """
    lab = torch.from_numpy(np.ascontiguousarray(found.momenta[..., :3]))
    b, x = rambo.frame(lab)
    p, e_cm, back = rambo.to_p(lab), (1.0 / x).numpy(), (-b).numpy()
    mass = masses(found)
    rows = (mass > 0.0).any(1)
    if rows.any():
        rest, e_cm[rows], back[rows] = _to_rest(found.momenta[rows, :, :3], mass[rows])
        p[torch.from_numpy(rows)] = rambo.to_p(torch.from_numpy(rest))
    return p, e_cm, back


def energies(found: Arrays, mass: Array) -> Array:
    """Return E_cm [n] in GeV of events, whose particles have these masses [n, N]; 0 or NaN where they have no frame."""
    return _to_rest(np.nan_to_num(found.momenta[..., :3]), mass)[1]


def _to_rest(p: Array, mass: Array) -> tuple[Array, Array, Array]:
    """Return momenta [n, N, 3] in the rest frame of their sum, the mass of it [n] and the boost back [n, 3].

    As in `rambo.frame`, the mass is taken in light-cone components along the sum, without its cancellation.
    """
    e = np.sqrt((p**2).sum(2) + mass**2)
    total = p.sum(1)
    length = np.linalg.norm(total, axis=1)[:, None]
    axis = (total / np.where(length > 0.0, length, 1.0))[:, None]
    along = (axis * p).sum(2)
    across = p - along[..., None] * axis
    ahead = along > 0.0
    minus = np.where(ahead, ((across**2).sum(2) + mass**2) / np.where(ahead, e + along, 1.0), e - along)
    e_cm = np.sqrt((e + along).sum(1) * minus.sum(1) - (across.sum(1) ** 2).sum(1))
    back = total / e_cm[:, None]
    gamma = np.sqrt(1.0 + (back**2).sum(1))[:, None]
    shift = (back[:, None] * p).sum(2) / (1.0 + gamma) - e
    return p + back[:, None] * shift[..., None], e_cm, back


def beam_axis(found: Arrays, back: Array) -> Array:
    """Return the direction [n, 3] of the first incoming particle in each event's centre-of-mass frame."""
    vector = torch.from_numpy(found.beam[:, None, :3].copy())
    axis = kinematics.boost(vector, torch.from_numpy(-back))[:, 0].numpy()
    length: NDArray[np.float64] = np.linalg.norm(axis, axis=1, keepdims=True)
    return np.where(length > 0.0, axis / np.where(length > 0.0, length, 1.0), [0.0, 0.0, 1.0])


def to_lab(p: torch.Tensor, columns: Mapping[str, np.ndarray]) -> tuple[Array, Array]:
    """Return the outgoing [n, N, 4] and incoming [n, k, 4] four-momenta (px, py, pz, E) in GeV.

    `p` [n, N, 3] is in the centre-of-mass frame at E_cm = 1; `e_cm`, the boost and the direction of the first incoming
    particle are columns.
    """

    def vector(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([columns[f"{name}_{axis}"] for axis in "xyz"], 1))

    def massless(p: torch.Tensor) -> Array:
        return torch.cat([p, kinematics.energies(p)[..., None]], -1).numpy()

    e_cm, back = torch.from_numpy(np.array(columns["e_cm"])), vector("boost")
    outgoing = massless(kinematics.boost(p * e_cm[:, None, None], back))
    k = columns["in_id"].shape[1] if "in_id" in columns else 0
    if k == 1:
        energy = e_cm * (1.0 + back.square().sum(1)).sqrt()
        return outgoing, torch.cat([back * e_cm[:, None], energy[:, None]], 1)[:, None].numpy()
    if k == 0:
        return outgoing, np.empty((len(p), 0, 4))
    axis = vector("beam")
    beams = 0.5 * e_cm[:, None, None] * torch.stack([axis, -axis], 1)
    return outgoing, massless(kinematics.boost(beams, back))
