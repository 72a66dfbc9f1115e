"""Massless particles as complex 2-spinors: q = z^dagger sigma z / 2, |q| = |z|^2 / 2.

In this chart the RAMBO prior is a unit Gaussian in the four real components of each z, and the RAMBO map is linear:
lambda = sqrt(e_cm) (sum z z^dagger)^(-1/2) z. An event is on the massless centre-of-mass shell if and only if the two
rows of its 2 x N matrix of spinors are orthogonal and of equal length, so that no cancellation is left in any boost.
"""

import numpy as np
import torch
from torch import Tensor

from onshell.physics.kinematics import norm


def to_vectors(z: Tensor) -> Tensor:
    """Return the massless momenta q [..., N, 3] of the spinors `z` [..., N, 2], complex."""
    up, down = z.unbind(-1)
    across = up.conj() * down
    return torch.stack([across.real, across.imag, 0.5 * ((up.conj() * up).real - (down.conj() * down).real)], -1)


def from_vectors(q: Tensor, phase: Tensor | None = None) -> Tensor:
    """Return spinors z [..., N, 2] of the momenta `q` [..., N, 3], each turned by its `phase` [..., N] in radians.

    Without a phase, the component of the larger modulus is real and positive.
    """
    x, y, z = q.unbind(-1)
    large = (norm(q) + z.abs()).sqrt()
    small = torch.complex(x, torch.where(z < 0, -y, y)) / torch.where(large == 0, 1.0, large)
    up, down = torch.where(z < 0, small, large), torch.where(z < 0, large, small)
    spinors = torch.stack([up, down], -1)
    return spinors if phase is None else spinors * torch.polar(torch.ones_like(phase), phase).unsqueeze(-1)


def orthonormalise(z: Tensor, e_cm: float = 1.0) -> Tensor:
    """Return the spinors lambda [..., N, 2] of the phase-space point that RAMBO maps the spinors `z` [..., N, 2] to.

    It is the polar factor of the 2 x N matrix times sqrt(e_cm), found twice: the second pass removes the rounding.
    """
    return _polar(_polar(z)) * e_cm**0.5


def massless(a: np.ndarray, b_re: np.ndarray, b_im: np.ndarray) -> np.ndarray:
    """Return events [3, N, n], E_cm = 1, from spinors (a, b) with real first components, [N, n], overwritten.

    The rows are made orthonormal by Gram-Schmidt, twice, instead of by the polar decomposition: the two differ by a
    rotation of each event, so all invariants are those of the RAMBO map. Gaussian spinors give Haar-distributed
    orientations; other spinors must be rotated at random afterwards.
    """
    a /= np.sqrt((a * a).sum(0))
    for _ in range(2):
        for row in (b_re, b_im):
            row -= a * (a * row).sum(0)
        length = np.sqrt((b_re * b_re + b_im * b_im).sum(0))
        b_re /= length
        b_im /= length
    p = np.empty((3, *a.shape))
    np.multiply(a, b_re, out=p[0])
    np.multiply(a, b_im, out=p[1])
    np.multiply(a * a - b_re * b_re - b_im * b_im, 0.5, out=p[2])
    return p


def _polar(z: Tensor) -> Tensor:
    """Return (sum z z^dagger)^(-1/2) z, by the closed form for 2 x 2 matrices."""
    up, down = z.unbind(-1)
    length_up, length_down = up.abs().square().sum(-1, keepdim=True), down.abs().square().sum(-1, keepdim=True)
    across = (up * down.conj()).sum(-1, keepdim=True)
    # det = |up|^2 |down - projection|^2: the difference |up|^2 |down|^2 - |across|^2 would cancel for fast frames.
    rest = down - up * (across.conj() / length_up)
    root = (length_up * rest.abs().square().sum(-1, keepdim=True)).sqrt()
    scale = 1 / (root * (length_up + length_down + 2 * root).sqrt())
    return torch.stack(
        [
            scale * ((length_down + root) * up - across * down),
            scale * ((length_up + root) * down - across.conj() * up),
        ],
        -1,
    )
