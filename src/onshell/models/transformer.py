"""A small transformer over the particles of an event, smooth enough for score matching by second derivatives."""

from torch import Tensor, nn

from onshell.models.blocks import Block, Clock, check_events, check_sizes, differentiated, exact, normed, start_at_zero
from onshell.models.particle_features import FEATURES, features


class Transformer(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Pre-norm blocks over one token per particle, each told the time by shifts and scales. Renaming particles renames the
    output, the weights serve any N up to `max_particles`, and the output layer starts at zero.
    """

    def __init__(
        self,
        n_particles: int,
        width: int = 128,
        blocks: int = 4,
        heads: int = 4,
        mlp_ratio: int = 4,
        time_dim: int = 64,
        max_particles: int = 200,
    ):
        super().__init__()
        counts = {"width": width, "blocks": blocks, "heads": heads, "mlp_ratio": mlp_ratio}
        check_sizes(**counts, time_dim=time_dim, max_particles=max_particles)
        self.n_particles, self.max_particles = n_particles, max_particles
        self.embed = nn.Linear(FEATURES, width)
        self.clock = Clock(time_dim, width, 2 * blocks + 1)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(blocks))
        self.out = start_at_zero(nn.Linear(width, 3))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the process."""
        check_events(x, self.max_particles)
        twice = differentiated(x)
        *times, (shift, scale) = self.clock(t.to(x.dtype))
        h = exact(self.embed, features(x))
        for block, first, second in zip(self.blocks, times[::2], times[1::2], strict=True):
            h = block(h, first, second, twice)
        return exact(self.out, normed(h, shift.to(h.dtype), scale.to(h.dtype)))
