"""What diffusions are trained to do: implicit score matching (5), noise prediction (28)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from onshell.core.errors import OnshellError
from onshell.models.chart_diffusions import LogPolarChain, chain_of
from onshell.models.diffusion import Diffusion, VariancePreserving
from onshell.models.divergence import random_signs, with_divergence

Spec = Mapping[str, Any]
Network = Callable[[Tensor, Tensor], Tensor]
Rows = tuple[Tensor, ...]


@dataclass(frozen=True)
class Objective:
    """What a network is trained to do, in two functions that know nothing of the training loop.

    `draw(data [m,N,3] float64, rng, generator)` returns tensors with m rows each, all randomness in them;
    `loss(network, *rows)` returns the mean loss over some of these rows, `loss(network, *rows, weights=w)` the mean
    of w [m] times the loss of each row. `data` are in network units.
    """

    draw: Callable[[Tensor, np.random.Generator, torch.Generator], Rows]
    loss: Callable[..., Tensor]


def implicit_score_matching(spec: Spec, fitted: Mapping[str, Any] | None = None) -> Objective:
    """Return the objective (5) of a score network, or with preconditioning `sigma` of one that is sigma_t * score.

    Rows are x_t, t/T, the weight of the event, sigma_t, and with hutchinson the probe. With preconditioning the loss
    is weighted by sigma_t^2 besides: sigma_t^2 (|s|^2/2 + div s) = |net|^2/2 + sigma_t div net, finite at every t.
    """
    diffusion, options = chain_of(spec), spec["loss"]
    floor, scaled = options["time_floor"], _scaled(options)

    def draw(data: Tensor, rng: np.random.Generator, generator: torch.Generator) -> Rows:
        times = draw_times(len(data), diffusion.steps, options["time_weight_power"], floor, rng)
        x = diffusion.forward(data, times, generator)
        weight = time_weight(times, diffusion.steps, options["loss_weight_power"], floor)
        sigma = diffusion.sigma[times] if scaled else torch.ones(len(times))
        rows = float32(data.device, x, times / diffusion.steps, weight, sigma)
        return (*rows, random_signs(x.shape, generator)) if options["divergence"] == "hutchinson" else rows

    def loss(
        network: nn.Module,
        x: Tensor,
        t: Tensor,
        weight: Tensor,
        sigma: Tensor,
        probe: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        weight = weight if weights is None else weight * weights
        return ism_loss(network, x, t, weight, sigma, options["divergence"], probe)

    return Objective(draw, loss)


def noise_prediction(spec: Spec, fitted: Mapping[str, Any] | None = None) -> Objective:
    """Return the objective (28): the network returns the noise in the state it sees; 1 is the loss of no prediction.

    Rows are x_t, t/T, the noise. target `step`: the noise of the last step (25)-(28), x_t the state after one more step
    of known noise from a chain at t - 1, see `LogPolarChain` for its chart. target `chain`: all the noise of the closed
    form of (29), a standard DDPM.
    t is uniform in 1 ... T; see `states` for `times_per_event`.
    """
    diffusion, options = chain_of(spec), spec["loss"]
    target, looks = options["target"], options["times_per_event"]
    if target not in ("step", "chain"):
        raise OnshellError(f"loss.target: {target!r} is not known; use 'step' or 'chain'")
    if target == "chain" and spec["space"] != "p":
        raise OnshellError("loss.target: 'chain' needs the closed form of the p-space process; in q-space use 'step'")

    def draw(data: Tensor, rng: np.random.Generator, generator: torch.Generator) -> Rows:
        noise = torch.randn(data.shape, generator=generator, device=data.device)
        if isinstance(diffusion, VariancePreserving) and target == "chain":
            times = torch.from_numpy(rng.integers(1, diffusion.steps + 1, len(data)))
            x = diffusion.jump(data, torch.zeros_like(times), times, noise)
        else:

            def some_times(n: int) -> Tensor:
                return torch.from_numpy(rng.integers(0, diffusion.steps, n))

            before, times = states(diffusion, data, looks, some_times, rng, generator)
            x = diffusion.step(before, times, noise)
            noise, times = diffusion.target(before, times, noise, x), times + 1
        return float32(data.device, x, times / diffusion.steps, noise)

    return Objective(draw, mean_square)


def score(network: Network, spec: Spec) -> Callable[[Tensor, int], Tensor]:
    """Return the score s(x [n,N,3], t) that the `network` of the diffusion `spec` stands for, at the time t = 1 ... T.

    The network sees float32 events and fractions t/T; the score is float32 or better, whatever the network returns.
    """
    diffusion, options = chain_of(spec), spec["loss"]
    if options["type"] == "ism":
        factors = 1 / diffusion.sigma if _scaled(options) else torch.ones(diffusion.steps + 1)
    elif options["target"] == "chain":
        factors = -1 / diffusion.sigma
    else:
        factors = torch.cat([torch.zeros(1), -((2 * diffusion.schedule.gamma) ** -0.5)])
    numbers = factors.tolist()
    known = diffusion.known_score if isinstance(diffusion, LogPolarChain) and options["type"] == "noise" else None

    def value(x: Tensor, t: int) -> Tensor:
        fraction = torch.full((len(x),), t / diffusion.steps, device=x.device)
        field = network(x.to(torch.float32, memory_format=torch.contiguous_format), fraction)
        seen = numbers[t] * field.to(torch.promote_types(field.dtype, torch.float32))
        return seen if known is None else seen + known(x)

    return value


def states(
    diffusion: Diffusion,
    data: Tensor,
    looks: int,
    some_times: Callable[[int], Tensor],
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return m states [m,N,3] of the forward process of `data` [m,N,3] and their times [m], drawn by `some_times(n)`.

    With `looks` > 1 the chains of only m/looks of the events, chosen at random, are simulated, and each gives its
    states at `looks` times, at a cost per state that falls nearly as 1/looks. Rows are shuffled. Any mean over rows has
    the same expectation as with a fresh chain for each, so the loss stays unbiased; its variance is somewhat larger.
    """
    m = len(data)
    if looks == 1:
        times = some_times(m)
        return diffusion.forward(data, times, generator), times
    if looks < 1:
        raise OnshellError(f"loss.times_per_event: {looks} is not a number of times; use 1 or more")
    chosen = torch.from_numpy(rng.permutation(m)[: -(-m // looks)])
    times = some_times(len(chosen) * looks).view(-1, looks)
    rows = torch.from_numpy(rng.permutation(times.numel())[:m])
    x = diffusion.chains(data[chosen.to(data.device)], times, generator).flatten(0, 1)
    return x[rows.to(x.device)], times.flatten()[rows]


def time_weight(times: Tensor, steps: int, power: float, floor: float) -> Tensor:
    """Return (1 - t/T + floor)^power [n] in float64: early times count more, and the last ones still a little."""
    return (1 - times.to(torch.float64) / steps + floor) ** power


def draw_times(n: int, steps: int, power: float, floor: float, rng: np.random.Generator) -> Tensor:
    """Return `n` times t in 1 ... T [n], int64, drawn with probability proportional to (1 - t/T + floor)^power."""
    weights = time_weight(torch.arange(1, steps + 1), steps, power, floor).numpy()
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    return torch.from_numpy(np.minimum(drawn, steps - 1) + 1)


def ism_loss(
    network: nn.Module,
    x: Tensor,
    t: Tensor,
    weight: Tensor,
    sigma: Tensor | float = 1.0,
    divergence: str = "exact",
    probe: Tensor | None = None,
) -> Tensor:
    """Return the implicit score-matching loss (5) of events `x` [B,N,3] at times `t` [B] as fractions, weighted [B].

    The mean over events of weight * (|net|^2/2 + sigma div net), in float32 or better whatever the network computes in.
    """
    field, div = with_divergence(network, x, t, divergence, probe)
    field = field.to(div.dtype)
    return (weight * (0.5 * field.square().sum((1, 2)) + sigma * div)).mean()


def mean_square(network: Network, x: Tensor, t: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean over events, weighted if there are `weights`, and components of |network(x, t) - target|^2.

    In float32 or better.
    """
    square = (network(x, t) - target).square()
    return square.mean() if weights is None else (weights * square.flatten(1).mean(1)).mean()


def _scaled(options: Spec) -> bool:
    """Return whether the network of an ism loss is sigma_t * score."""
    kind = options.get("preconditioning", "none")
    if kind not in ("none", "sigma"):
        raise OnshellError(f"loss.preconditioning: {kind!r} is not known; use 'none' or 'sigma'")
    return kind == "sigma"


def float32(device: torch.device, *rows: Tensor) -> Rows:
    """Return the rows as networks take them."""
    return tuple(row.to(device, torch.float32).contiguous() for row in rows)
