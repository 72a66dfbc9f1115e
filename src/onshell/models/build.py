"""The registry: from a run's spec, plain data, to its network and to what the network is trained to do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from onshell.errors import OnshellError, nearest
from onshell.models import diffusion
from onshell.models.mlp import Mlp
from onshell.models.schedules import Schedule
from onshell.streams import torch_stream

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Objective:
    """What a network is trained to do, in two functions that know nothing of the training loop.

    `draw(data [n,N,3] float64, rng, generator)` returns tensors with n rows, fresh noise in them;
    `loss(network, *rows)` returns the mean loss over some of these rows.
    """

    draw: Callable[[Tensor, np.random.Generator, torch.Generator], tuple[Tensor, ...]]
    loss: Callable[..., Tensor]


def implicit_score_matching(spec: Spec) -> Objective:
    """Return the objective of a score network under (5), with the law of (q_t, t) of App. A.1 by fresh chains."""
    schedule, options = Schedule.from_spec(spec["schedule"]), spec["loss"]
    floor = options["time_floor"]

    def draw(data: Tensor, rng: np.random.Generator, generator: torch.Generator) -> tuple[Tensor, ...]:
        times = diffusion.draw_times(len(data), schedule.steps, options["time_weight_power"], floor, rng)
        q = diffusion.forward(data, times, schedule, generator)
        weight = diffusion.time_weight(times, schedule.steps, options["loss_weight_power"], floor)
        fraction = times / schedule.steps
        return tuple(rows.to(data.device, torch.float32).contiguous() for rows in (q, fraction, weight))

    def loss(network: nn.Module, q: Tensor, t: Tensor, weight: Tensor) -> Tensor:
        return diffusion.ism_loss(network, q, t, weight, options["divergence"])

    return Objective(draw, loss)


NETWORKS: dict[str, Callable[..., nn.Module]] = {"mlp": Mlp}
OBJECTIVES: dict[str, Callable[[Spec], Objective]] = {"ism": implicit_score_matching}


def build(spec: Spec) -> nn.Module:
    """Return a new network of the run `spec`, its weights drawn from the run's own stream."""
    options = dict(spec["network"])
    kind = _known("network.type", options.pop("type"), NETWORKS)
    try:
        # torch's layers initialise themselves from the global generator, which is lent and given back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(torch_stream(spec["seed"], "init", spec["run"]).initial_seed())
            return NETWORKS[kind](n_particles=spec["n_particles"], **options)
    except TypeError as error:
        raise OnshellError(f"network: the type {kind!r} does not take {options!r} ({error})") from error


def objective(spec: Spec) -> Objective:
    """Return what the network of the run `spec` is trained to do."""
    return OBJECTIVES[_known("loss.type", spec["loss"]["type"], OBJECTIVES)](spec)


def _known(key: str, name: str, names: Iterable[str]) -> str:
    """Return `name` if it is among `names`, or raise the error that proposes the nearest."""
    names = list(names)
    if name in names:
        return name
    raise OnshellError(f"{key}: {name!r} is not known; {nearest(name, names)}")
