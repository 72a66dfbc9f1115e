"""The reverse process (11) as a free function of a score."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from onshell.models.diffusion import Diffusion, unit_normal


def reverse(
    score: Callable[[Tensor, int], Tensor],
    x: Tensor,
    process: Diffusion,
    generator: torch.Generator,
    noise: str = "full",
    start: int | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield (t, state [n, N, 3]) for t = `start` ... 0 of the reverse process from `x` at t = `start`, T if None.

    `score(x, t)` is of any float type, states are float64; `noise` is one of `NOISES`, see `Diffusion.reverse_size`.
    """
    # Stored component by component, so that arithmetic over components runs along memory.
    x = x.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    first = process.steps if start is None else start
    yield first, x
    for t in range(first, 0, -1):
        x = process.reverse_step(x, t, score(x, t), unit_normal(*x.shape[:2], generator), noise)
        yield t - 1, x
