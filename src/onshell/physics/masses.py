"""Massive phase space: a massive event is a massless one and its masses.

Kleiss, Stirling and Ellis (1986), Section 4. The massless momenta k of an event are scaled by one common factor xi,
such that sum sqrt(m_I^2 + xi^2 |k_I|^2) = E_cm: p_I = xi k_I. So a model of massless events is one of massive ones too.

Massive events are [..., N, 4]: px, py, pz and the mass, all in units of E_cm.
"""

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics import rambo
from onshell.physics.kinematics import boost, energies, norm, total

STEPS = 60
"""Newton steps at most: the sum of energies rises and is convex, so that they converge from above; 4 to 5 are usual."""

PROPOSALS = 1000
"""Proposals per event, at most, of the uniform generator."""


def masses(p: Tensor) -> Tensor | None:
    """Return the masses [..., N] of events [..., N, 4]; None of massless ones [..., N, 3]."""
    return p[..., 3] if p.shape[-1] == 4 else None


def to_massive(k: Tensor, masses: Tensor) -> Tensor:
    """Return the events p [..., N, 4] of the massless events `k` [..., N, 3] with the given `masses` [..., N] or [N].

    Differentiable, twice, in both. Energy and momentum are conserved to rounding, as they are in `k`.

    Raises
    ------
    OnshellError
        For masses that are negative or not finite, and those whose sum leaves nothing to move with.

    References
    ----------
    Massive particles, (4.1)-(4.3) of Kleiss, Stirling and Ellis.
    """
    masses = masses.expand(k.shape[:-1])
    _check(masses)
    e = norm(k)
    e = e / e.sum(-1, keepdim=True)
    # Kinetic energies, E - m without its cancellation, add up to what the masses leave.
    left = 1.0 - masses.sum(-1)
    xi = _root(e.detach(), masses.detach(), left.detach())
    if e.requires_grad or masses.requires_grad:
        # Each further step is a fixed-point iteration that carries one more order of the derivatives.
        for _ in range(2):
            xi = xi - _excess(xi, e, masses, left) / _slope(xi.detach(), e.detach(), masses.detach())
    scale = xi / norm(k).sum(-1)
    return torch.cat([k * scale[..., None, None], masses.unsqueeze(-1)], -1)


def to_massless(p: Tensor) -> Tensor:
    """Return the massless events k [..., N, 3], sum |k| = 1, of `p` [..., N, 4]; those [..., N, 3] as they are."""
    if p.shape[-1] == 3:
        return p
    k = p[..., :3]
    # As in `rambo.to_p`: the map is a projection, and a second pass removes the rounding of the first.
    return rambo.to_p(k / norm(k).sum(-1)[..., None, None])


def log_volume_ratio(p: Tensor) -> Tensor:
    """Return ln dPhi_N(m)/dPhi_N(0) [...] at the events `p` [..., N, 4], dPhi_N as in (2) with E_cm = 1.

    The ratio is K^(2N-3) prod(|p_I|/E_I) / sum(|p_I|^2/E_I), K = sum |p_I|: a massless event that is uniform on phase
    space has this weight as a massive one.
    """
    length, e, n = norm(p[..., :3]), energies(p), p.shape[-2]
    return (2 * n - 3) * length.sum(-1).log() + (length / e).log().sum(-1) - (length * (length / e)).sum(-1).log()


def project(p: Tensor) -> Tensor:
    """Return events [..., N, 3|4] of any frame, units or rounding in their centre-of-mass frame, E_cm = 1."""
    if p.shape[-1] == 3:
        return rambo.to_p(p)
    e_cm, b = rest_frame(p)
    rest = boost(p, b) / e_cm[..., None, None]
    return to_massive(to_massless(rest), rest[..., 3])


def rest_frame(p: Tensor) -> tuple[Tensor, Tensor]:
    """Return E_cm [...] of events [..., N, 4] in any frame, and the boost b [..., 3], gamma times velocity, to it."""
    momentum = total(p)
    e_cm = ((energies(p).sum(-1) - norm(momentum)) * (energies(p).sum(-1) + norm(momentum))).clamp_min(0.0).sqrt()
    return e_cm, -momentum / e_cm.unsqueeze(-1)


def sample_uniform(n: int, masses: Tensor, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return `n` events [n, N, 4] with `masses` [N], and the weights [n] that make them uniform on massive phase space.

    The mean weight is the volume over that of massless phase space, `rambo.log_volume`.
    """
    p = to_massive(rambo.to_p(rambo.sample_prior(n, len(masses), generator)), masses)
    return p, log_volume_ratio(p).exp()


def uniform(n: int, masses: Tensor, generator: np.random.Generator) -> Tensor:
    """Return `n` events [n, N, 4] uniform on massive phase space, by rejection.

    The largest weight is bounded: K <= sqrt(1 - (sum m)^2), every |p_I|/E_I < 1, and sum |p_I|^2/E_I >= K^2 (Cauchy and
    Schwarz), so that it is below K^(2N-5); of two particles it is constant.

    Raises
    ------
    OnshellError
        Where so few events would be accepted that weights serve better.
    """
    n_particles = len(masses)
    largest = float((1.0 - masses.sum()) * (1.0 + masses.sum())) ** (n_particles - 2.5)
    if n_particles == 2:
        return sample_uniform(n, masses, generator)[0]
    found, count, tried = [], 0, 0
    while count < n:
        p, weight = sample_uniform(max(n, 256), masses, generator)
        kept = p[torch.from_numpy(generator.random(len(p))) * largest < weight]
        found.append(kept)
        count, tried = count + len(kept), tried + len(p)
        if tried > PROPOSALS * (count + 1):
            raise OnshellError(
                f"masses {masses.tolist()}: fewer than 1 of {PROPOSALS} events is accepted; take weighted events, "
                "onshell.physics.masses.sample_uniform"
            )
    return torch.cat(found)[:n]


def _excess(xi: Tensor, e: Tensor, masses: Tensor, left: Tensor) -> Tensor:
    """Return the sum of the kinetic energies [...] at xi [...] over what is left."""
    p = xi.unsqueeze(-1) * e
    return (p * _velocity(p, (masses + torch.hypot(masses, p)))).sum(-1) - left


def _slope(xi: Tensor, e: Tensor, masses: Tensor) -> Tensor:
    """Return the derivative of the sum of energies by xi [...]."""
    p = xi.unsqueeze(-1) * e
    return (e * _velocity(p, torch.hypot(masses, p))).sum(-1)


def _velocity(p: Tensor, energy: Tensor) -> Tensor:
    """Return p/energy, 1 where both are zero: a massless particle at rest."""
    rest = energy == 0
    return torch.where(rest, 1.0, p / torch.where(rest, 1.0, energy))


def _root(e: Tensor, masses: Tensor, left: Tensor) -> Tensor:
    """Return xi [...] at which the energies of `masses` [..., N] and momenta xi `e` [..., N] add up to 1."""
    # At this first value the sum of energies is 1 at least (Minkowski).
    xi = (left * (2.0 - left)).sqrt()
    for _ in range(STEPS):
        step = _excess(xi, e, masses, left) / _slope(xi, e, masses)
        xi = xi - step
        if not (step.abs() > 4 * torch.finfo(xi.dtype).eps * xi).any():
            break
    return xi


def _check(masses: Tensor) -> None:
    """Raise unless masses [..., N] are such, and leave something to move with."""
    if not ((masses >= 0.0) & (masses < 1.0)).all():
        raise OnshellError("masses: some are negative, not finite or not below E_cm; give them in units of E_cm")
    if not (masses.sum(-1) < 1.0).all():
        worst = float(masses.sum(-1).max())
        raise OnshellError(f"masses: they add up to {worst:.6g} E_cm; below threshold there is no phase space")
