"""Networks of the invariants of an event: a perceptron for few particles, a transformer for any number."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.core.errors import OnshellError
from onshell.models.networks.features import Geometry, beside, energy_order, field, geometry, unit_axis
from onshell.models.networks.layers import check_events, exact, modulate, start_at_zero
from onshell.models.networks.options import EquivariantMlpOptions, EquivariantTransformerOptions
from onshell.models.networks.time_embedding import EARLIEST, log_time, log_time_embedding

NODE_FEATURES, PAIR_FEATURES = 7, 5


class EquivariantMlp(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    `depth` SiLU layers of `width` turn lengths, angles, pair masses and the time into the coefficients of the vectors
    of `field`, so that turning an event turns the output; the output layer starts at zero. Particles are `exchangeable`
    (seen by falling |x|: renaming them renames the output) or labelled. With an `axis`, such as the beam, only
    rotations about it and reflections that keep it are symmetries. Without `log_pairs` the network sees the cosine of
    two particles, and not the logarithms of their angle and of their pair mass, which resolve collinear ones.
    """

    def __init__(self, n_particles: int, options: EquivariantMlpOptions | None = None):
        super().__init__()
        o = options or EquivariantMlpOptions()
        n, pairs = n_particles, n_particles * (n_particles - 1) // 2
        self.n_particles, self.exchangeable = n, o.exchangeable
        self.time_dim, self.log_pairs = o.time_dim, o.log_pairs
        self.axis: Tensor | None
        self.register_buffer("axis", unit_axis(o.axis), persistent=False)
        # Of the axis: cosines, their products, that of the total, those of the directions between particles.
        seen, made = 2 * n + (3 if o.log_pairs else 1) * pairs + 2, n * n
        if o.axis is not None:
            seen, made = seen + n + n * (n + 1) // 2 + 1 + n * (n - 1), made + n + n * n
        widths = [seen + o.time_dim] + [o.width] * o.depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.out = start_at_zero(nn.Linear(o.width, made))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the diffusion."""
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
        return [weight for weight in self.layers.parameters() if weight.ndim == 2]

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


class EquivariantTransformer(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Pairs are embedded in `pair_width` numbers from their angle, mass and energies. Their mean is added to the embedding
    of a particle, they bias the attention between particles in every block, and with the particles' features at the
    end they give the coefficients of `field`. Turning an event turns the output, renaming particles renames it (unless
    they are `labelled`), the weights serve any N up to `max_particles`, and the output layers start at zero. With an
    `axis`, such as the beam, only rotations about it and reflections that keep it are symmetries.
    """

    def __init__(self, n_particles: int, options: EquivariantTransformerOptions | None = None):
        super().__init__()
        o = options or EquivariantTransformerOptions()
        self.n_particles, self.max_particles = n_particles, o.max_particles
        self.heads, self.time_dim = o.heads, o.time_dim
        self.axis: Tensor | None
        self.register_buffer("axis", unit_axis(o.axis), persistent=False)
        with_axis = o.axis is not None
        width, pair_width = o.width, o.pair_width
        node_size, pair_size = NODE_FEATURES + 2 * with_axis, PAIR_FEATURES + 2 * with_axis
        self.particle = nn.Linear(node_size, width)
        self.label = nn.Parameter(torch.zeros(n_particles, width)) if o.labelled else None
        self.pair, self.pair_first, self.pair_second = (
            nn.Linear(size, pair_width) for size in (pair_size, node_size, node_size)
        )
        self.pair_hidden, self.pair_mean = nn.Linear(pair_width, pair_width), nn.Linear(pair_width, width)
        self.bias = nn.Linear(pair_width, o.blocks * o.heads)
        self.time = nn.Sequential(nn.Linear(o.time_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.told = start_at_zero(nn.Linear(width, (2 * o.blocks + 1) * 2 * width + pair_width))
        self.blocks = nn.ModuleList(PairBlock(width, o.heads, o.mlp_ratio) for _ in range(o.blocks))
        self.first, self.second = nn.Linear(width, pair_width), nn.Linear(width, pair_width)
        self.both = nn.Linear(pair_width, pair_width)
        self.out_pair = start_at_zero(nn.Linear(pair_width, 2 if with_axis else 1))
        self.out_particle = start_at_zero(nn.Linear(width, 2 if with_axis else 1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the diffusion."""
        check_events(x, self.max_particles)
        found, t = geometry(x), t.to(x.dtype)
        node_features, pair_features = self._particles(x, t, found), self._pairs(t, found)
        conditioning = self.told(self.time(log_time_embedding(t, self.time_dim)))
        shifts, scales = conditioning[:, self.pair.out_features :].chunk(2, dim=1)
        count = 2 * len(self.blocks) + 1
        times = [
            (a[:, None], 1 + b[:, None]) for a, b in zip(shifts.chunk(count, 1), scales.chunk(count, 1), strict=True)
        ]
        # Exact: the three digits of bf16 are too few for angles and masses over many decades.
        time = conditioning[:, None, : self.pair.out_features].to(x.dtype)
        pairs = exact(self.pair, pair_features) + (exact(self.pair_first, node_features) + time)[:, :, None]
        pairs = functional.silu((pairs + exact(self.pair_second, node_features)[:, None]).to(conditioning.dtype))
        pairs = functional.silu(self.pair_hidden(pairs))
        h = exact(self.particle, node_features).to(conditioning.dtype) + self.pair_mean(pairs.mean(2))
        if self.label is not None:
            h = h + self.label
        # By block, event and head, keys before queries: see `PairBlock`.
        bias = self.bias(pairs).unflatten(-1, (len(self.blocks), self.heads)).permute(3, 0, 4, 2, 1).flatten(1, 2)
        for block, bias_here, first, second in zip(self.blocks, bias, times[::2], times[1::2], strict=False):
            h = block(h, bias_here, first, second)
        h = modulate(h, *times[-1])
        last = functional.silu(self.first(h)[:, :, None] + self.second(h)[:, None] + self.both(pairs))
        return self._field(self.out_pair(last).to(x.dtype), self.out_particle(h).to(x.dtype), found)

    def hidden_weights(self) -> list[nn.Parameter]:
        """Return the matrices between hidden layers."""
        layers = [self.pair_hidden, self.pair_mean, self.first, self.second, self.both, self.time, self.told]
        return [weight for layer in [self.blocks, *layers] for weight in layer.parameters() if weight.ndim == 2]

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

    def _field(self, pair_features: Tensor, node_features: Tensor, found: Geometry) -> Tensor:
        """Return the vectors [B,N,3] from numbers of pairs [B,N,N,...] and of particles [B,N,...]."""
        itself = torch.eye(node_features.shape[1], dtype=node_features.dtype, device=node_features.device)
        result = field(pair_features[..., 0] * (1 - itself) + torch.diag_embed(node_features[..., 0]), found)
        if self.axis is None:
            return result
        cosines = found.unit @ self.axis
        along = node_features[..., 1] + (pair_features[..., 1] * cosines[:, None]).sum(-1)
        return result + along[..., None] * beside(self.axis, cosines, found)


class PairBlock(nn.Module):
    """A pre-norm block: attention biased by pairs, then a perceptron, each added to the features [B,N,width]."""

    def __init__(self, width: int, heads: int, mlp_ratio: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.met = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, mlp_ratio * width), nn.Linear(mlp_ratio * width, width)

    def forward(self, h: Tensor, bias: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
        """Return the new features; `bias` [B*heads,N,N] is added to the logits, keys before queries."""
        batch, n, width = h.shape
        heads = self.qkv(modulate(h, *first)).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = heads.flatten(1, 2).unbind(0)
        # The softmax runs along the keys' axis, not the last: along whole vectors of numbers in memory.
        share = (torch.bmm(k, q.mT) / math.sqrt(q.shape[-1]) + bias).softmax(1)
        h = h + self.met(torch.bmm(share.mT, v).view(batch, self.heads, n, -1).transpose(1, 2).reshape(batch, n, width))
        return h + self.down(functional.silu(self.up(modulate(h, *second))))
