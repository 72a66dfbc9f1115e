"""The q-space map for any library: put it around a model of vectors or point clouds, and its events conserve exactly.

space = QSpace(n_particles=3)
model.fit(space.embed(p))            # any library's model, in q-space
p = space.to_p(model.sample(1000))   # on the massless shell, sum E = 1, sum p = 0, in float64
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from onshell.core.errors import OnshellError, nearest
from onshell.core.rng import stream
from onshell.events import augment
from onshell.physics import fibre, rambo
from onshell.physics.kinematics import norm, violation
from onshell.physics.masses import log_volume_ratio, to_massive, to_massless

Shape = torch.Size | list[int] | tuple[int, ...]

ON_SHELL = 1e-6
"""Events further off sum E = 1, sum p = 0 than this are refused."""
DIGAMMA_2 = 0.42278433509846714
"""The mean of ln|q| under the prior, |q| a Gamma(2) variable."""


class RamboPrior(Distribution):
    """The law p_ref (8) of q, which the map takes to uniform phase space, as a distribution of torch.

    Events are [N, 3], or [3N] if `flat`. Draws are torch's own: of `generator`, or of the global one.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True  # it has no parameters to differentiate by

    def __init__(
        self,
        n_particles: int,
        *,
        flat: bool = False,
        batch_shape: torch.Size = torch.Size(),  # noqa: B008, it cannot change
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
        generator: torch.Generator | None = None,
    ):
        if n_particles < 2:
            raise OnshellError(f"n_particles: {n_particles} massless particles have no phase space; use 2 or more")
        self.n_particles, self.flat, self.generator = n_particles, flat, generator
        self.dtype, self.device = dtype or torch.get_default_dtype(), device
        shape = torch.Size([3 * n_particles] if flat else [n_particles, 3])
        super().__init__(torch.Size(batch_shape), shape, validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """Return the space of all q."""
        return constraints.independent(constraints.real, len(self.event_shape))

    @property
    def mean(self) -> Tensor:
        """Return zero."""
        return torch.zeros(self._extended_shape(), dtype=self.dtype, device=self.device)

    @property
    def variance(self) -> Tensor:
        """Return 2, that of every component: <|q|^2> = 6."""
        return torch.full(self._extended_shape(), 2.0, dtype=self.dtype, device=self.device)

    def rsample(self, sample_shape: Shape = torch.Size()) -> Tensor:  # noqa: B008
        """Return draws of q: those of unit normal spinors, see `rambo.sample_prior`."""
        shape = (4, *torch.Size(sample_shape), *self.batch_shape, self.n_particles)
        ar, ai, br, bi = torch.randn(shape, generator=self.generator, dtype=self.dtype, device=self.device)
        up, down = ar * ar + ai * ai, br * br + bi * bi
        q = torch.stack([ar * br + ai * bi, ar * bi - ai * br, 0.5 * (up - down)], -1)
        return q.flatten(-2) if self.flat else q

    def log_prob(self, value: Tensor) -> Tensor:
        """Return ln p_ref(q), normalised on d^{3N}q."""
        found = rambo.prior_log_prob(value.unflatten(-1, (-1, 3)) if self.flat else value)
        return found.expand(torch.broadcast_shapes(found.shape, self.batch_shape))

    def entropy(self) -> Tensor:
        """Return -<ln p_ref>."""
        each = math.log(4 * math.pi) + 2 + DIGAMMA_2
        return torch.full(self.batch_shape, self.n_particles * each, dtype=self.dtype, device=self.device)

    def expand(self, batch_shape: Shape, _instance: Self | None = None) -> Self:
        """Return the same law for a batch of this shape."""
        return type(self)(
            self.n_particles,
            flat=self.flat,
            batch_shape=torch.Size(batch_shape),
            dtype=self.dtype,
            device=self.device,
            generator=self.generator,
        )


class QSpace:
    """The way of events p [n, N, 3], E_cm = 1, into q-space and back: vectors [n, 3N] or point clouds [n, N, 3].

    `augmentation` is the choice of (b, x): a name such as "continuous", a fresh one for each event, or "single", one
    for all; or a dict such as {"b": [0, 0, 0], "x": 0.15}, see `onshell.events.augment`. Where a model's density
    matters take "continuous": then the training set fills q-space, and its law factorises into that of p and that of
    (b, x). What models see is of type `dtype`; p is float64. With `masses` [N] in units of E_cm events are massive,
    [n, N, 4]: px, py, pz and the mass; the model's are the massless ones that they are made of.
    """

    def __init__(
        self,
        n_particles: int,
        augmentation: str | Mapping[str, Any] = "continuous",
        *,
        flat: bool = True,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        masses: Sequence[float] | None = None,
    ):
        if isinstance(augmentation, str):
            if augmentation not in augment.AUGMENTATIONS:
                hint = nearest(augmentation, augment.AUGMENTATIONS)
                raise OnshellError(f"augmentation: {augmentation!r} is not known; {hint}")
            augmentation = augment.AUGMENTATIONS[augmentation]
        augment.validate(augmentation, "QSpace")
        self.prior = RamboPrior(n_particles, flat=flat, dtype=dtype)
        self.n_particles, self.augmentation, self.seed = n_particles, augmentation, seed
        self.flat, self.dtype = flat, dtype
        self.masses = None if masses is None else torch.tensor(masses, dtype=torch.float64)
        if self.masses is not None and self.masses.shape != (n_particles,):
            raise OnshellError(f"masses: {list(masses or ())} of {n_particles} particles; give one for each")

    def embed(self, p: Tensor, frame: tuple[Tensor, Tensor] | None = None, *, draw: int = 0) -> Tensor:
        """Return q of events `p` on the shell, as the model sees it: [n, 3N], or [n, N, 3].

        Every event is put into the `frame` (b [n, 3] or [3], x [n] or a number), by default into that of the
        augmentation; another `draw` gives other random frames, for another epoch, say.
        """
        p = self._physical(p)
        off = max(part.abs().max().item() for part in violation(p)) if len(p) else 0.0
        if not off <= ON_SHELL:
            raise OnshellError(
                f"embed: events are off the shell sum E = 1, sum p = 0 by {off:.1e}; scale them to E_cm = 1 in their "
                "centre-of-mass frame, or put them on it with onshell.physics.rambo.to_p"
            )
        q = rambo.to_q(to_massless(p), *(self._frames(len(p), draw) if frame is None else frame)).to(self.dtype)
        return q.flatten(1) if self.flat else q

    def to_p(self, q: Tensor) -> Tensor:
        """Return the events p [n, N, 3] of `q`, or [n, N, 4] with masses, float64: sum E = 1, sum p = 0 to rounding."""
        k = rambo.to_p(self._events(q.detach()))
        return k if self.masses is None else to_massive(k, self.masses)

    def log_prob(
        self, p: Tensor, log_rho: Callable[[Tensor], Tensor], draws: int = 64, rng: np.random.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the log-density at events `p` of a model on q-space, relative to uniform phase space, and its error.

        `log_rho` is the model's own log-density at q as it sees it; the density is the average of it over p_ref over
        `draws` of (b, x), see `fibre.log_density`. Subtract `rambo.log_volume(N)` for the density per dPhi_N of (2); of
        massive events it is relative to dPhi_N of their masses over the volume of massless phase space.
        """

        def seen(q: Tensor) -> Tensor:
            q = q.to(self.dtype)
            return log_rho(q.flatten(1) if self.flat else q).to(torch.float64)

        rng = stream(self.seed, "dropin", "fibre") if rng is None else rng
        p = self._physical(p)
        with torch.no_grad():
            density, error = fibre.log_density(seen, to_massless(p), draws, rng)
        return density if self.masses is None else density - log_volume_ratio(p), error

    def log_measure(self, q: Tensor) -> Tensor:
        """Return ln of d^{3N}q over dPhi_N d^3b dx at `q`: add it to log rho(q) for the density of (p, b, x)."""
        return fibre.log_measure(self._events(q))

    def _frames(self, n: int, draw: int) -> tuple[Tensor, Tensor]:
        """Return the frames b [n, 3], x [n] of the augmentation."""
        process = f"dropin-{draw}"
        frames = augment.frames(
            self.augmentation, name="dropin", process=process, n_particles=self.n_particles, seed=self.seed
        )
        return frames.of_rows(0, n)

    def _physical(self, p: Tensor) -> Tensor:
        """Return events p [n, N, 3], or [n, N, 4] with the masses of the space, whether `p` has any or not."""
        if self.masses is None:
            return self._events(p)
        if p.ndim == 3 and p.shape[-1] == 4:
            if (p[..., 3] - self.masses).abs().max() > ON_SHELL:
                raise OnshellError(f"events of other masses than {self.masses.tolist()}; make a QSpace of theirs")
            p = p[..., :3]
        p = self._events(p)
        return torch.cat([p, self.masses.expand(p.shape[:-1]).unsqueeze(-1)], -1)

    def _events(self, x: Tensor) -> Tensor:
        """Return vectors [n, 3N] or clouds [n, N, 3] as events [n, N, 3], float64."""
        x = x.to(torch.float64)
        events = x.unflatten(-1, (-1, 3)) if x.ndim == 2 and x.shape[-1] % 3 == 0 else x
        if events.shape[1:] != (self.n_particles, 3):
            n = self.n_particles
            raise OnshellError(f"events of shape {list(x.shape)}: give [n, {n}, 3] or [n, {3 * n}] for {n} particles")
        return events


def largest_violation(p: Tensor) -> float:
    """Return the largest |sum E - 1| or |sum p| of events `p` [n, N, 3], massless by |p| = E."""
    energy, momentum = violation(p.to(torch.float64))
    return max(energy.abs().max().item(), norm(momentum).max().item())
