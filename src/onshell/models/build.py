"""The registry: from a run's spec, plain data, to its network and to what the network is trained to do."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from onshell.core.errors import OnshellError, nearest
from onshell.core.rng import torch_stream
from onshell.models import custom
from onshell.models.flows import flow_matching, velocity_matching
from onshell.models.networks.options import NETWORKS, problems
from onshell.models.objectives import Objective, implicit_score_matching, noise_prediction

Spec = Mapping[str, Any]

OBJECTIVES: dict[str, dict[str, Callable[..., Objective]]] = {
    "diffusion": {"ism": implicit_score_matching, "noise": noise_prediction, "velocity": velocity_matching},
    "flow": {"flow": flow_matching},
}
"""By family and loss.type: each takes a run's spec and what its prior was fitted to."""


def build(spec: Spec) -> nn.Module:
    """Return a new network of the run `spec`, its weights drawn from the run's own stream."""
    entry, n_particles = spec["network"], spec["n_particles"]
    kind = entry["type"]
    if custom.is_custom(kind):
        # Before the stream is lent: a module that draws numbers when it is first imported must not change the weights.
        custom.find(kind)
        with _stream(spec):
            return custom.make(kind, n_particles, {key: value for key, value in entry.items() if key != "type"})
    options = NETWORKS[_known("network.type", kind, NETWORKS, "module:Class")]
    for problem in problems(entry):
        raise OnshellError(f"network.{problem}")
    if n_particles > (most := entry.get("max_particles", n_particles)):
        raise OnshellError(
            f"network.max_particles: {most} is below the {n_particles} particles of {spec['dataset']}; raise it"
        )
    with _stream(spec):
        return options(**entry).make(n_particles)


def objective(spec: Spec, fitted: Mapping[str, Any] | None = None) -> Objective:
    """Return what the network of the run `spec` is trained to do; `fitted` is what `priors.fit` returned."""
    losses = OBJECTIVES[_known("family", spec["family"], OBJECTIVES)]
    return losses[_known("loss.type", spec["loss"]["type"], losses)](spec, fitted)


@contextlib.contextmanager
def _stream(spec: Spec) -> Iterator[None]:
    """Lend torch's global generator, from which its layers initialise themselves, the stream of the run `spec`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch_stream(spec["seed"], "init", spec["run"]).initial_seed())
        yield


def _known(key: str, name: str, names: Iterable[str], *others: str) -> str:
    """Return `name` if it is among `names`, or raise the error that proposes the nearest, or `others`."""
    if name in (names := list(names)):
        return name
    raise OnshellError(f"{key}: {name!r} is not known; {nearest(name, [*names, *others])}")
