"""Trainings that are killed or told to stop."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import torch

from helpers.disk import names
from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, silent
from onshell.training.loop import train

TRAINING = {"epochs": 5, "ema": 0.9}

SCRIPT = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from helpers.networks import small_spec
    from helpers.trainings import events
    from onshell.training import learner, loop

    def objective(*spec, make=learner.objective):
        task = make(*spec)
        def loss(*rows):
            time.sleep(0.02)
            print("step", flush=True)
            return task.loss(*rows)
        return type(task)(task.draw, loss)

    learner.objective = objective
    loop.train(small_spec(training={"epochs": 5, "ema": 0.9}), events(), Path(sys.argv[1]))
"""


def start(folder):
    """A training of 5 epochs of 4 slow steps in a process of its own."""
    script = textwrap.dedent(SCRIPT)
    helpers = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", script, str(folder), helpers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )


def interrupt(process, number):
    """Send the signal in the middle of the third epoch."""
    steps = 0
    for line in process.stdout:
        steps += line == "step\n"
        if steps == 2 * 4 + 2:
            process.send_signal(number)
            break
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    process.wait(60)
    return error


def test_a_killed_training_resumes_to_the_bit(tmp_path):
    spec = small_spec(training=TRAINING)
    train(spec, events(), tmp_path / "whole", progress=silent)
    process = start(tmp_path / "killed")
    interrupt(process, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert [name.split("-")[0] for name in names(tmp_path / "killed")] == ["history.csv", "state"]
    lines = []
    train(spec, events(), tmp_path / "killed", progress=lines.append)
    assert "going on after epoch 2" in lines[0]
    assert_same_training(tmp_path / "whole", tmp_path / "killed")
    assert names(tmp_path / "killed") == ["history.csv", "model.pt", "run.json"]


def test_a_terminated_training_says_where_it_goes_on(tmp_path):
    process = start(tmp_path / "run")
    error = interrupt(process, signal.SIGTERM)
    assert process.returncode not in (0, -signal.SIGTERM)
    assert "stopped by SIGTERM; the same command goes on after the last epoch in" in error
    assert [name.split("-")[0] for name in names(tmp_path / "run")] == ["history.csv", "state"]
