"""A transformer whose tokens and attention see invariants of particles and of pairs: for many particles, any N."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.models.blocks import check_events, check_sizes, exact, normed, start_at_zero
from onshell.models.invariants import Geometry, beside, field, geometry, unit_axis
from onshell.models.time_embedding import EARLIEST, check_time_dim, log_time, log_time_embedding

OF_A_PARTICLE, OF_A_PAIR = 7, 5


class EquivariantTransformer(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Pairs are embedded in `pair_width` numbers from their angle, mass and energies; their mean begins a particle's
    token, they bias the attention between particles in every block, and with the tokens at the end they give the
    coefficients of `field`. Turning an event turns the output, renaming particles renames it (unless they are
    `labelled`), the weights serve any N up to `max_particles`, and the output layers start at zero. With an `axis`,
    such as the beam, only rotations about it and reflections that keep it are symmetries.
    """

    def __init__(
        self,
        n_particles: int,
        width: int = 64,
        blocks: int = 3,
        heads: int = 4,
        pair_width: int = 32,
        mlp_ratio: int = 2,
        time_dim: int = 64,
        labelled: bool = False,
        axis: Sequence[float] | None = None,
        max_particles: int = 200,
    ):
        super().__init__()
        counts = {"width": width, "blocks": blocks, "heads": heads, "pair_width": pair_width, "mlp_ratio": mlp_ratio}
        check_sizes(**counts, time_dim=time_dim, max_particles=max_particles)
        check_time_dim(time_dim)
        self.n_particles, self.max_particles, self.heads, self.time_dim = n_particles, max_particles, heads, time_dim
        self.register_buffer("axis", unit_axis(axis), persistent=False)
        with_axis = axis is not None
        of_one, of_two = OF_A_PARTICLE + 2 * with_axis, OF_A_PAIR + 2 * with_axis
        self.particle = nn.Linear(of_one, width)
        self.label = nn.Parameter(torch.zeros(n_particles, width)) if labelled else None
        self.pair, self.pair_first, self.pair_second = (
            nn.Linear(size, pair_width) for size in (of_two, of_one, of_one)
        )
        self.pair_hidden, self.pair_mean = nn.Linear(pair_width, pair_width), nn.Linear(pair_width, width)
        self.bias = nn.Linear(pair_width, blocks * heads)
        self.time = nn.Sequential(nn.Linear(time_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.told = start_at_zero(nn.Linear(width, (2 * blocks + 1) * 2 * width + pair_width))
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(blocks))
        self.first, self.second = nn.Linear(width, pair_width), nn.Linear(width, pair_width)
        self.both = nn.Linear(pair_width, pair_width)
        self.out_pair = start_at_zero(nn.Linear(pair_width, 2 if with_axis else 1))
        self.out_particle = start_at_zero(nn.Linear(width, 2 if with_axis else 1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the process."""
        check_events(x, self.max_particles)
        found, t = geometry(x), t.to(x.dtype)
        of_one, of_two = self._particles(x, t, found), self._pairs(t, found)
        told = self.told(self.time(log_time_embedding(t, self.time_dim)))
        shifts, scales = told[:, self.pair.out_features :].chunk(2, dim=1)
        count = 2 * len(self.blocks) + 1
        times = [
            (a[:, None], 1 + b[:, None]) for a, b in zip(shifts.chunk(count, 1), scales.chunk(count, 1), strict=True)
        ]
        # Exact: the three digits of bf16 are too few for angles and masses over many decades.
        clock = told[:, None, : self.pair.out_features].to(x.dtype)
        pairs = exact(self.pair, of_two) + (exact(self.pair_first, of_one) + clock)[:, :, None]
        pairs = functional.silu((pairs + exact(self.pair_second, of_one)[:, None]).to(told.dtype))
        pairs = functional.silu(self.pair_hidden(pairs))
        h = exact(self.particle, of_one).to(told.dtype) + self.pair_mean(pairs.mean(2))
        if self.label is not None:
            h = h + self.label
        # By block, event and head, keys before queries: see `Block`.
        bias = self.bias(pairs).unflatten(-1, (len(self.blocks), self.heads)).permute(3, 0, 4, 2, 1).flatten(1, 2)
        for block, bias_here, first, second in zip(self.blocks, bias, times[::2], times[1::2], strict=False):
            h = block(h, bias_here, first, second)
        h = normed(h, *times[-1])
        met = functional.silu(self.first(h)[:, :, None] + self.second(h)[:, None] + self.both(pairs))
        return self._field(self.out_pair(met).to(x.dtype), self.out_particle(h).to(x.dtype), found)

    def hidden_weights(self) -> list[nn.Parameter]:
        """Return the matrices between hidden layers."""
        layers = [layer for block in self.blocks for layer in block.children()]
        layers += [self.pair_hidden, self.pair_mean, self.first, self.second, self.both, self.time[0], self.time[2]]
        return [layer.weight for layer in [*layers, self.told]]

    def _particles(self, x: Tensor, t: Tensor, found: Geometry) -> Tensor:
        """Return what is seen of each particle [B,N,...]: its energy, and it against the total and the noise."""
        total, sum_e = x.sum(1), found.length.sum(1, keepdim=True)
        velocity, late = total / sum_e, log_time(t)[:, None]
        ahead = (found.unit * velocity[:, None]).sum(-1)
        of_all = [velocity.square().sum(-1, keepdim=True), sum_e.log() - math.log(2 * x.shape[1])]
        seen = [
            0.25 * found.log_length,
            found.length.sqrt(),
            0.25 * (found.log_length - 2 * late),
            ahead,
            0.5 * torch.asinh(ahead * sum_e / t.clamp_min(EARLIEST)[:, None]),
            *(value.expand_as(ahead) for value in of_all),
        ]
        if self.axis is not None:
            cosines = found.unit @ self.axis
            seen += [cosines, cosines.square()]
        return torch.stack(seen, -1)

    def _pairs(self, t: Tensor, found: Geometry) -> Tensor:
        """Return what is seen of each pair [B,N,N,...]: angle, mass, mass against the noise, ratio of energies."""
        log_mass2, late = found.log_mass2, log_time(t)[:, None, None]
        seen = [
            0.5 * found.chord2 - 1,
            0.15 * found.log_angle,
            0.15 * log_mass2,
            0.15 * (log_mass2 - 2 * late),
            0.25 * (found.log_length[:, :, None] - found.log_length[:, None]),
        ]
        if self.axis is not None:
            cosines = found.unit @ self.axis
            seen += [found.across @ self.axis, cosines[:, :, None] * cosines[:, None]]
        return torch.stack(seen, -1)

    def _field(self, of_two: Tensor, of_one: Tensor, found: Geometry) -> Tensor:
        """Return the vectors [B,N,3] from numbers of pairs [B,N,N,...] and of particles [B,N,...]."""
        own = torch.eye(of_one.shape[1], dtype=of_one.dtype, device=of_one.device)
        result = field(of_two[..., 0] * (1 - own) + torch.diag_embed(of_one[..., 0]), found)
        if self.axis is None:
            return result
        cosines = found.unit @ self.axis
        along = of_one[..., 1] + (of_two[..., 1] * cosines[:, None]).sum(-1)
        return result + along[..., None] * beside(self.axis, cosines, found)


class Block(nn.Module):
    """A pre-norm block: attention biased by pairs, then a perceptron, each added to the tokens [B,N,width]."""

    def __init__(self, width: int, heads: int, mlp_ratio: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.met = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, mlp_ratio * width), nn.Linear(mlp_ratio * width, width)

    def forward(self, h: Tensor, bias: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Return the new tokens; `bias` [B*heads,N,N] is added to the logits, keys before queries."""
        batch, n, width = h.shape
        heads = self.qkv(normed(h, *first)).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = heads.flatten(1, 2).unbind(0)
        # The softmax runs along the keys' axis, not the last: along whole vectors of numbers in memory.
        share = (torch.bmm(k, q.mT) / math.sqrt(q.shape[-1]) + bias).softmax(1)
        h = h + self.met(torch.bmm(share.mT, v).view(batch, self.heads, n, -1).transpose(1, 2).reshape(batch, n, width))
        return h + self.down(functional.silu(self.up(normed(h, *second))))
