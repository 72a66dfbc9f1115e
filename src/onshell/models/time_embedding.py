"""Embeddings of the time that resolve the end of a flow, where all that is singular happens."""

import math

import torch
from torch import Tensor

from onshell.core.errors import OnshellError

EARLIEST = 1e-5
"""Times below this are seen as this."""


def log_time(t: Tensor) -> Tensor:
    """Return ln t [B], no smaller than that of `EARLIEST`."""
    return t.clamp_min(EARLIEST).log()


def log_time_embedding(t: Tensor, dim: int) -> Tensor:
    """Return sines and cosines [B, dim] of dim/4 multiples of pi times t [B] in [0, 1] and of its logarithm."""
    multiples = math.pi * torch.arange(1, dim // 4 + 1, device=t.device, dtype=t.dtype)
    late, early = t[:, None] * multiples, (log_time(t) / -math.log(EARLIEST))[:, None] * multiples
    return torch.cat([early.sin(), early.cos(), late.sin(), late.cos()], 1)


def check_time_dim(dim: int) -> None:
    """Raise unless `dim` is a size that `log_time_embedding` can have."""
    if dim < 4 or dim % 4:
        raise OnshellError(f"network.time_dim: {dim} is no multiple of 4: sines and cosines of two times; use 64, say")
