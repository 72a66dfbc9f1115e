"""A network through torch.compile."""

import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from onshell.core.errors import OnshellError

REMEDY = "set training.compile: false"


class Compiled:
    """What a loss needs of a network, compiled: `(x, t) -> field`, and `with_divergence` if the network has its own."""

    def __init__(self, network: nn.Module):
        self._forward = _guarded(network)
        divergence: Callable[..., Any] | None = getattr(network, "with_divergence", None)
        if divergence is not None:
            self.with_divergence = _guarded(divergence)

    def __call__(self, *inputs: Any) -> Any:
        """Return the field of the network."""
        return self._forward(*inputs)


def compiled(network: nn.Module, spec: Mapping[str, Any], device: torch.device) -> Compiled:
    """Return `network` compiled for the training of the run `spec`, or raise where that cannot work."""
    loss = spec["loss"]
    own = loss.get("divergence") == "exact" and hasattr(network, "with_divergence")
    if loss["type"] == "ism" and not own:
        raise OnshellError(
            f"training.compile: the {loss['divergence']} divergence of a {spec['network']['type']} takes second "
            f"derivatives, which torch.compile does not make; {REMEDY}"
        )
    compilers = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++"]
    if device.type == "cpu" and not any(map(shutil.which, compilers)):
        raise OnshellError(f"training.compile: found no C++ compiler ({', '.join(compilers)}); install one or {REMEDY}")
    return Compiled(network)


def _guarded(function: Callable) -> Callable:
    """Return `function` compiled; where the compiler fails, the error is one line."""
    fast = torch.compile(function)

    def call(*inputs: Any) -> Any:
        try:
            return fast(*inputs)
        except torch._dynamo.exc.TorchDynamoException as error:
            fault = " ".join(str(error).split())
            raise OnshellError(f"training.compile: torch.compile failed ({fault:.200}); {REMEDY}") from error

    return call
