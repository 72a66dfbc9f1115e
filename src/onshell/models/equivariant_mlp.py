"""A perceptron on the invariants of an event: for few particles, labelled or not."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.core.errors import OnshellError
from onshell.models.blocks import check_events, start_at_zero
from onshell.models.invariants import Geometry, beside, energy_order, field, geometry, unit_axis
from onshell.models.time_embedding import check_time_dim, log_time_embedding


class EquivariantMlp(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    `depth` SiLU layers of `width` turn lengths, angles, pair masses and the time into the coefficients of the vectors
    of `field`, so that turning an event turns the output; the output layer starts at zero. Particles are `exchangeable`
    (seen by falling |x|: renaming them renames the output) or labelled. With an `axis`, such as the beam, only
    rotations about it and reflections that keep it are symmetries. Without `log_pairs` the network sees the cosine of
    two particles, and not the logarithms of their angle and of their pair mass, which resolve collinear ones.
    """

    def __init__(
        self,
        n_particles: int,
        width: int = 256,
        depth: int = 4,
        time_dim: int = 64,
        exchangeable: bool = True,
        axis: Sequence[float] | None = None,
        log_pairs: bool = True,
    ):
        super().__init__()
        for key, value in (("width", width), ("depth", depth)):
            if value < 1:
                raise OnshellError(f"network.{key}: {value} is too small; use 1 or more")
        check_time_dim(time_dim)
        n, self.exchangeable, self.time_dim, self.log_pairs = n_particles, exchangeable, time_dim, log_pairs
        self.n_particles, pairs = n, n * (n - 1) // 2
        self.register_buffer("axis", unit_axis(axis), persistent=False)
        # Of the axis: cosines, their products, that of the total, those of the directions between particles.
        seen, made = 2 * n + (3 if log_pairs else 1) * pairs + 2, n * n
        if axis is not None:
            seen, made = seen + n + n * (n + 1) // 2 + 1 + n * (n - 1), made + n + n * n
        widths = [seen + time_dim] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.out = start_at_zero(nn.Linear(width, made))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the process."""
        check_events(x, self.n_particles)
        if x.shape[1] != self.n_particles:
            raise OnshellError(f"network: made for {self.n_particles} particles, the events have {x.shape[1]}")
        if not self.exchangeable:
            return self._field(x, t)
        order = energy_order(x)
        made = self._field(x.gather(1, order), t)
        return torch.zeros_like(made).scatter(1, order, made)

    def hidden_weights(self) -> list[nn.Parameter]:
        """Return the matrices that lead to hidden layers, that of the invariants among them."""
        return [layer.weight for layer in self.layers]

    def _field(self, x: Tensor, t: Tensor) -> Tensor:
        n, found = x.shape[1], geometry(x)
        h = torch.cat([self._seen(x, found), log_time_embedding(t.to(x.dtype), self.time_dim)], 1)
        for layer in self.layers:
            h = functional.silu(layer(h))
        made = self.out(h).to(x.dtype)
        result = field(made[:, : n * n].view(-1, n, n), found)
        if self.axis is None:
            return result
        cosines = found.unit @ self.axis
        # Along the axis: odd functions of it as cosines times even ones, and any others.
        of_others = (made[:, n * n + n :].view(-1, n, n) * cosines[:, None]).sum(-1)
        return result + (made[:, n * n : n * n + n] + of_others)[..., None] * beside(self.axis, cosines, found)

    def _seen(self, x: Tensor, found: Geometry) -> Tensor:
        """Return the invariants [B, ...], each of the order of one."""
        n = x.shape[1]
        i, j = torch.triu_indices(n, n, 1, device=x.device)
        total = x.sum(1)
        seen = [
            0.25 * found.log_length,
            found.length.sqrt(),
            0.5 * found.chord2[:, i, j] - 1,
            *(0.15 * pair[:, i, j] for pair in (found.log_angle, found.log_mass2) if self.log_pairs),
            0.5 * (total.square().sum(-1, keepdim=True) + 1e-12).sqrt(),
            0.5 * found.length.sum(1, keepdim=True).log(),
        ]
        if self.axis is not None:
            cosines = found.unit @ self.axis
            a, b = torch.triu_indices(n, n, device=x.device)
            off = ~torch.eye(n, dtype=torch.bool, device=x.device)
            between = (found.across @ self.axis)[:, off]
            seen += [cosines, cosines[:, a] * cosines[:, b], 0.5 * (total @ self.axis)[:, None], between]
        return torch.cat(seen, 1)
