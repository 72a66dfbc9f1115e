"""Events between the laboratory and their centre-of-mass frame, where particles of light mass are made massless."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from onshell.events.lhe.arrays import Array, Arrays
from onshell.physics import kinematics, rambo
from onshell.physics.masses import to_massive

PRINTED = 1e-6
"""Largest relative difference between E^2 - p^2 and the mass column squared, over 2 E^2, that rounding may explain."""


def masses(found: Arrays) -> Array:
    """Return the masses [n, N] in GeV: those of the mass column, unless energy and momentum contradict it.

    E^2 - p^2 of a fast particle is made of the last digits that were printed: it says nothing of a mass below
    sqrt(2 PRINTED) E.
    """
    return np.where(believed(found), np.abs(found.momenta[..., 4]), np.abs(square_root(found)))


def believed(found: Arrays) -> NDArray[np.bool_]:
    """Return whether energy and momentum agree with the mass column [n, N]."""
    derived, printed = square_root(found), found.momenta[..., 4]
    # A mass or an energy may be of any size; what is too large to square agrees with nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(derived * np.abs(derived) - printed**2) <= 2.0 * PRINTED * found.momenta[..., 3] ** 2


def square_root(found: Arrays) -> Array:
    """Return the mass sqrt(E^2 - p^2) [n, N] in GeV by energy and momentum, negative where that is space-like."""
    length = np.linalg.norm(found.momenta[..., :3], axis=2)
    with np.errstate(over="ignore", invalid="ignore"):
        square = (found.momenta[..., 3] - length) * (found.momenta[..., 3] + length)
        return np.sign(square) * np.sqrt(np.abs(square))


def to_cm(found: Arrays, massless: float) -> tuple[torch.Tensor, Array, Array]:
    """Return events [n, N, 4] in their centre-of-mass frames at E_cm = 1, E_cm [n] in GeV and the boosts back [n, 3].

    A boost is gamma times velocity: `boost(p, b) * e_cm` are the momenta that were read. Masses up to the share
    `massless` of E_cm become 0; the momenta in the centre-of-mass frame are scaled by one common factor for it, so that
    E_cm and the boost are those of the event that was read.
    """
    lab = torch.from_numpy(np.ascontiguousarray(found.momenta[..., :3]))
    b, x = rambo.frame(lab)
    k, e_cm, back = rambo.to_p(lab), (1.0 / x).numpy(), (-b).numpy()
    mass = masses(found)
    rows = (mass > 0.0).any(1)
    if rows.any():
        rest, e_cm[rows], back[rows] = _to_rest(found.momenta[rows, :, :3], mass[rows])
        k[torch.from_numpy(rows)] = rambo.to_p(torch.from_numpy(rest))
    mass = mass / e_cm[:, None]
    mass[mass <= massless] = 0.0
    p, heavy = torch.cat([k, torch.zeros_like(k[..., :1])], -1), torch.from_numpy((mass > 0.0).any(1))
    p[heavy] = to_massive(k[heavy], torch.from_numpy(mass)[heavy])
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

    `p` [n, N, 3], or [n, N, 4] with masses, is in the centre-of-mass frame at E_cm = 1; `e_cm`, the boost and the
    direction of the first incoming particle are columns.
    """

    def vector(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([columns[f"{name}_{axis}"] for axis in "xyz"], 1))

    def four(p: torch.Tensor) -> Array:
        return torch.cat([p[..., :3], kinematics.energies(p)[..., None]], -1).numpy()

    e_cm, back = torch.from_numpy(np.array(columns["e_cm"])), vector("boost")
    outgoing = four(kinematics.boost(p * e_cm[:, None, None], back))
    k = columns["in_id"].shape[1] if "in_id" in columns else 0
    if k == 1:
        energy = e_cm * (1.0 + back.square().sum(1)).sqrt()
        return outgoing, torch.cat([back * e_cm[:, None], energy[:, None]], 1)[:, None].numpy()
    if k == 0:
        return outgoing, np.empty((len(p), 0, 4))
    axis = vector("beam")
    beams = 0.5 * e_cm[:, None, None] * torch.stack([axis, -axis], 1)
    return outgoing, four(kinematics.boost(beams, back))
