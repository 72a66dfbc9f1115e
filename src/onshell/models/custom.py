"""Custom networks: a class at an import path "module:Class", checked to be what a network must be."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from onshell.core import custom
from onshell.core.errors import OnshellError, nearest
from onshell.core.rng import torch_stream

EVENTS = 5
"""Events that a network is tried on."""


def is_custom(kind: str) -> bool:
    """Return whether a network's type is the import path of a class of one's custom."""
    return ":" in kind


def provenance_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the provenance of the run `spec` says of its network under `network`, if it is one's custom."""
    kind = spec["network"]["type"]
    return {"network": custom.origin(kind, "network")} if is_custom(kind) else {}


def find(kind: str) -> type[nn.Module]:
    """Return the class at the import path `kind`, or raise where it is missing or no network."""
    found = custom.find(kind, "network")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        what = f"the {'class' if isinstance(found, type) else type(found).__name__} {kind.partition(':')[2]}"
        raise OnshellError(f"network.type: {kind!r} is {what}; a network is a class that inherits torch.nn.Module")
    return found


def make(kind: str, n_particles: int, options: Mapping[str, Any]) -> nn.Module:
    """Return a new network of the class `kind`, given `n_particles` and `options`, that works on events.

    Raises
    ------
    OnshellError
        One line that names the key: for one that the class does not take, or that is missing; where it cannot be made,
        fails on events or returns other than a vector per particle, and where it has nothing to learn.
    """
    made = find(kind)
    _check_keys(kind, made, options)
    given = ", ".join(f"{key} = {value!r}" for key, value in {"n_particles": n_particles, **options}.items())
    with custom.guarded(f"network {kind!r} cannot be made with {given}"):
        network = made(n_particles=n_particles, **options)
    if not isinstance(network, nn.Module):
        raise OnshellError(f"network {kind!r} makes a {type(network).__name__}, not a torch.nn.Module")
    _check_field(kind, network, n_particles)
    # A lazy layer has its weights only now.
    weights = list(network.named_parameters())
    if not any(weight.requires_grad for _, weight in weights):
        raise OnshellError(
            f"network {kind!r} has no weights to learn; give it layers as attributes, or an nn.ModuleList"
        )
    for name, weight in weights:
        if weight.dtype != torch.float32:
            raise OnshellError(f"network {kind!r}: its weight {name!r} is {weight.dtype}; networks are made in float32")
    _check_learning(kind, network, n_particles)
    return network


def trial(n_particles: int) -> tuple[Tensor, Tensor]:
    """Return events x [5, N, 3] like those of q-space and times t [5], float32: always the same."""
    generator = torch_stream(0, "trial", n_particles)
    x = 2 * torch.randn(EVENTS, n_particles, 3, generator=generator)
    return x, torch.rand(EVENTS, generator=generator)


def answer(network: nn.Module, n_particles: int) -> Tensor:
    """Return the field [5, N, 3] of a network that is ready to evaluate at the events of `trial`."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), custom.guarded("the network fails on events"):
        torch.default_generator.manual_seed(0)
        return network(*trial(n_particles))


def check_answer(kind: str, found: Tensor, wanted: Tensor) -> None:
    """Raise where a network's `answer` is other than it was: its code has changed, and its weights are for another."""
    # Far above what processors and versions of torch differ by.
    near = 1e-3 * wanted.nan_to_num().abs().max().item() + 1e-6
    if not torch.allclose(found, wanted, rtol=0.0, atol=near, equal_nan=True):
        raise OnshellError(
            f"network {kind!r} does not compute what it did when it was trained: its code has changed; restore it, or "
            "train again"
        )


def _check_keys(kind: str, made: type[nn.Module], options: Mapping[str, Any]) -> None:
    """Raise where the constructor of `made` does not take `options`, or needs more."""
    with custom.guarded(f"network {kind!r} does not say what it takes"):
        parameters = inspect.signature(made).parameters
    named = {name: p for name, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    known = [name for name in named if name != "n_particles"]
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        if "n_particles" not in named:
            raise OnshellError(f"network {kind!r} takes no n_particles; give its __init__ this argument")
        for key in options:
            if key not in known:
                raise OnshellError(f"network.{key}: {kind!r} does not take it; {nearest(key, known)}")
    for name in known:
        if name not in options and named[name].default is inspect.Parameter.empty:
            raise OnshellError(f"network.{name}: missing; {kind!r} needs it")


def _check_field(kind: str, network: nn.Module, n_particles: int) -> None:
    """Raise where the network does not map events and times to one vector per particle, one event alone as well."""
    modes = {module: module.training for module in network.modules()}
    x, t = trial(n_particles)
    network.eval()
    for size in (EVENTS, 1):
        given = f"x {[size, n_particles, 3]}, t {[size]}"
        with torch.no_grad(), custom.guarded(f"network {kind!r} fails on {given}"):
            seen = x[:size].clone(), t[:size].clone()
            field = network(*seen)
        if not (torch.equal(seen[0], x[:size]) and torch.equal(seen[1], t[:size])):
            raise OnshellError(f"network {kind!r} changes the events, or the times, that it is given; work on a copy")
        if not isinstance(field, Tensor):
            raise OnshellError(
                f"network {kind!r} returns {type(field).__name__}; it must return one vector per particle"
            )
        if field.shape != x[:size].shape:
            raise OnshellError(
                f"network {kind!r} returns shape {list(field.shape)} for {given}; it must return one vector per "
                f"particle, {[size, n_particles, 3]}"
            )
        if field.layout is not torch.strided or not field.is_floating_point():
            found = f"{field.dtype} ({field.layout})"
            raise OnshellError(f"network {kind!r} returns {found}; it must return a plain tensor of real numbers")
        if not torch.isfinite(field).all():
            raise OnshellError(f"network {kind!r} returns numbers that are NaN or infinite for {given}")
    for module, mode in modes.items():
        module.training = mode


def _check_learning(kind: str, network: nn.Module, n_particles: int) -> None:
    """Raise where the network, as it is in training, fails, or where no gradient reaches a weight of it.

    One step is tried and taken back: weights, statistics of layers and random numbers are then what they were.
    """
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.random.fork_rng(devices=[]), torch.enable_grad(), custom.guarded(f"network {kind!r} fails in training"):
        field = network(*trial(n_particles))
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        reached = field.requires_grad and any(
            part is not None for part in torch.autograd.grad(field.square().sum(), weights, allow_unused=True)
        )
    network.load_state_dict(before)
    if not reached:
        raise OnshellError(
            f"network {kind!r} returns a field through which no gradient reaches its weights, so that it cannot learn; "
            "leave detach, no_grad and .data away"
        )


@contextlib.contextmanager
def at_work(spec: Mapping[str, Any], what: str) -> Iterator[None]:
    """Turn what a custom network raises in training or sampling, `what`, into one line that names it."""
    kind = spec["network"]["type"]
    with custom.guarded(f"network {kind!r} fails in {what}") if is_custom(kind) else contextlib.nullcontext():
        yield
