"""The Point-Edge Transformer of App. A.2: nearest neighbours in angle, then a transformer over all particles."""

import torch
from torch import Tensor, nn

from onshell.models.networks.features import FEATURES, lengths, particle_features
from onshell.models.networks.layers import (
    TransformerBlock,
    check_events,
    differentiated,
    exact,
    lowered,
    modulate,
    silu,
    start_at_zero,
)
from onshell.models.networks.options import PetOptions
from onshell.models.networks.time_embedding import TimeConditioning


class Pet(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Particle features are embedded and conditioned on the time, `local_layers` edge convolutions over the `neighbours`
    nearest in angle are added, and pre-norm transformer blocks and a generator head follow, each conditioned on the
    time by shifts and scales. The defaults are the "small" size. Renaming particles renames the output, the weights
    serve any N up to `max_particles`, and the output layer starts at zero. Chosen, since the paper does not say: the
    inputs, see `particle_features`, and what is simpler than in the published PET.
    """

    def __init__(self, n_particles: int, options: PetOptions | None = None):
        super().__init__()
        o = options or PetOptions()
        self.n_particles, self.max_particles, self.neighbours = n_particles, o.max_particles, o.neighbours
        self.embed_up, self.embed_down = nn.Linear(FEATURES, 2 * o.width), nn.Linear(2 * o.width, o.width)
        self.local = nn.ModuleList(EdgeConv(o.width if i else FEATURES, o.width) for i in range(o.local_layers))
        self.clock = TimeConditioning(o.time_dim, o.width, 2 * o.blocks + 2)
        self.blocks = nn.ModuleList(TransformerBlock(o.width, o.heads, o.mlp_ratio) for _ in range(o.blocks))
        self.head, self.out = nn.Linear(o.width, 2 * o.width), start_at_zero(nn.Linear(2 * o.width, 3))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the diffusion."""
        check_events(x, self.max_particles)
        twice = differentiated(x)
        (shift, scale), *times, last = self.clock(t.to(x.dtype))
        seen = particle_features(x)
        h = shift + scale * self.embed_down(silu(exact(self.embed_up, seen), twice))
        chosen = neighbours(x, min(self.neighbours, x.shape[1] - 1))
        for layer in self.local:
            seen = layer(seen, chosen, twice)
        # The sum that runs through all blocks stays in the precision of the events.
        h = (h + seen).to(x.dtype)
        for block, first, second in zip(self.blocks, times[::2], times[1::2], strict=True):
            h = block(h, first, second, twice)
        return exact(self.out, silu(self.head(modulate(h, *last)), twice))


def neighbours(q: Tensor, k: int) -> Tensor:
    """Return the k particles nearest in angle to each of `q` [B,N,3], itself left out: True in [B,k,N,N] at [:,s,i,j].

    Slot s of particle i holds one j; slots have no order. Angles do not change under rotations, nor with energies.
    """
    n = q.shape[1]
    with torch.no_grad():
        x, y, z = (q / lengths(q)).unbind(-1)
        # |u_i - u_j|^2 of unit vectors: 1 - cos would lose small angles to rounding. No two are further apart than 4.
        distance2 = sum((axis[:, :, None] - axis[:, None]).square() for axis in (x, y, z))
        distance2 = distance2 + 5 * torch.eye(n, dtype=q.dtype, device=q.device)
        chosen = distance2.topk(k, dim=-1, largest=False, sorted=False).indices
        return chosen.mT.contiguous()[..., None] == torch.arange(n, device=q.device)


class EdgeConv(nn.Module):
    """Map features [B,N,inputs] to [B,N,width]: the mean, over a particle's neighbours, of a perceptron on the edge.

    An edge is seen as (neighbour - centre, centre). The first layer, W (x_j - x_i) + V x_i, is made once per particle
    instead of once per edge, and the last once after the mean.
    """

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.near = nn.Linear(inputs, width, bias=False)
        self.centre = nn.Linear(inputs, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, chosen: Tensor, twice: bool) -> Tensor:
        """Return the new features [B,N,width]; `chosen` [B,k,N,N] comes from `neighbours`."""
        batch, k, n, _ = chosen.shape
        near, centre = exact(self.near, x), exact(self.centre, x)
        # bf16 would round both ends of a collinear edge before their difference is taken.
        with torch.autocast(x.device.type, enabled=False):
            # A product with zeros and ones gathers faster than an index, forward and backward.
            picked = torch.bmm(chosen.view(batch, k * n, n).to(near.dtype), near)
            edges = picked.view(batch, k, n, -1) + (centre - near)[:, None]
        hidden = silu(lowered(edges), twice)
        return silu(self.out(hidden.sum(1) / k), twice)
