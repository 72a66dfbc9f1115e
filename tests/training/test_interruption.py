"""Trainings that are killed or told to stop."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers.disk import names
from helpers.networks import small_spec
from helpers.trainings import assert_same_training, at_step, events, silent, visible
from onshell.core.errors import StoppedError
from onshell.training import learner, stopping
from onshell.training.learner import Learner
from onshell.training.loop import TrainOptions, train
from onshell.training.stopping import Stop

TRAINING = {"epochs": 5, "ema": 0.9}

SCRIPT = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from helpers.networks import small_spec
    from helpers.trainings import at_step, events
    from onshell.training import learner, loop

    learner.objective = at_step(2 * 4 + 2, lambda: os.kill(os.getpid(), signal.SIGKILL))
    loop.train(small_spec(training={"epochs": 5, "ema": 0.9}), events(), Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a training of `TRAINING` that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    train(small_spec(training=TRAINING), events(), folder, progress=silent)
    return folder


def test_a_killed_training_resumes_to_the_bit(whole, tmp_path):
    """A process of its own is killed outright in the middle of the third of 5 epochs, of 4 steps each."""
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), tmp_path / "killed", Path(__file__).parents[1]]
    # The same bits take as many threads as here.
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    # The lease of a training that was killed outright stays, and is taken over.
    left = [".writer.json", ".writer.lock", "history.csv", "state"]
    assert [name.split("-")[0] for name in names(tmp_path / "killed")] == left
    lines = []
    train(small_spec(training=TRAINING), events(), tmp_path / "killed", progress=lines.append)
    assert "is gone; taking over" in lines[0]
    assert "going on after epoch 2 from" in lines[1]
    assert_same_training(whole, tmp_path / "killed")
    assert visible(tmp_path / "killed") == ["history.csv", "model.pt", "run.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_training_told_to_stop_saves_and_goes_on_within_the_epoch(number, whole, tmp_path, monkeypatch):
    spec, lines = small_spec(training=TRAINING), []
    monkeypatch.setattr(learner, "objective", at_step(2 * 4 + 2, lambda: os.kill(os.getpid(), number)))
    # A step says to the others whether to stop as it begins: the one after the signal is the last.
    word = f"stopped by {signal.Signals(number).name}, after epoch 2, step 3 of 4 of the next"
    with pytest.raises(StoppedError, match=f"{word}.*the same command goes on from") as caught:
        train(spec, events(), tmp_path / "run", progress=silent)
    assert caught.value.code == 75
    monkeypatch.undo()
    assert [name.split("-")[0] for name in names(tmp_path / "run")] == ["history.csv", "state"]
    train(spec, events(), tmp_path / "run", progress=lines.append)
    assert "going on after epoch 2, step 3 of 4 of the next" in lines[0]
    assert_same_training(whole, tmp_path / "run")


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_training_stopped_again_and_again_ends_as_if_undisturbed(steps, tmp_path, monkeypatch):
    # Two epochs of four steps; every call makes so many, and the last one what is left.
    spec = small_spec(training={"epochs": 2, "ema": 0.9})
    train(spec, events(), tmp_path / "whole", progress=silent)
    made = []

    def step(learner, *arguments, make=Learner.step, **options):
        made.append(1)
        if len(made) % steps == 0:
            signal.raise_signal(signal.SIGTERM)
        return make(learner, *arguments, **options)

    monkeypatch.setattr(Learner, "step", step)
    stops = 0
    for _ in range(20):
        try:
            train(spec, events(), tmp_path / "run", progress=silent)
        except StoppedError:
            stops += 1
        else:
            break
    assert stops >= 1
    assert len(made) == 8
    assert_same_training(tmp_path / "whole", tmp_path / "run")


def test_a_training_stops_in_time(tmp_path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def tell(line):
        if "epoch 2/" in str(line):
            clock[0] += 91

    spec = small_spec(training={"epochs": 10})
    with pytest.raises(StoppedError, match="stopped in time before its 2 minutes are over, after epoch 2; the same"):
        train(spec, events(), tmp_path, TrainOptions(minutes=2), tell)
    assert [name.split("-")[0] for name in names(tmp_path)] == ["history.csv", "state"]


@pytest.mark.parametrize(("minutes", "seconds"), [(720, 720 * 60 - 300), (2, 90)])
def test_time_is_left_for_saving(minutes, seconds, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    stop = Stop(minutes)
    clock[0] += seconds - 0.5
    assert not stop.asked()
    clock[0] += 1
    assert stop.asked()


def test_signals_mean_what_they_did_after_a_training(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train(small_spec(), events(), tmp_path, progress=silent)
    assert signal.getsignal(signal.SIGTERM) is before
