"""What must hold before a training begins."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.events.checks import checked_weights
from onshell.training.optimizers import OPTIMIZERS
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
    if (kind := options.get("optimizer", "adamw")) not in OPTIMIZERS:
        raise OnshellError(f"training.optimizer: {kind!r} is not known; use {' or '.join(OPTIMIZERS)}")
    if kind == "muon" and not options.get("muon_lr", 0) > 0:
        raise OnshellError("training.muon_lr: missing or not above zero; muon needs a learning rate, such as 0.005")
    if kind == "muon" and not hasattr(torch.optim, "Muon"):
        raise OnshellError(f"training.optimizer: torch {torch.__version__} has no muon; install 2.9 or later")
    for key in ("epochs", "batch_size", "lr", "clip"):
        if not options[key] > 0:
            raise OnshellError(f"training.{key}: {options[key]} is not above zero")
    if not 0 <= options["ema"] < 1:
        raise OnshellError(f"training.ema: {options['ema']} is not a decay; use 0 for none, or such as 0.999")


def weights_of(spec: Mapping[str, Any], values: np.ndarray | None, n: int) -> Tensor | None:
    """Return the weights [n] of the events of a training set, of mean size 1, or None if there is nothing to weigh.

    Weights may be negative; equal ones, and none, weigh nothing.
    """
    weights = checked_weights(values, n, f"{spec['run']}: training set")
    if weights is None:
        return None
    if spec["loss"].get("times_per_event", 1) > 1:
        raise OnshellError(
            f"{spec['run']}: the training set has weights, but with loss.times_per_event above 1 the rows of a batch "
            "are not its events; set it to 1"
        )
    found = torch.from_numpy(np.array(weights))
    return (found / found.abs().mean()).float()
