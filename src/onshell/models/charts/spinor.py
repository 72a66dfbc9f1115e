"""The chart `spinor`: q = z^dagger sigma z / 2, in which p_ref is a unit Gaussian and q = 0 is no singular point."""

import numpy as np
import torch
from torch import Tensor

from onshell.models.charts.chart import Chart, per_event
from onshell.models.charts.mixtures import Mixture
from onshell.physics import spinors

TINY = torch.finfo(torch.float64).tiny


class Spinor(Chart):
    """y = z [n, N, 2], complex; the phase of each z moves no momentum. Paths are straight in z.

    A network predicts u = (dq/dt)/sqrt(2|q|) = Re(z^dagger sigma dz/dt)/|z|, the part of dz/dt that moves momenta, of
    length |u|: it sees q alone. Uniform phases of either end make the law of a path that of uniform phases of both.
    """

    def to_chart(self, q: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """Return spinors of the events `q` [n, N, 3], their phases uniform at random if there is an `rng`."""
        phase = None if rng is None else torch.from_numpy(rng.uniform(0, 2 * np.pi, q.shape[:2])).to(q.device)
        return spinors.from_vectors(q, phase)

    def to_q(self, y: Tensor) -> Tensor:
        """Return q [n, N, 3] of the spinors `y`."""
        return spinors.to_vectors(y)

    def prior(self, n: int, n_particles: int, rng: np.random.Generator) -> Tensor:
        """Return `n` events of p_ref (8): unit normal in all four real components of each spinor."""
        # Stored component by component, so that arithmetic over components runs along memory.
        drawn = torch.from_numpy(rng.standard_normal((2, n, n_particles, 2)))
        return torch.view_as_complex(drawn).permute(1, 2, 0)

    def noise(self, n: int, n_particles: int, generator: torch.Generator) -> Tensor:
        """Return `n` events of p_ref as `prior` does, on the generator's device."""
        shape = (2, n, n_particles, 2)
        drawn = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float64)
        return torch.view_as_complex(drawn).permute(1, 2, 0)

    def path(self, start: Tensor, end: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return z_t = (1 - t) z_0 + t z_1 and its velocity u [n, N, 3]."""
        displacement = end - start
        state = start + per_event(t, start) * displacement
        return state, self.velocity(state, displacement)

    def mixed(self, mixture: Mixture, start: Tensor, end: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return a z_0 + b z_1 with the coefficients of `mixture` at `t` [n], and its velocity u by their derivatives.

        Where z_1 is unit normal and knows nothing of z_0, this is the law of a diffusion that ends at p_ref.
        """
        a, b, da, db = (per_event(number, start) for number in mixture.coefficients(t))
        state = a * start + b * end
        return state, self.velocity(state, da * start + db * end)

    def velocity(self, y: Tensor, displacement: Tensor) -> Tensor:
        """Return the velocity u [n, N, 3] of the spinors `y` that move by dz/dt = `displacement`."""
        a, b = y.unbind(-1)
        c, d = displacement.unbind(-1)
        a, b = a.conj(), b.conj()
        ad, bc = a * d, b * c
        moved = torch.stack([(ad + bc).real, (ad - bc).imag, (a * c - b * d).real], -1)
        return moved / self.length(y)

    def tangent(self, y: Tensor, u: Tensor) -> Tensor:
        """Return dz/dt = (m.sigma) z with m = u/|z|: it moves q by u sqrt(2|q|), and no phase."""
        mx, my, mz = (u / self.length(y)).unbind(-1)
        a, b = y.unbind(-1)
        return torch.stack([mz * a + torch.complex(mx, -my) * b, torch.complex(mx, my) * a - mz * b], -1)

    def speed(self, length: Tensor) -> tuple[Tensor, Tensor]:
        """Return sqrt(2|q|) and 1/sqrt(2|q|), infinite at q = 0."""
        return (2 * length).sqrt(), (2 * length).rsqrt()

    def aligned(self, start: Tensor, end: Tensor) -> Tensor:
        """Return `start` with the phase of each spinor such that the line to `end` is the shortest, and moves no phase.

        These lines are the geodesics of the metric |dq|^2/(2|q|).
        """
        product = (start.conj() * end).sum(-1, keepdim=True)
        size = product.abs()
        return start * torch.where(size > TINY, product / size.clamp_min(TINY), torch.ones_like(product))

    def distance2(self, start: Tensor, end: Tensor) -> Tensor:
        """Return |z_1 - z_0|^2 with the phases that make it least."""
        product = (start.conj() * end).sum(-1).abs()
        return self.length(start).squeeze(-1).square() + self.length(end).squeeze(-1).square() - 2 * product

    def length(self, y: Tensor) -> Tensor:
        """Return |z| [n, N, 1] = sqrt(2|q|), never zero."""
        parts = torch.view_as_real(y.resolve_conj())
        return parts.square().sum((-1, -2)).clamp_min(TINY).sqrt().unsqueeze(-1)
