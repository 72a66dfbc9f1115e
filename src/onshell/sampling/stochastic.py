"""Steps with fresh noise: the reverse process of a diffusion, and those of spinors that are mixtures of data and noise.

A mixture holds unit normal noise, and one network serves all the samplers of mixtures.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from onshell.models.charts.mixtures import Mixture
from onshell.models.charts.spinor import Spinor
from onshell.models.diffusion import Diffusion, unit_normal
from onshell.sampling.integrators import Corrector, Velocity

CHART = Spinor()


def reverse(
    score: Callable[[Tensor, int], Tensor],
    x: Tensor,
    process: Diffusion,
    generator: torch.Generator,
    noise: str = "full",
    start: int | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (t, state [n, N, 3]) for t = `start` ... 0 of the reverse process (11) from `x` at t = `start`, or T.

    `score(x, t)` is of any float type, states are float64; `noise` is one of `NOISES`, see `Diffusion.reverse_size`.
    """
    # Stored component by component, so that arithmetic over components runs along memory.
    x = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    first = process.steps if start is None else start
    yield first, x
    for t in range(first, 0, -1):
        normal = unit_normal(x.shape[0], x.shape[1], generator)
        x = process.reverse_step(x, t, score(x, t), normal, noise)
        yield t - 1, x


class Ancestral:
    """Steps back to what a mixture of the data and the noise that the network sees would have been.

    z_s = a_s z_0 + sqrt(b_s^2 - c^2) eps + c noise, c = eta times the posterior's spread: 0 follows the differential
    equation, 1 draws as if z_0 were known. One evaluation; the step to t = 0 returns z_0.
    """

    def __init__(self, field: Velocity, mixture: Mixture, eta: float, generator: torch.Generator) -> None:
        self.field, self.mixture, self.eta, self.generator = field, mixture, eta, generator

    def __call__(self, z: Tensor, t: float, h: float) -> Tensor:
        """Return the state at t + h from `z` at t."""
        return self._step(z, t, h, self.generator)

    def dense(self, z: Tensor, t: float, h: float) -> Tensor:
        """Return the state at t + h from `z` at t, its noise not taken from that of other steps."""
        return self._step(z, t, h, self.generator.clone_state())

    def _step(self, z: Tensor, t: float, h: float, generator: torch.Generator) -> Tensor:
        data, noise = self.mixture.ends(z, self.field(z, t), t)
        # A last step ends at 0 exactly, whatever t + h is rounded to.
        after = max(0.0, t + h)
        a, b, *_ = self.mixture.at(after)
        fresh = self.eta * self.mixture.spread(t, after)
        moved: Tensor = a * data + max(0.0, b**2 - fresh**2) ** 0.5 * noise
        if fresh:
            moved = moved + fresh * CHART.noise(z.shape[0], z.shape[1], generator)
        return moved


def langevin(field: Velocity, mixture: Mixture, strength: float, generator: torch.Generator) -> Corrector:
    """Return a Langevin step at time t, under which the law of the mixture is stationary, so that what is off decays.

    The score is -eps/b, eps the noise that the network sees. z moves by h score + sqrt(2h) noise with
    h = strength b^2 min(1, 2 (t - next)/t), which is less where the grid is fine.
    """

    def corrector(z: Tensor, t: float, after: float) -> Tensor:
        _, noise = mixture.ends(z, field(z, t), t)
        _, b, *_ = mixture.at(t)
        h = strength * b**2 * min(1.0, 2 * (t - after) / t)
        moved: Tensor = z - h / b * noise + (2 * h) ** 0.5 * CHART.noise(z.shape[0], z.shape[1], generator)
        return moved

    return corrector
