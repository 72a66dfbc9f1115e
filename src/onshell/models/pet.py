"""The Point-Edge Transformer of App. A.2: nearest neighbours in angle, then a transformer over all particles."""

from torch import Tensor, nn

from onshell.models.activation import silu
from onshell.models.blocks import Block, Clock, check_events, check_sizes, differentiated, exact, normed, start_at_zero
from onshell.models.edgeconv import Local, neighbours
from onshell.models.particle_features import FEATURES, features


class Pet(nn.Module):
    """Map events and times, x [B,N,3] and t [B] in [0, 1], to one 3-vector per particle [B,N,3].

    Particles become tokens, told the time; `local_layers` layers along the edges to the `neighbours` nearest others add
    what is near; pre-norm transformer blocks and a generator head follow, each told the time by shifts and scales. The
    defaults are the "small" size. Renaming particles renames the output, the weights serve any N up to `max_particles`,
    and the output layer starts at zero.
    """

    def __init__(
        self,
        n_particles: int,
        width: int = 128,
        blocks: int = 8,
        heads: int = 8,
        local_layers: int = 2,
        neighbours: int = 10,
        mlp_ratio: int = 4,
        time_dim: int = 64,
        max_particles: int = 200,
    ):
        super().__init__()
        counts = {"width": width, "blocks": blocks, "heads": heads, "local_layers": local_layers}
        counts |= {"neighbours": neighbours, "mlp_ratio": mlp_ratio}
        check_sizes(**counts, time_dim=time_dim, max_particles=max_particles)
        self.n_particles, self.max_particles, self.neighbours = n_particles, max_particles, neighbours
        self.embed_up, self.embed_down = nn.Linear(FEATURES, 2 * width), nn.Linear(2 * width, width)
        self.local = nn.ModuleList(Local(width if i else FEATURES, width) for i in range(local_layers))
        self.clock = Clock(time_dim, width, 2 * blocks + 2)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio) for _ in range(blocks))
        self.head, self.out = nn.Linear(width, 2 * width), start_at_zero(nn.Linear(2 * width, 3))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the field [B,N,3] at events x [B,N,3] and times t [B] as fractions of the process."""
        check_events(x, self.max_particles)
        twice = differentiated(x)
        (shift, scale), *times, last = self.clock(t.to(x.dtype))
        seen = features(x)
        h = shift + scale * self.embed_down(silu(exact(self.embed_up, seen), twice))
        chosen = neighbours(x, min(self.neighbours, x.shape[1] - 1))
        for layer in self.local:
            seen = layer(seen, chosen, twice)
        # The sum that runs through all blocks stays in the precision of the events.
        h = (h + seen).to(x.dtype)
        for block, first, second in zip(self.blocks, times[::2], times[1::2], strict=True):
            h = block(h, first, second, twice)
        return exact(self.out, silu(self.head(normed(h, *last)), twice))
