"""Diffusion in q-space: forward process (10), implicit score matching (5), reverse process (11).

Time t counts the steps made: t = 0 is data, t = T the end of the forward process. Step k leads from t = k to k + 1.
Networks see the fraction t/T. States are float64, laid out component by component: [n, N, 3] as a view of [3, n, N].
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from onshell.models.divergence import with_divergence
from onshell.models.schedules import Schedule

# Events are simulated in blocks that stay in a processor's cache; noise is drawn block by block, step by step.
BLOCK = {"cpu": 2**15, "cuda": 2**24}


def pull(q: Tensor, gaussian: bool) -> Tensor | float:
    """Return c [..., N, 1] with reference score = -c q: 1/|q| + 1/|q|^2 for (9), 1 in the Gaussian phase (3).

    At q = 0, where (9) has no direction, c q is zero.
    """
    if gaussian:
        return 1.0
    x, y, z = q.unbind(-1)
    # Clamped just above the smallest square whose inverse is still a number.
    tiny = 4 * torch.finfo(q.dtype).tiny
    inverse = (x * x).addcmul_(y, y).addcmul_(z, z).clamp_min_(tiny).rsqrt_()
    return torch.addcmul(inverse, inverse, inverse).unsqueeze(-1)


def forward_step(q: Tensor, k: int, schedule: Schedule, noise: Tensor) -> Tensor:
    """Return q_{k+1} [..., N, 3] from q_k with unit normal `noise`, (10), or (3) in the Gaussian phase."""
    gamma, gaussian = schedule.phases[k]
    return (q * (1 - gamma * pull(q, gaussian))).add_(noise, alpha=(2 * gamma) ** 0.5)


def reverse_step(q: Tensor, t: int, score: Tensor, schedule: Schedule, noise: Tensor) -> Tensor:
    """Return the state at t - 1 from `q` [..., N, 3] at t and its score, (11), or (4) in the Gaussian phase."""
    gamma, gaussian = schedule.phases[t - 1]
    moved = (q * (1 + gamma * pull(q, gaussian))).add_(score, alpha=2 * gamma)
    return moved.add_(noise, alpha=(2 * gamma) ** 0.5)


def forward(q: Tensor, times: Tensor | int, schedule: Schedule, generator: torch.Generator, start: int = 0) -> Tensor:
    """Return the forward process of each event `q` [n, N, 3] at its own time `times` [n], begun at time `start`.

    Events are sorted by time and each is simulated no further than its own time; memory is that of the result.
    """
    n, n_particles, _ = q.shape
    times = torch.as_tensor(times).expand(n).cpu()
    order = times.argsort(descending=True, stable=True)
    # active[k] events, the first in `order`, have step k still ahead of them.
    active = n - torch.bincount(times, minlength=schedule.steps + 1).cumsum(0)
    size = max(1, BLOCK.get(q.device.type, BLOCK["cuda"]) // (3 * n_particles))
    result = torch.empty((3, n, n_particles), dtype=q.dtype, device=q.device).permute(1, 2, 0)
    for first in range(0, n, size):
        index = order[first : first + size].to(q.device)
        state = _by_component(q[index])
        for k in range(start, int(times[order[first]])):
            moving = min(int(active[k]) - first, len(index))
            # Float32 noise added to a float64 state: its rounding is far below the size of a step.
            noise = torch.randn((3, moving, n_particles), generator=generator, device=q.device).permute(1, 2, 0)
            if moving == len(index):
                state = forward_step(state, k, schedule, noise)
            else:
                state[:moving] = forward_step(state[:moving], k, schedule, noise)
        result[index] = state
    return result


def reverse(
    network: Callable[[Tensor, Tensor], Tensor], q: Tensor, schedule: Schedule, generator: torch.Generator
) -> Iterator[tuple[int, Tensor]]:
    """Yield (t, state [n, N, 3]) for t = T ... 0 of the reverse process (11) from `q`, drawn from p_ref, at t = T.

    `network` is the score s_theta: float32 events and times as fractions of T to a score of any float type.
    """
    q = _by_component(q)
    yield schedule.steps, q
    for t in range(schedule.steps, 0, -1):
        fraction = torch.full((len(q),), t / schedule.steps, device=q.device)
        score = network(q.to(torch.float32, memory_format=torch.contiguous_format), fraction)
        noise = torch.randn((3, *q.shape[:2]), generator=generator, device=q.device).permute(1, 2, 0)
        q = reverse_step(q, t, score, schedule, noise)
        yield t - 1, q


def time_weight(times: Tensor, steps: int, power: float, floor: float) -> Tensor:
    """Return (1 - t/T + floor)^power [n] in float64: early times count more, and the last ones still a little."""
    return (1 - times.to(torch.float64) / steps + floor) ** power


def draw_times(n: int, steps: int, power: float, floor: float, rng: np.random.Generator) -> Tensor:
    """Return `n` times t in 1 ... T [n], int64, drawn with probability proportional to (1 - t/T + floor)^power."""
    weights = time_weight(torch.arange(1, steps + 1), steps, power, floor).numpy()
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    return torch.from_numpy(np.minimum(drawn, steps - 1) + 1)


def ism_loss(network: nn.Module, q: Tensor, t: Tensor, weight: Tensor, divergence: str = "exact") -> Tensor:
    """Return the implicit score-matching loss (5) of events `q` [B,N,3] at times `t` [B] as fractions, weighted [B].

    The mean over events of weight * (|s|^2/2 + div s), in float32 or better whatever the network computes in.
    """
    score, div = with_divergence(network, q, t, divergence)
    score = score.to(div.dtype)
    return (weight * (0.5 * score.square().sum((1, 2)) + div)).mean()


def _by_component(q: Tensor) -> Tensor:
    """Return `q` [n, N, 3] stored component by component, so that arithmetic over components runs along memory."""
    return q.permute(2, 0, 1).contiguous().permute(1, 2, 0)
