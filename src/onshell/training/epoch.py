"""One pass over the training set."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.errors import OnshellError
from onshell.training.batches import batches
from onshell.training.learner import Learner
from onshell.training.rates import LR_SCHEDULES

# Steps between two looks at the loss. Looking waits for a GPU to finish; a state is never written before a look.
LOOK = {"cpu": 1, "cuda": 32}


def run_epoch(epoch: int, learner: Learner, spec: Mapping[str, Any], data: Tensor) -> dict[str, float]:
    """Return epoch, loss, lr (the last) and grad_norm, means over the events, after one pass over the shuffled `data`.

    Raises
    ------
    OnshellError
        For a loss or gradient that is not finite, in all processes alike.
    """
    options, name = spec["training"], (spec["seed"], "train", spec["run"], epoch)
    per_epoch = math.ceil(len(data) / options["batch_size"])
    rate, look = LR_SCHEDULES[options["lr_schedule"]], LOOK[learner.team.device.type]
    sums, made = torch.zeros(2, dtype=torch.float64), []
    for step, (rows, size) in enumerate(batches(learner.task, data, options["batch_size"], name, learner.team), 1):
        done = (epoch - 1) * per_epoch + step - 1
        lr = options["lr"] * rate(done, per_epoch * options["epochs"])
        made.append((step, lr, size, learner.step(rows, size, lr, done)))
        if len(made) == look or step == per_epoch:
            for number, rate_then, n, seen in made:
                seen = seen.cpu()
                if not torch.isfinite(seen).all():
                    raise OnshellError(
                        f"{spec['run']}: loss {seen[0]:.3g}, gradient {seen[1]:.3g} at epoch {epoch}, step {number} of "
                        f"{per_epoch}, lr {rate_then:.2g}: training diverged; lower training.lr or training.clip, "
                        "or set training.precision: fp32, and check the data for extreme events"
                    )
                sums += seen * n
            made.clear()
    loss, norm = (sums / len(data)).tolist()
    return {"epoch": epoch, "loss": loss, "lr": lr, "grad_norm": norm}
