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
from helpers.trainings import assert_same_training, events, silent, visible
from onshell.core.errors import StoppedError
from onshell.training import stopping
from onshell.training.learner import Learner
from onshell.training.loop import TrainOptions, train
from onshell.training.stopping import Stop

TRAINING = {"epochs": 5, "ema": 0.9}

SCRIPT = """
    import itertools, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from helpers.networks import small_spec
    from helpers.trainings import events
    from onshell.core.errors import StoppedError
    from onshell.training import learner, loop

    def objective(*spec, make=learner.objective):
        task, steps = make(*spec), itertools.count(1)
        def loss(*rows):
            if next(steps) == 2 * 4 + 2:
                print("waiting", flush=True)
                sys.stdin.read()
            return task.loss(*rows)
        return type(task)(task.draw, loss)

    learner.objective = objective
    try:
        loop.train(small_spec(training={"epochs": 5, "ema": 0.9}), events(), Path(sys.argv[1]))
    except StoppedError as pause:
        print(pause, file=sys.stderr)
        sys.exit(pause.code)
"""


def start(folder):
    """A training of 5 epochs of 4 steps in a process of its own, which waits in the middle of the third epoch."""
    script = textwrap.dedent(SCRIPT)
    helpers = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), helpers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )


def interrupt(process, number):
    """Send the signal while the training waits, and let it go on."""
    assert "waiting\n" in process.stdout
    process.send_signal(number)
    return process.communicate(timeout=120)[1]


def test_a_killed_training_resumes_to_the_bit(tmp_path):
    spec = small_spec(training=TRAINING)
    train(spec, events(), tmp_path / "whole", progress=silent)
    process = start(tmp_path / "killed")
    interrupt(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    # The lease of a training that was killed outright stays, and is taken over.
    left = [".writer.json", ".writer.lock", "history.csv", "state"]
    assert [name.split("-")[0] for name in names(tmp_path / "killed")] == left
    lines = []
    train(spec, events(), tmp_path / "killed", progress=lines.append)
    assert "is gone; taking over" in lines[0]
    assert "going on after epoch 2 from" in lines[1]
    assert_same_training(tmp_path / "whole", tmp_path / "killed")
    assert visible(tmp_path / "killed") == ["history.csv", "model.pt", "run.json"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_told_to_stop_saves_and_goes_on_within_the_epoch(number, tmp_path):
    process = start(tmp_path / "run")
    error = interrupt(process, number)
    assert process.returncode == 75
    # A step says to the others whether to stop as it begins: the one after the signal is the last.
    word = f"stopped by {signal.Signals(number).name}, after epoch 2, step 3 of 4 of the next"
    (line,) = (line for line in error.splitlines() if word in line)
    assert "the same command goes on from" in line
    assert [name.split("-")[0] for name in names(tmp_path / "run")] == ["history.csv", "state"]
    spec, lines = small_spec(training=TRAINING), []
    train(spec, events(), tmp_path / "whole", progress=silent)
    train(spec, events(), tmp_path / "run", progress=lines.append)
    assert f"going on {line.split(', ')[1]}, {line.split(', ')[2].split(';')[0]}" in lines[0]
    assert_same_training(tmp_path / "whole", tmp_path / "run")


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
