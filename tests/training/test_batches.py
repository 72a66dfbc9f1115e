"""Batches: every event once an epoch, the same noise for it whoever draws it, and memory for a chunk at a time."""

import math

import pytest
import torch

from helpers.disk import names
from helpers.networks import small_spec
from helpers.trainings import events, silent
from onshell.core.errors import OnshellError
from onshell.models.build import objective
from onshell.models.objectives import Objective
from onshell.training import batches as module
from onshell.training.batches import BLOCK, batches, check_training
from onshell.training.distributed import SHARDS, ProcessGroup
from onshell.training.loop import train

CPU, NAME = torch.device("cpu"), (11, "train", "a-run", 1)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Chunks of 256 events, so that a small set has several."""
    monkeypatch.setattr(module, "CHUNK", 256)


def drawn(task, data, batch, size):
    """The rows of every batch, as `size` processes draw them, put together again in the order of the batch."""
    together = []
    parts = zip(*(batches(task, data, batch, NAME, ProcessGroup(CPU, rank, size)) for rank in range(size)), strict=True)
    done = 0
    for pieces in parts:
        total = pieces[0][1]
        assert all(n == total for _, n in pieces)
        width = max(len(rows) for rows, _ in pieces)
        rows = [[] for _ in range(width)]
        for rank, (some, _) in enumerate(pieces):
            mine = [i for i in range(total) if (done + i) % size == rank]
            assert all(len(tensor) == len(mine) for tensor in some)
            for column, tensor in zip(rows, some, strict=False):
                column.extend(zip(mine, tensor, strict=True))
        together.append([torch.stack([row for _, row in sorted(column, key=lambda e: e[0])]) for column in rows])
        # Positions count from the beginning of a chunk.
        done = (done + total) % (module.CHUNK // batch * batch)
    return together


@pytest.mark.parametrize("n", [1, 5, 256, 1001])
@pytest.mark.parametrize("batch", [7, 64])
def test_every_event_is_seen_once_an_epoch(n, batch):
    task = Objective(lambda q, rng, generator: (q[:, 0, 0],), None)
    data = torch.arange(float(n), dtype=torch.float64)[:, None, None].expand(n, 3, 3)
    parts = [(rows[0], size) for rows, size in batches(task, data, batch, NAME, ProcessGroup(CPU))]
    assert len(parts) == math.ceil(n / batch)
    assert all(len(rows) == size for rows, size in parts)
    seen = torch.cat([rows for rows, _ in parts])
    assert sorted(seen.tolist()) == list(range(n))
    assert n < 20 or seen.tolist() != list(range(n))


@pytest.mark.parametrize("size", [2, 3, 4, 6, 12])
@pytest.mark.parametrize("loss", ["ism", "noise"])
def test_what_is_drawn_does_not_depend_on_the_number_of_processes(size, loss):
    options = {"type": "noise", "target": "step", "times_per_event": 2} if loss == "noise" else {}
    # Three chunks: the last one of 5 events, fewer than there are shards.
    data = events(2 * 256 + 5)
    task = objective(small_spec(loss=options), {})
    alone, shared = drawn(task, data, 8, 1), drawn(task, data, 8, size)
    assert len(alone) == len(shared) == 65
    for ours, theirs in zip(alone, shared, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert torch.equal(a, b)


def test_shards_and_chunks_have_streams_of_their_own():
    task = Objective(
        lambda q, rng, generator: (
            torch.from_numpy(rng.random(len(q))),
            torch.rand(len(q), generator=generator, dtype=torch.float64),
        ),
        None,
    )
    rows = [rows for rows, _ in batches(task, events(3 * 256), 24, NAME, ProcessGroup(CPU))]
    for column in range(2):
        seen = torch.cat([row[column] for row in rows])
        assert len(seen.unique()) == len(seen)


def test_memory_is_that_of_a_chunk():
    """Each draw is at most a chunk's shard, and what is held is the rows of one chunk."""
    sizes, alive = [], []

    def draw(q, rng, generator):
        sizes.append(len(q))
        return (q.float(),)

    for rows, _ in batches(Objective(draw, None), events(5 * 256 + 1), 16, NAME, ProcessGroup(CPU)):
        alive.append(rows[0].untyped_storage().nbytes())
    assert max(sizes) == math.ceil(256 / SHARDS)
    assert max(alive) == 256 * 9 * 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (torch.empty(0, 3, 3, dtype=torch.float64), "the training set has no events"),
        (torch.ones(5, 4, 3, dtype=torch.float64), r"events of shape \(4, 3\), the network takes \(3, 3\)"),
        (torch.full((5, 3, 3), torch.nan, dtype=torch.float64), r"5 events .*not finite \(first: \[0, 1, 2, 3, 4\]\)"),
    ],
)
def test_faulty_data_are_named(data, message, tmp_path):
    with pytest.raises(OnshellError, match=message):
        train(small_spec(), data, tmp_path, progress=silent)
    assert names(tmp_path) == []


def test_events_that_are_not_finite_are_counted_through_the_whole_set():
    data = torch.zeros(BLOCK + 3, 3, 3, dtype=torch.float64)
    data[[2, BLOCK + 1], 1, 1] = torch.inf
    with pytest.raises(OnshellError, match=rf"2 events .*not finite \(first: \[2, {BLOCK + 1}\]\)"):
        check_training(small_spec(), data)


@pytest.mark.parametrize(
    ("training", "key"),
    [
        *(
            ({key: value}, key)
            for key, value in (("lr_schedule", "cosin"), ("keep", "best"), ("epochs", 0), ("lr", -1.0))
        ),
        *(({"ema": value}, "ema") for value in (1.0, -0.1)),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"optimizer": "muon"}, "muon_lr"),
        ({"optimizer": "muon", "muon_lr": 0.0}, "muon_lr"),
    ],
)
def test_faulty_settings_are_named(training, key):
    with pytest.raises(OnshellError, match=rf"training\.{key}: "):
        check_training(small_spec(training=training), events())
