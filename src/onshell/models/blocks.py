"""What networks of particles are built from: time conditioning, transformer blocks, and checks of sizes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from onshell.core.errors import OnshellError
from onshell.models.activation import silu
from onshell.models.attention import Attention
from onshell.models.mlp import time_embedding


class Clock(nn.Module):
    """Map times t [B] in [0, 1] to `count` pairs (shift, scale), each [B,1,width]; all start as (0, 1)."""

    def __init__(self, time_dim: int, width: int, count: int):
        super().__init__()
        self.time_dim, self.count = time_dim, count
        self.inner = nn.Sequential(nn.Linear(time_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.out = start_at_zero(nn.Linear(width, 2 * count * width))

    def forward(self, t: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs (shift, scale) at times t [B]."""
        told = self.out(self.inner(time_embedding(t, self.time_dim)))[:, None]
        shifts, scales = told.chunk(2, dim=-1)
        return list(zip(shifts.chunk(self.count, dim=-1), (1 + scales).chunk(self.count, dim=-1), strict=True))


class Block(nn.Module):
    """A pre-norm transformer block: attention, then a perceptron, each added to the tokens [B,N,width]."""

    def __init__(self, width: int, heads: int, mlp_ratio: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)

    def forward(self, x: Tensor, first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], twice: bool) -> Tensor:
        """Return the new tokens; a pair (shift, scale) each tells the two parts the time."""
        x = x + self.attention(normed(x, *first), twice)
        return x + self.down(silu(self.up(normed(x, *second)), twice))


def normed(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Return tokens [B,N,width] of zero mean and unit variance each, scaled and shifted, in the type of `scale`."""
    return torch.addcmul(shift, functional.layer_norm(x, x.shape[-1:]).to(scale.dtype), scale)


def exact(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return layer(x) in the precision of its weights: the three digits of bf16 are too few for momenta."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.to(layer.weight.dtype))


def lowered(x: Tensor) -> Tensor:
    """Return x in the precision of the autocast around it, if there is one."""
    device = x.device.type
    return x.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else x


def start_at_zero(layer: nn.Linear) -> nn.Linear:
    """Return the layer with all its weights set to zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def differentiated(x: Tensor) -> bool:
    """Return whether derivatives by the events are wanted: only then can a second derivative follow."""
    return torch.is_grad_enabled() and x.requires_grad


def check_sizes(**sizes: int) -> None:
    """Raise unless all sizes, named as in `network`, are counts that fit together."""
    for key, value in sizes.items():
        least = 2 if key == "max_particles" else 1
        if value < least:
            raise OnshellError(f"network.{key}: {value} is too small; use {least} or more")
    if sizes["time_dim"] % 2:
        raise OnshellError(
            f"network.time_dim: {sizes['time_dim']} is odd; sines and cosines come in pairs, use an even number"
        )
    if sizes["width"] % sizes["heads"]:
        raise OnshellError(
            f"network.heads: {sizes['heads']} does not divide the width {sizes['width']}; use a divisor of it"
        )


def check_events(x: Tensor, max_particles: int) -> None:
    """Raise unless the events x [B,N,3] have 2 ... `max_particles` particles."""
    n = x.shape[1]
    if n > max_particles:
        raise OnshellError(f"network.max_particles: {max_particles} is below the {n} particles of the events; raise it")
    if n < 2:
        raise OnshellError(f"network.max_particles: events of {n} particles have no pairs; use 2 ... {max_particles}")
