"""What must hold before a training begins."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.errors import OnshellError
from onshell.training.rates import LR_SCHEDULES

BLOCK = 2**16
"""Events looked at together, so that no copy of the data is made."""


def check(spec: Mapping[str, Any], data: Tensor) -> None:
    """Raise unless the data and the settings of the loop make sense."""
    options = spec["training"]
    if len(data) == 0:
        raise OnshellError(f"{spec['run']}: the training set has no events; generate some")
    if data.shape[1:] != (spec["n_particles"], 3):
        raise OnshellError(
            f"{spec['run']}: events of shape {tuple(data.shape[1:])}, the network takes ({spec['n_particles']}, 3); "
            "use the training set of this run's dataset"
        )
    finite = torch.cat([torch.isfinite(block).flatten(1).all(1) for block in data.split(BLOCK)])
    bad = (~finite).nonzero().flatten()
    if len(bad):
        raise OnshellError(
            f"{spec['run']}: {len(bad)} events of the training set are not finite (first: {bad[:5].tolist()}); "
            "remove them"
        )
    for key, known in (("lr_schedule", LR_SCHEDULES), ("keep", ("lowest-loss", "last"))):
        if options[key] not in known:
            raise OnshellError(f"training.{key}: {options[key]!r} is not known; use {' or '.join(known)}")
    for key in ("epochs", "batch_size", "lr", "clip"):
        if not options[key] > 0:
            raise OnshellError(f"training.{key}: {options[key]} is not above zero")
    if not 0 <= options["ema"] < 1:
        raise OnshellError(f"training.ema: {options['ema']} is not a decay; use 0 for none, or such as 0.999")
