"""The events that are trained on: checked, and in every epoch shuffled into batches with fresh noise.

The processes that train together share every batch.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from torch import Tensor

from onshell.config.recipe import Training
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.core.validation import parsed
from onshell.events.checks import checked_weights
from onshell.models.objectives import Objective
from onshell.training.distributed import SHARDS, ProcessGroup

BLOCK = 2**16
"""Events looked at together, so that no copy of the data is made."""
CHUNK = 2**18
"""Events for which noise is made at a time, in whole batches: memory does not grow with the data, and shards are large
enough for the many steps of a forward process to cost no more than in one piece."""

Name = tuple[int, *tuple[str | int, ...]]
Rows = tuple[Tensor, ...]


def batches(
    task: Objective,
    data: Tensor,
    batch: int,
    name: Name,
    group: ProcessGroup,
    *,
    skip: int = 0,
    asked: Callable[[], bool] = lambda: False,
    weights: Tensor | None = None,
) -> Iterator[tuple[Rows, int]]:
    """Yield (this process's rows, size of the whole batch) for each batch of the events `data` [n, N, 3], shuffled.

    The rows end with the `weights` [n] of the events, if these have any. The first `skip` batches are left out. A
    process that trains alone and is `asked` to stop while it draws yields no more.

    `name` is the epoch's stream. Of every chunk the event at position i belongs to the shard i modulo SHARDS, whose
    noise has streams of its own, and to the process i modulo `group.size`: what is drawn for an event does not depend
    on the number of processes. A process's rows of a small batch may be none at all.
    """
    order = torch.from_numpy(stream(*name, "order").permutation(len(data)))
    per_chunk = max(1, CHUNK // batch)
    for chunk, index in enumerate(order.split(per_chunk * batch)):
        done = max(0, skip - chunk * per_chunk)
        if done * batch >= len(index):
            continue
        # Of several processes none may stop before the others: they stop at the next step.
        should_stop = asked if group.size == 1 else bool
        mine = index[group.rank :: group.size]
        rows = _draw(task, data, mine, (name, chunk), group, should_stop)
        if rows is None:
            return
        if weights is not None and rows:
            rows = (*rows, weights[mine].to(group.device))
        for first in range(done * batch, len(index), batch):
            after = min(first + batch, len(index))
            here = slice(_before(first, group), _before(after, group))
            yield tuple(tensor[here] for tensor in rows), after - first


def _draw(
    task: Objective,
    data: Tensor,
    index: Tensor,
    name: tuple[Name, int],
    group: ProcessGroup,
    should_stop: Callable[[], bool],
) -> Rows | None:
    """Return what `task` draws for this process's events data[index] of a chunk, in their order; None: to stop.

    `name` is the stream of the epoch, and the number of the chunk.
    """
    rows: Rows = ()
    (epoch, chunk), sharded = name, SHARDS // group.size
    for k in range(min(sharded, len(index))):
        if should_stop():
            return None
        shard = group.rank + k * group.size
        pieces = task.draw(
            data[index[k::sharded]].to(group.device),
            stream(*epoch, "times", chunk, shard),
            torch_stream(*epoch, "noise", chunk, shard, device=str(group.device)),
        )
        rows = rows or tuple(piece.new_empty(len(index), *piece.shape[1:]) for piece in pieces)
        for tensor, piece in zip(rows, pieces, strict=True):
            tensor[k::sharded] = piece
    return rows


def _before(position: int, group: ProcessGroup) -> int:
    """Return how many of a chunk's events before `position` are this process's."""
    return (position - group.rank + group.size - 1) // group.size


def check_training(spec: Mapping[str, Any], data: Tensor) -> None:
    """Raise unless the data and the settings of the loop make sense."""
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
    _, problems = parsed(TypeAdapter(Training), spec["training"], "training")
    if problems:
        raise OnshellError(f"{spec['run']}: {problems[0]}")


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
