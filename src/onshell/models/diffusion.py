"""Diffusions, one interface for q-space (10) and p-space (29): chains of the forward process, steps of its reverse.

Time t counts the steps made: t = 0 is data, t = T the end of the forward process. Step k leads from t = k to k + 1.
States are float64, best laid out component by component: [n, N, 3] as a view of [3, n, N].
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models.schedules import Schedule

# Events are simulated in blocks that stay in a processor's cache; noise is drawn block by block, step by step.
NUMBERS_AT_ONCE = {"cpu": 2**15, "cuda": 2**24}

NOISES = ("full", "last-step-noiseless", "posterior")
"""The variances of the noise of reverse steps, see `Diffusion.reverse_size`."""


class Diffusion(ABC):
    """A diffusion of `steps` steps; `sigma` [T+1] is the size of the noise in the state at each time."""

    space: str

    def __init__(self, schedule: Schedule):
        self.schedule, self.steps, self.sigma = schedule, schedule.steps, schedule.sigma(self.space)

    @abstractmethod
    def mean(self, x: Tensor, k: int | Tensor) -> Tensor:
        """Return the mean [n, N, 3] of the state at k + 1, given `x` at k: mu of (25). `k` may differ by event [n]."""

    @abstractmethod
    def chains(self, x: Tensor, times: Tensor, generator: torch.Generator, start: int = 0) -> Tensor:
        """Return [m, K, N, 3]: the one chain of each event `x` [m, N, 3], begun at `start`, at its `times` [m, K]."""

    @abstractmethod
    def reverse_mean(self, x: Tensor, t: int, score: Tensor) -> Tensor:
        """Return the state at t - 1 without its noise, from `x` [n, N, 3] at t and its score."""

    def forward(self, x: Tensor, times: Tensor | int, generator: torch.Generator, start: int = 0) -> Tensor:
        """Return the state [n, N, 3] of each event `x`, begun at time `start`, at its own time `times` [n]."""
        times = torch.as_tensor(times).expand(len(x))
        return self.chains(x, times[:, None], generator, start).squeeze(1)

    def step(self, x: Tensor, k: int | Tensor, noise: Tensor) -> Tensor:
        """Return the state at k + 1 from `x` [n, N, 3] at k with unit normal `noise`: (10), (3) or (29)."""
        if isinstance(k, Tensor):
            return self.mean(x, k) + (2 * per_event(self.schedule.gamma, k, x)).sqrt() * noise
        return self.mean(x, k).add_(noise, alpha=(2 * self.schedule.phases[k][0]) ** 0.5)

    def place(self, time: float) -> int:
        """Return the step nearest to a normalised `time`, 0 = data, 1 = the end."""
        return round(time * self.steps)

    def target(self, x: Tensor, k: int | Tensor, noise: Tensor, after: Tensor) -> Tensor:
        """Return what a network of noise prediction is to say of the step with `noise` from `x` at k to `after`."""
        return noise

    def reverse_step(self, x: Tensor, t: int, score: Tensor, noise: Tensor, kind: str = "full") -> Tensor:
        """Return the state at t - 1 from `x` [n, N, 3] at t, its score and unit normal `noise`: (11), (4).

        `kind` says how large the noise is, see `reverse_size`.
        """
        return self.reverse_mean(x, t, score).add_(noise, alpha=self.reverse_size(t, kind))

    def reverse_size(self, t: int, kind: str) -> float:
        """Return the standard deviation of the noise in the step from t to t - 1.

        Parameters
        ----------
        t
            The time at which the step begins, T ... 1.
        kind
            `full`: that of the forward step, sqrt(2 gamma_{t-1}), also in the step to t = 0, as (11) and (4) stand.
            `last-step-noiseless`: the same, but 0 in the step to t = 0, as samplers of diffusion models have it.
            `posterior`: that of the step back to known data, smaller by sigma_{t-1} / sigma_t, so 0 in the last step.

        Raises
        ------
        OnshellError
            When `kind` is none of these.
        """
        size = (2 * self.schedule.phases[t - 1][0]) ** 0.5
        if kind == "posterior":
            return size * (self.sigma[t - 1] / self.sigma[t]).item()
        if kind not in NOISES:
            raise OnshellError(f"sampling.noise: {kind!r} is not known; use {', '.join(NOISES)}")
        return 0.0 if kind == "last-step-noiseless" and t == 1 else size


class Langevin(Diffusion):
    """The q-space diffusion (10), which ends at p_ref, with (3) in the Gaussian phase of the schedule."""

    space = "q"

    def mean(self, x: Tensor, k: int | Tensor) -> Tensor:
        """Return mu [n, N, 3] of (25): q + gamma s_ref(q), or q - gamma q in the Gaussian phase."""
        if isinstance(k, Tensor):
            free = pull(x, False, self.schedule.softening)
            c = torch.where(per_event(self.schedule.is_gaussian, k, x), 1.0, free)
            return x * (1 - per_event(self.schedule.gamma, k, x) * c)
        gamma, gaussian = self.schedule.phases[k]
        return x * (1 - gamma * pull(x, gaussian, self.schedule.softening))

    def reverse_mean(self, x: Tensor, t: int, score: Tensor) -> Tensor:
        """Return q + gamma (-s_ref(q) + 2 s) [n, N, 3], (11), or (4) in the Gaussian phase."""
        gamma, gaussian = self.schedule.phases[t - 1]
        return (x * (1 + gamma * pull(x, gaussian, self.schedule.softening))).add_(score, alpha=2 * gamma)

    def chains(self, x: Tensor, times: Tensor, generator: torch.Generator, start: int = 0) -> Tensor:
        """Return [m, K, N, 3]: the one chain of each event `x` [m, N, 3], begun at `start`, at its `times` [m, K].

        Events are sorted by their latest time and each is simulated no further; memory is that of the result. The K
        states of an event are of one chain, so they depend on each other, while each has the law of its own time.
        """
        (m, n_particles, _), looks = x.shape, times.shape[1]
        times, device = times.cpu(), x.device
        latest, order = times.amax(1).sort(descending=True, stable=True)
        # active[k] events, the first in `order`, have step k still ahead of them.
        active = (m - torch.bincount(latest, minlength=self.steps + 1).cumsum(0)).tolist()
        size = max(1, NUMBERS_AT_ONCE.get(device.type, NUMBERS_AT_ONCE["cuda"]) // (3 * n_particles))
        result = _empty(m * looks, n_particles, x)
        for first in range(0, m, size):
            index = order[first : first + size]
            state = _by_component(x[index.to(device)])
            # Every look at a chain of this block, by its time: up to `ends[t]` are of times up to t.
            at, look = times[index].flatten().sort(stable=True)
            ends, done = torch.bincount(at, minlength=self.steps + 1).cumsum(0).tolist(), 0
            row, seen = (look // looks).to(device), _empty(len(look), n_particles, x)
            for t in range(start, int(latest[first]) + 1):
                if t > start:
                    state = self._moved(state, t - 1, min(active[t - 1] - first, len(index)), generator)
                if ends[t] > done:
                    seen[done : ends[t]] = state[row[done : ends[t]]]
                    done = ends[t]
            result[(index[:, None] * looks + torch.arange(looks)).flatten()[look].to(device)] = seen
        return result.view(m, looks, n_particles, 3)

    def _moved(self, state: Tensor, k: int, moving: int, generator: torch.Generator) -> Tensor:
        """Return `state` [n, N, 3] with step k made by its first `moving` events."""
        # Float32 noise added to a float64 state: its rounding is far below the size of a step.
        noise = unit_normal(moving, state.shape[1], generator)
        if moving == len(state):
            return self.step(state, k, noise)
        state[:moving] = self.step(state[:moving], k, noise)
        return state


class VariancePreserving(Diffusion):
    """The p-space process (29), which ends at unit normal components; any time is reached in one jump."""

    space = "p"

    def __init__(self, schedule: Schedule):
        if schedule.softening:
            raise OnshellError("schedule.softening: a p-space process has no reference score to soften; remove it")
        super().__init__(schedule)
        self.log_decay = schedule.log_decay()

    def mean(self, x: Tensor, k: int | Tensor) -> Tensor:
        """Return sqrt(1 - 2 gamma) p [n, N, 3]."""
        if isinstance(k, Tensor):
            return x * (1 - 2 * per_event(self.schedule.gamma, k, x)).sqrt()
        return x * (1 - 2 * self.schedule.phases[k][0]) ** 0.5

    def reverse_mean(self, x: Tensor, t: int, score: Tensor) -> Tensor:
        """Return (p + 2 gamma s) / sqrt(1 - 2 gamma) [n, N, 3]."""
        gamma, _ = self.schedule.phases[t - 1]
        return x.add(score, alpha=2 * gamma).div_((1 - 2 * gamma) ** 0.5)

    def jump(self, x: Tensor, start: Tensor, times: Tensor, noise: Tensor) -> Tensor:
        """Return the state [n, N, 3] at `times` [n] from `x` at `start` [n]: sqrt(a) p + sqrt(1 - a) noise.

        a is the product of 1 - 2 gamma over the steps between: abar_t, if they begin at 0.
        """
        log_decay = per_event(self.log_decay, times, x) - per_event(self.log_decay, start, x)
        return log_decay.exp() * x + (-(2 * log_decay).expm1()).sqrt() * noise

    def chains(self, x: Tensor, times: Tensor, generator: torch.Generator, start: int = 0) -> Tensor:
        """Return [m, K, N, 3]: the one chain of each event `x` [m, N, 3], begun at `start`, at its `times` [m, K]."""
        (m, n_particles, _), looks = x.shape, times.shape[1]
        at, look = times.cpu().sort(1)
        result = _empty(m * looks, n_particles, x).unflatten(0, (m, looks))
        rows, before = torch.arange(m, device=x.device), torch.full((m,), start)
        for j in range(looks):
            x = self.jump(x, before, at[:, j], unit_normal(m, n_particles, generator))
            result[rows, look[:, j].to(x.device)] = x
            before = at[:, j]
        return result


def pull(q: Tensor, gaussian: bool, softening: float = 0.0) -> Tensor | float:
    """Return c [..., N, 1] with reference score = -c q: 1/|q| + 1/(|q|^2 + s^2), (9) at s = 0; 1 if Gaussian, (3).

    At q = 0, where (9) has no direction, c q is zero.
    """
    if gaussian:
        return 1.0
    x, y, z = q.unbind(-1)
    # Clamped just above the smallest square whose inverse is still a number.
    tiny = 4 * torch.finfo(q.dtype).tiny
    square = (x * x).addcmul_(y, y).addcmul_(z, z).clamp_min_(tiny)
    if softening:
        return square.rsqrt().add_((square + softening**2).reciprocal_()).unsqueeze(-1)
    inverse = square.rsqrt_()
    return torch.addcmul(inverse, inverse, inverse).unsqueeze(-1)


def unit_normal(n: int, n_particles: int, generator: torch.Generator) -> Tensor:
    """Return unit normal noise [n, N, 3] in float32, on the generator's device, stored component by component."""
    return torch.randn((3, n, n_particles), generator=generator, device=generator.device).permute(1, 2, 0)


def per_event(table: Tensor, k: Tensor, x: Tensor) -> Tensor:
    """Return the values [n, 1, 1] of `table` at `k` [n], beside the events `x`."""
    return table[k.cpu()].to(x.device)[:, None, None]


def _empty(n: int, n_particles: int, like: Tensor) -> Tensor:
    """Return room for `n` events [n, N, 3], stored component by component."""
    return torch.empty((3, n, n_particles), dtype=like.dtype, device=like.device).permute(1, 2, 0)


def _by_component(q: Tensor) -> Tensor:
    """Return `q` [n, N, 3] stored component by component, so that arithmetic over components runs along memory."""
    return q.permute(2, 0, 1).contiguous().permute(1, 2, 0)
