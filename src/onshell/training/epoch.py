"""One pass over the training set, which may be made in parts."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.training.batches import batches
from onshell.training.learner import Learner
from onshell.training.optimizers import LR_SCHEDULES

# Steps between two looks at the loss. Looking waits for a GPU to finish; a state is never written before a look.
LOOK = {"cpu": 1, "cuda": 32}


@dataclass(frozen=True)
class EpochState:
    """An epoch as far as it went: the steps made, and the sums of loss and gradient norm over their events."""

    steps: int = 0
    loss: float = 0.0
    norm: float = 0.0


def steps_of(spec: Mapping[str, Any], data: Tensor) -> int:
    """Return the number of steps of an epoch."""
    return math.ceil(len(data) / spec["training"]["batch_size"])


def run_epoch(
    epoch: int,
    learner: Learner,
    spec: Mapping[str, Any],
    data: Tensor,
    part: EpochState = EpochState(),
    asked: Callable[[], bool] = lambda: False,
    weights: Tensor | None = None,
) -> EpochState:
    """Return the epoch after one pass over the shuffled `data`, or as far as it went until it was `asked` to stop.

    `weights` [n] are those of the events, from `weights_of`. It goes on from `done`. All processes stop after
    the same step, whichever of them was asked.

    Raises
    ------
    OnshellError
        For a loss or gradient that is not finite, in all processes alike.
    """
    options, name = spec["training"], (spec["seed"], "train", spec["run"], epoch)
    per_epoch, look = steps_of(spec, data), LOOK[learner.group.device.type]
    made: list[tuple[int, Tensor]] = []
    shares = (learner.task, data, options["batch_size"], name, learner.group)
    sharded = batches(*shares, skip=part.steps, asked=asked, weights=weights)
    for step, (rows, size) in enumerate(sharded, part.steps + 1):
        lr = rate(spec, data, epoch, step)
        done = (epoch - 1) * per_epoch + step - 1
        made.append((size, learner.step(rows, size, lr, done, should_stop=asked(), weighted=weights is not None)))
        if len(made) == look:
            part, stop = _look(made, part, epoch, spec, data)
            if stop:
                return part
            made.clear()
    return _look(made, part, epoch, spec, data)[0]


def rate(spec: Mapping[str, Any], data: Tensor, epoch: int, step: int) -> float:
    """Return the learning rate of a step, counted from 1, of an epoch."""
    options, per_epoch = spec["training"], steps_of(spec, data)
    done = (epoch - 1) * per_epoch + step - 1
    lr = options["lr"] * LR_SCHEDULES[options["lr_schedule"]](done, per_epoch * options["epochs"])
    # Steps of warm-up; 0 and no such setting are none.
    warmup = options.get("warmup") or 1
    return lr if done + 1 >= warmup else lr * (done + 1) / warmup


def _look(
    made: list[tuple[int, Tensor]], part: EpochState, epoch: int, spec: Mapping[str, Any], data: Tensor
) -> tuple[EpochState, bool]:
    """Return the epoch with the steps `made` (size of the batch; loss, gradient norm and stop), and whether to stop."""
    stop = False
    for size, seen in made:
        loss, norm, stopping = seen.tolist()
        step = part.steps + 1
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise OnshellError(
                f"{spec['run']}: loss {loss:.3g}, gradient {norm:.3g} at epoch {epoch}, step {step} of "
                f"{steps_of(spec, data)}, lr {rate(spec, data, epoch, step):.2g}: training diverged; lower training.lr "
                "or training.clip, or set training.precision: fp32, and check the data for extreme events"
            )
        part = EpochState(step, part.loss + loss * size, part.norm + norm * size)
        stop = stop or stopping > 0
    return part, stop


def row(part: EpochState, epoch: int, spec: Mapping[str, Any], data: Tensor) -> dict[str, float]:
    """Return epoch, loss, lr (the last) and grad_norm, means over the events, of an epoch that is over."""
    lr = rate(spec, data, epoch, part.steps)
    return {"epoch": epoch, "loss": part.loss / len(data), "lr": lr, "grad_norm": part.norm / len(data)}
