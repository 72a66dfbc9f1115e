"""The fibre over phase space: laws of its coordinates (b, x), and densities of events by averages over it.

An event p is the image of all q(p; b, x). A density rho(q) is, at p and relative to uniform phase space,
E[rho(q) / p_ref(q)] over the law of (b, x) under the RAMBO prior; any other law g serves with the factor of both.
"""

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.physics import rambo
from onshell.physics.kinematics import norm

LogDensity = Callable[[Tensor], Tensor]


class Frames(Protocol):
    """A law of the fibre coordinates b [n, 3] and x [n], E_cm = 1."""

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return `n` draws of b and x."""

    def log_prob(self, b: Tensor, x: Tensor) -> Tensor:
        """Return the normalised log-density [n] on d^3b dx."""


class PriorFrames:
    """The law rho(b, x) of the RAMBO prior, which is independent of p."""

    def __init__(self, n_particles: int):
        self.n_particles = n_particles

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return `n` draws of b [n, 3] and x [n]."""
        return rambo.sample_frames(n, self.n_particles, rng)

    def log_prob(self, b: Tensor, x: Tensor) -> Tensor:
        """Return ln rho(b, x) [n]."""
        return rambo.frame_log_prob(b, x, self.n_particles)


class FittedFrames:
    """A law around given frames `b` [m, 3], `x` [m], for densities that fill only a part of the fibre.

    (b, ln x) is normal with their mean and covariance; with `dof` degrees of freedom it is Student's t, whose tails
    are heavier, and a share `prior` of the draws is of the RAMBO prior. To average over the fibre, tails must be
    heavier than the density's; as a target of weights, lighter: without `dof` and `prior`.
    """

    def __init__(self, b: Tensor, x: Tensor, n_particles: int, *, dof: float | None = None, prior: float = 0.0):
        seen = torch.cat([b, x.log().unsqueeze(-1)], -1).to("cpu", torch.float64)
        if len(seen) < 10:
            raise OnshellError(f"fibre: {len(seen)} events are too few to fit a law of (b, x) to; give 10 or more")
        spread = seen.T.cov()
        # All frames may be one: a law of no width is none.
        wider = spread + (1e-12 + 1e-9 * spread.trace()) * torch.eye(4, dtype=seen.dtype)
        self.root, failed = torch.linalg.cholesky_ex(wider)
        if failed or not self.root.isfinite().all():
            raise OnshellError("fibre: no law fits the (b, x) of these events, some too large; draw others")
        self.mean, self.dof = seen.mean(0), dof
        self.prior, self.share = PriorFrames(n_particles), prior

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return `n` draws of b [n, 3] and x [n]."""
        drawn = torch.from_numpy(rng.standard_normal((n, 4)))
        if self.dof is not None:
            drawn = drawn * torch.from_numpy(np.sqrt(self.dof / rng.chisquare(self.dof, n)))[:, None]
        seen = self.mean + drawn @ self.root.T
        b, x = seen[:, :3], seen[:, 3].exp()
        if self.share:
            other_b, other_x = self.prior.sample(n, rng)
            other = torch.from_numpy(rng.random(n) < self.share)
            b, x = torch.where(other[:, None], other_b, b), torch.where(other, other_x, x)
        return b, x

    def log_prob(self, b: Tensor, x: Tensor) -> Tensor:
        """Return the normalised log-density [n] on d^3b dx."""
        off = torch.cat([b, x.log().unsqueeze(-1)], -1) - self.mean
        square = torch.linalg.solve_triangular(self.root, off.T, upper=False).square().sum(0)
        if self.dof is None:
            shape = -0.5 * square - 2 * math.log(2 * math.pi)
        else:
            half = 0.5 * (self.dof + 4)
            constant = math.lgamma(half) - math.lgamma(half - 2) - 2 * math.log(self.dof * math.pi)
            shape = constant - half * (square / self.dof).log1p()
        fitted = shape - self.root.diagonal().log().sum() - x.log()
        if not self.share:
            return fitted
        return torch.logaddexp(math.log1p(-self.share) + fitted, math.log(self.share) + self.prior.log_prob(b, x))


def log_measure(q: Tensor) -> Tensor:
    """Return ln of d^{3N}q over dPhi_N d^3b dx [...] at `q` [..., N, 3]: the Jacobian of q -> (p, b, x), E_cm = 1."""
    return (2 * norm(q)).log().sum(-1) + rambo.log_jacobian(*rambo.frame(q), q.shape[-2])


def log_density(
    log_rho: LogDensity, p: Tensor, draws: int, rng: np.random.Generator, frames: Frames | None = None
) -> tuple[Tensor, Tensor]:
    """Return ln of the density at events `p` [n, N, 3] relative to uniform phase space [n], and its error [n].

    `log_rho` gives the log-density on d^{3N}q at q [n, N, 3]. The density, not its logarithm, is estimated without
    bias from so many `draws` of `frames` (the prior's law by default); the error is that of the logarithm, to first
    order, from the spread of the draws.
    """
    if draws < 2:
        raise OnshellError(f"fibre: {draws} draws of (b, x) give no error; use 2 or more")
    n, n_particles = p.shape[:2]
    frames = frames or PriorFrames(n_particles)
    seen = []
    for _ in range(draws):
        b, x = frames.sample(n, rng)
        q = rambo.to_q(p, b.to(p.device), x.to(p.device))
        change = rambo.frame_log_prob(b, x, n_particles) - frames.log_prob(b, x)
        seen.append(log_rho(q) - rambo.prior_log_prob(q) + change.to(p.device))
    return log_mean(torch.stack(seen))


def log_mean(terms: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln of the mean of e^`terms` [K, ...] over K independent draws, and its standard error, both [...]."""
    mean = terms.logsumexp(0) - math.log(len(terms))
    relative = (terms - mean).exp()
    return mean, relative.std(0) / math.sqrt(len(terms))
