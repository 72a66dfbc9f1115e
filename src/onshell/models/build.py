"""The registry: from a run's spec, plain data, to its network and to what the network is trained to do."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from onshell.core.errors import OnshellError, nearest
from onshell.core.rng import torch_stream
from onshell.models import custom as own
from onshell.models.equivariant_mlp import EquivariantMlp
from onshell.models.equivariant_transformer import EquivariantTransformer
from onshell.models.flows import flow_matching, velocity_matching
from onshell.models.mlp import Mlp
from onshell.models.objectives import Objective, implicit_score_matching, noise_prediction
from onshell.models.pet import Pet
from onshell.models.transformer import Transformer

Spec = Mapping[str, Any]

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "mlp": Mlp,
    "pet": Pet,
    "transformer": Transformer,
    "equivariant-mlp": EquivariantMlp,
    "equivariant-transformer": EquivariantTransformer,
}
OBJECTIVES: dict[str, dict[str, Callable[..., Objective]]] = {
    "diffusion": {"ism": implicit_score_matching, "noise": noise_prediction, "velocity": velocity_matching},
    "flow": {"flow": flow_matching},
}
"""By family and loss.type: each takes a run's spec and what its prior was fitted to."""


def build(spec: Spec) -> nn.Module:
    """Return a new network of the run `spec`, its weights drawn from the run's own stream."""
    options = dict(spec["network"])
    kind, n_particles = options.pop("type"), spec["n_particles"]
    if own.is_own(kind):
        # Before the stream is lent: a module that draws numbers when it is first imported must not change the weights.
        own.find(kind)
        with _stream(spec):
            return own.make(kind, n_particles, options)
    _known("network.type", kind, [*NETWORKS, "module:Class"])
    if n_particles > (most := options.get("max_particles", n_particles)):
        raise OnshellError(
            f"network.max_particles: {most} is below the {n_particles} particles of {spec['dataset']}; raise it"
        )
    try:
        with _stream(spec):
            return NETWORKS[kind](n_particles=n_particles, **options)
    except TypeError as error:
        raise OnshellError(f"network: the type {kind!r} does not take {options!r} ({error})") from error


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


def _known(key: str, name: str, names: Iterable[str]) -> str:
    """Return `name` if it is among `names`, or raise the error that proposes the nearest."""
    names = list(names)
    if name in names:
        return name
    raise OnshellError(f"{key}: {name!r} is not known; {nearest(name, names)}")
