"""The reverse process (11) as a free function of a score."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from onshell.models.processes import Process, unit_normal


def reverse(
    score: Callable[[Tensor, int], Tensor], x: Tensor, process: Process, generator: torch.Generator, noise: str = "full"
) -> Iterator[tuple[int, Tensor]]:
    """Yield (t, state [n, N, 3]) for t = T ... 0 of the reverse process from `x` at t = T.

    `score(x, t)` is of any float type, states are float64; `noise` is full or posterior, see `Process.reverse_step`.
    """
    # Stored component by component, so that arithmetic over components runs along memory.
    x = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    yield process.steps, x
    for t in range(process.steps, 0, -1):
        x = process.reverse_step(x, t, score(x, t), unit_normal(*x.shape[:2], generator), noise)
        yield t - 1, x
