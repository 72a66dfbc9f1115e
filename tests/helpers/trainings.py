"""Small trainings for tests: their data, and what they left in their folder."""

import csv
import itertools
from pathlib import Path

import torch

from onshell.core.rng import stream
from onshell.physics import rambo
from onshell.training import learner
from onshell.training.checkpoint import read_model


def events(n=256, scale=0.5):
    return scale * rambo.sample_prior(n, 3, stream(1, "data"))


def silent(_):
    pass


def model(folder):
    return read_model(Path(folder) / "model.pt")


def visible(folder):
    """The names of what a training left for its user; what it remembers lies in a hidden folder."""
    return sorted(entry.name for entry in Path(folder).iterdir() if not entry.name.startswith(".finished-"))


def weights(folder):
    return model(folder)["weights"]


def history(folder):
    """The history without the columns of time."""
    with (Path(folder) / "history.csv").open() as handle:
        return [tuple(row[key] for key in ("epoch", "loss", "lr", "grad_norm")) for row in csv.DictReader(handle)]


def assert_same_training(folder, other):
    """Two trainings agree to the bit, in their histories, weights and moving averages."""
    assert history(folder) == history(other)
    for kind in ("weights", "ema"):
        ours, theirs = model(folder)[kind] or {}, model(other)[kind] or {}
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert torch.equal(ours[name], theirs[name]), (kind, name)


def at_step(number, act, make=learner.objective):
    """The objectives of the package, whose loss calls `act` at its step `number`."""

    def objective(*spec):
        task, steps = make(*spec), itertools.count(1)

        def loss(*rows, **weights):
            if next(steps) == number:
                act()
            return task.loss(*rows, **weights)

        return type(task)(task.draw, loss)

    return objective
