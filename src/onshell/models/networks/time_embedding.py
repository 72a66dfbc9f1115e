"""Embeddings of the time, and the shifts and scales by which they condition the layers of a network."""

import math

import torch
from torch import Tensor, nn

from onshell.models.networks.layers import start_at_zero

EARLIEST = 1e-5
"""Times below this count as this in logarithms, which resolve the end of a flow, where its field is singular."""


def log_time(t: Tensor) -> Tensor:
    """Return ln t [B], no smaller than that of `EARLIEST`."""
    return t.clamp_min(EARLIEST).log()


def log_time_embedding(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines [B, dim] of dim/4 multiples of pi times t [B] in [0, 1] and of its logarithm."""
    multiples = math.pi * torch.arange(1, dim // 4 + 1, device=t.device, dtype=t.dtype)
    late, early = t[:, None] * multiples, (log_time(t) / -math.log(EARLIEST))[:, None] * multiples
    return torch.cat([early.sin(), early.cos(), late.sin(), late.cos()], 1)


def time_embedding(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines [B, dim] of t [B] in [0, 1], at dim/2 frequencies from 1000 down to 0.1."""
    half = dim // 2
    frequencies = 1000 * torch.exp(-math.log(1e4) / half * torch.arange(half, device=t.device, dtype=t.dtype))
    phase = t[:, None] * frequencies
    return torch.cat([phase.sin(), phase.cos()], dim=1)


class TimeConditioning(nn.Module):
    """Map times t [B] in [0, 1] to `count` pairs (shift, scale), each [B,1,width]; all start as (0, 1)."""

    def __init__(self, time_dim: int, width: int, count: int):
        super().__init__()
        self.time_dim, self.count = time_dim, count
        self.inner = nn.Sequential(nn.Linear(time_dim, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.out = start_at_zero(nn.Linear(width, 2 * count * width))

    def forward(self, t: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the pairs (shift, scale) at times t [B]."""
        conditioning = self.out(self.inner(time_embedding(t, self.time_dim)))[:, None]
        shifts, scales = conditioning.chunk(2, dim=-1)
        return list(zip(shifts.chunk(self.count, dim=-1), (1 + scales).chunk(self.count, dim=-1), strict=True))
