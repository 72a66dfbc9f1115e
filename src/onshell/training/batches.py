"""The batches of an epoch: all events in a new order with fresh noise, dealt to the processes that train together."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from onshell.core.rng import stream, torch_stream
from onshell.models.build import Objective
from onshell.training.processes import SHARDS, Team

CHUNK = 2**18
"""Events for which noise is made at a time, in whole batches: memory does not grow with the data, and shards are large
enough for the many steps of a forward process to cost no more than in one piece."""

Name = tuple[int | str, ...]
Rows = tuple[Tensor, ...]


def batches(
    task: Objective,
    data: Tensor,
    batch: int,
    name: Name,
    team: Team,
    *,
    skip: int = 0,
    asked: Callable[[], bool] = lambda: False,
    weights: Tensor | None = None,
) -> Iterator[tuple[Rows, int]]:
    """Yield (this process's rows, size of the whole batch) for each batch of the events `data` [n, N, 3], shuffled.

    The rows end with the `weights` [n] of the events, if these have any. The first `skip` batches are left out. A
    process that trains alone and is `asked` to stop while it draws yields no more.

    `name` is the epoch's stream. Of every chunk the event at position i belongs to the shard i modulo SHARDS, whose
    noise has streams of its own, and to the process i modulo `team.size`: what is drawn for an event does not depend
    on the number of processes. A process's rows of a small batch may be none at all.
    """
    order = torch.from_numpy(stream(*name, "order").permutation(len(data)))
    per_chunk = max(1, CHUNK // batch)
    for chunk, index in enumerate(order.split(per_chunk * batch)):
        here = max(0, skip - chunk * per_chunk)
        if here * batch >= len(index):
            continue
        # Of several processes none may leave before the others: they stop at the next step.
        leave = asked if team.size == 1 else bool
        own = index[team.rank :: team.size]
        rows = _draw(task, data, own, name, chunk, team, leave)
        if rows is None:
            return
        if weights is not None and rows:
            rows = (*rows, weights[own].to(team.device))
        for first in range(here * batch, len(index), batch):
            after = min(first + batch, len(index))
            mine = slice(_before(first, team), _before(after, team))
            yield tuple(tensor[mine] for tensor in rows), after - first


def _draw(
    task: Objective, data: Tensor, index: Tensor, name: Name, chunk: int, team: Team, leave: Callable[[], bool]
) -> Rows | None:
    """Return what `task` draws for this process's events of a chunk, data[index], in their order; None to `leave`."""
    rows: Rows = ()
    dealt = SHARDS // team.size
    for k in range(min(dealt, len(index))):
        if leave():
            return None
        shard = team.rank + k * team.size
        pieces = task.draw(
            data[index[k::dealt]].to(team.device),
            stream(*name, "times", chunk, shard),
            torch_stream(*name, "noise", chunk, shard, device=str(team.device)),
        )
        rows = rows or tuple(piece.new_empty(len(index), *piece.shape[1:]) for piece in pieces)
        for tensor, piece in zip(rows, pieces, strict=True):
            tensor[k::dealt] = piece
    return rows


def _before(position: int, team: Team) -> int:
    """Return how many of a chunk's events before `position` are this process's."""
    return (position - team.rank + team.size - 1) // team.size
