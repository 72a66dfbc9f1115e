"""RAMBO: the map between q-space and massless phase space, its inverse, its prior and its fibre (b, x).

Kleiss, Stirling and Ellis (1986); (6)-(9) of the paper. All functions take any leading shape, float32 or float64, and
are differentiable to any order. Particles come first in the maths and second to last in the arrays: q is [..., N, 3].
"""

import math

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics.kinematics import boost, norm, total, violation


def frame(q: Tensor, e_cm: float = 1.0) -> tuple[Tensor, Tensor]:
    """Return the fibre coordinates b = -Q/M [..., 3] and x = e_cm/M [...] of q-space points `q` [..., N, 3]."""
    sum_q = total(q)
    mass = _mass(q, sum_q)
    return -sum_q / mass.unsqueeze(-1), e_cm / mass


def to_p(q: Tensor, e_cm: float = 1.0) -> Tensor:
    """Return the phase-space points p [..., N, 3] that RAMBO maps `q` to: sum E = e_cm, sum p = 0.

    The map is applied twice. It is a projection, so the second pass changes nothing but the rounding: it takes the
    error of conservation from gamma^2 units in the last place to a few, and lets gradients through unchanged.

    Raises
    ------
    OnshellError
        For points that are the image of no event: momenta that are zero, parallel or not finite, or so nearly parallel
        that their invariant mass is lost in the rounding.
    """
    b, x = frame(q, e_cm)
    p = _project(boost(q, b) * x[..., None, None], e_cm)
    _check_shell(p.detach(), b.detach(), e_cm)
    return p


def to_q(p: Tensor, b: Tensor, x: Tensor | float) -> Tensor:
    """Return the point q [..., N, 3] above `p` [..., N, 3] with fibre coordinates `b` [..., 3] and `x` [...].

    Inverse of `to_p` for the (b, x) of `frame`; b and x broadcast over the leading axes of p.
    """
    x = torch.as_tensor(x, dtype=p.dtype, device=p.device)
    return boost(p, -b) / x[..., None, None]


def prior_log_prob(q: Tensor) -> Tensor:
    """Return the normalised log-density ln p_ref(q) [...] of the RAMBO prior (8) with respect to d^{3N}q."""
    e = norm(q)
    return -(e + e.log()).sum(-1) - q.shape[-2] * math.log(4 * math.pi)


def prior_score(q: Tensor) -> Tensor:
    """Return the score of the RAMBO prior [..., N, 3], (9): -(1 + 1/|q_I|) q_I/|q_I|."""
    e = norm(q).unsqueeze(-1)
    return -(1 + 1 / e) * (q / e)


def log_volume(n_particles: int, e_cm: float = 1.0) -> float:
    """Return ln V_N, the volume of massless phase space with measure prod d^3p/(2E) and no factors 2 pi, below (2)."""
    n = n_particles
    return (n - 1) * math.log(math.pi / 2) - math.lgamma(n) - math.lgamma(n - 1) + (2 * n - 4) * math.log(e_cm)


def log_jacobian(b: Tensor, x: Tensor, n_particles: int) -> Tensor:
    """Return ln K(b, x) [...] with prod d^3q/(2|q|) = dPhi_N(p) K d^3b dx, dPhi_N as in (2) with E_cm = 1.

    K = x^-(2N+1) / gamma depends on the point of the fibre alone, not on p.
    """
    return -(2 * n_particles + 1) * x.log() - 0.5 * (1 + _square(b)).log()


def frame_log_prob(b: Tensor, x: Tensor, n_particles: int) -> Tensor:
    """Return ln rho(b, x) [...], the normalised density on d^3b dx of the fibre coordinates of the prior (E_cm = 1).

    rho = V_N (2 pi)^-N K e^(-gamma/x). The prior factorises: it is uniform phase space times rho.
    """
    gamma = (1 + _square(b)).sqrt()
    constant = log_volume(n_particles) - n_particles * math.log(2 * math.pi)
    return constant + log_jacobian(b, x, n_particles) - gamma / x


def sample_prior(n: int, n_particles: int, generator: np.random.Generator) -> Tensor:
    """Return `n` draws q [n, N, 3] from the RAMBO prior (6)-(8), float64.

    With a complex 2-vector z of unit normal components per particle, q = z^dagger sigma z / 2 is isotropic and |q| is
    half a chi^2 of four degrees of freedom, the Gamma(2) of (6): no logarithm, no angle.
    """
    _check(n_particles)
    ar, ai, br, bi = generator.standard_normal((4, n, n_particles))
    q = np.stack([ar * br + ai * bi, ar * bi - ai * br, 0.5 * (ar * ar + ai * ai - br * br - bi * bi)])
    return torch.from_numpy(q).permute(1, 2, 0)


def sample_frames(n: int, n_particles: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return `n` draws of b [n, 3] and x [n] from rho(b, x) in closed form, float64, for E_cm = 1.

    Q0 is Gamma(2N), the squared velocity b^2/(1+b^2) is Beta(3/2, N-1), the direction is isotropic and x = gamma/Q0.
    """
    _check(n_particles)
    sum_e = generator.gamma(2 * n_particles, size=n)
    # The Beta variate is taken from its two Gammas, so that 1 - velocity^2 keeps its digits for fast frames.
    fast, slow = generator.gamma(1.5, size=n), generator.gamma(n_particles - 1.0, size=n)
    direction = generator.standard_normal((n, 3))
    length = np.sqrt(fast / slow) / np.sqrt((direction**2).sum(1))
    return torch.from_numpy(direction * length[:, None]), torch.from_numpy(np.sqrt(1 + fast / slow) / sum_e)


def _square(v: Tensor) -> Tensor:
    vx, vy, vz = v.unbind(-1)
    return vx * vx + vy * vy + vz * vz


def _project(q: Tensor, e_cm: float) -> Tensor:
    b, x = frame(q, e_cm)
    return boost(q, b) * x[..., None, None]


def _mass(q: Tensor, sum_q: Tensor) -> Tensor:
    """Return the invariant mass M [...] of the points `q` [..., N, 3] with total momentum `sum_q` [..., 3].

    M^2 = Q0^2 - |Q|^2 loses gamma^2 in precision, so it is taken as Q^+ Q^- - |Q_T|^2 in light-cone components along
    n = Q/|Q|, where every q^- is found without cancellation. The identity holds for every constant n: n is held
    constant in derivatives, which stay exact and finite even at Q = 0.
    """
    n = sum_q.detach()
    length = norm(n).unsqueeze(-1)
    nx, ny, nz = (c.unsqueeze(-1) for c in (n / torch.where(length == 0, 1.0, length)).unbind(-1))
    qx, qy, qz = q.unbind(-1)
    e = norm(q)
    along = nx * qx + ny * qy + nz * qz
    tx, ty, tz = qx - along * nx, qy - along * ny, qz - along * nz
    ahead = along > 0
    minus = torch.where(ahead, (tx * tx + ty * ty + tz * tz) / torch.where(ahead, e + along, 1.0), e - along)
    across = torch.stack([tx.sum(-1), ty.sum(-1), tz.sum(-1)], -1)
    return ((e + along).sum(-1) * minus.sum(-1) - _square(across)).sqrt()


def _check_shell(p: Tensor, b: Tensor, e_cm: float) -> None:
    """Raise unless all points `p` [..., N, 3] are finite and conserve, to half of the digits at least.

    They came out of frames `b` [..., 3]: where gamma is as large as the digits of a number are many, all of p is
    rounding.
    """
    excess, momentum = violation(p, e_cm)
    off, eps = torch.maximum(excess.abs(), momentum.abs().amax(-1)), torch.finfo(p.dtype).eps
    # NaN is not below the limits either.
    good = (off <= e_cm * eps**0.5) & (norm(b) <= 1 / (64 * eps))
    if not good.all():
        bad = (~good).flatten().nonzero()[:, 0]
        raise OnshellError(
            f"{len(bad)} of {good.numel()} points (the first is number {int(bad[0])}) map to no event: their momenta "
            "are zero, parallel or not finite, and have no invariant mass; leave them out"
        )


def _check(n_particles: int) -> None:
    if n_particles < 2:
        raise OnshellError(f"n_particles: {n_particles} massless particles have no phase space; use 2 or more")
