"""A small transformer over the particles of an event, smooth enough for score matching by second derivatives."""

from torch import Tensor, nn

from onshell.models.networks.features import FEATURES, particle_features
from onshell.models.networks.layers import (
    TransformerBlock,
    check_events,
    differentiated,
    exact,
    modulate,
    start_at_zero,
)
from onshell.models.networks.options import TransformerOptions
from onshell.models.networks.time_embedding import TimeConditioning


class Transformer(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Pre-norm blocks over the features of the particles, each conditioned on the time by shifts and scales. Renaming
    particles renames the output, the weights serve any N up to `max_particles`, and the output layer starts at zero.
    """

    def __init__(self, n_particles: int, options: TransformerOptions | None = None):
        super().__init__()
        o = options or TransformerOptions()
        self.n_particles, self.max_particles = n_particles, o.max_particles
        self.embed = nn.Linear(FEATURES, o.width)
        self.clock = TimeConditioning(o.time_dim, o.width, 2 * o.blocks + 1)
        self.blocks = nn.ModuleList(TransformerBlock(o.width, o.heads, o.mlp_ratio) for _ in range(o.blocks))
        self.out = start_at_zero(nn.Linear(o.width, 3))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the diffusion."""
        check_events(x, self.max_particles)
        twice = differentiated(x)
        *times, (shift, scale) = self.clock(t.to(x.dtype))
        h = exact(self.embed, particle_features(x))
        for block, first, second in zip(self.blocks, times[::2], times[1::2], strict=True):
            h = block(h, first, second, twice)
        return exact(self.out, modulate(h, shift.to(h.dtype), scale.to(h.dtype)))
