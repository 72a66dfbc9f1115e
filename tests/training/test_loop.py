"""The training loop: what it learns, what it writes, how it resumes and how it fails."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from helpers.disk import names, read_only
from helpers.networks import small_spec
from onshell.errors import OnshellError
from onshell.events.table import write_events
from onshell.models import build as registry
from onshell.physics import rambo
from onshell.streams import stream
from onshell.training import loop
from onshell.training.checkpoint import load_model, read_model
from onshell.training.commands import train_file
from onshell.training.loop import train


def events(n=256, scale=0.5):
    return scale * rambo.sample_prior(n, 3, stream(1, "data"))


def silent(_):
    pass


def weights(folder):
    return read_model(Path(folder) / "model.pt")["weights"]


def history(folder):
    """The history without the columns of time."""
    with (Path(folder) / "history.csv").open() as handle:
        return [tuple(row[key] for key in ("epoch", "loss", "lr", "grad_norm")) for row in csv.DictReader(handle)]


def assert_same_training(folder, other):
    assert history(folder) == history(other)
    ours, theirs = weights(folder), weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def test_a_training_writes_model_history_and_record(tmp_path):
    lines = []
    assert train(small_spec(), events(), tmp_path, progress=lines.append) == tmp_path / "model.pt"
    assert names(tmp_path) == ["history.csv", "model.pt", "run.json"]
    assert [row[0] for row in history(tmp_path)] == ["1", "2", "3"]
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["spec"] == small_spec()
    assert record["epochs"] == 3
    assert record["n_parameters"] == sum(weight.numel() for weight in weights(tmp_path).values())
    assert record["seconds"] > 0
    assert record["cpu_seconds"] > 0
    assert record["provenance"]["version"]
    epochs = [line for line in lines if ": epoch " in line and "left" in line]
    assert len(epochs) == 3
    for word in ("loss", "events/s", "elapsed", "left"):
        assert word in epochs[0]


def test_a_training_learns(tmp_path):
    spec = small_spec(training={"epochs": 20, "lr": 5e-3})
    train(spec, events(1024, 0.05), tmp_path, progress=silent)
    losses = [float(row[1]) for row in history(tmp_path)]
    # Zero is the loss of the untrained network, which returns zero.
    assert losses[-1] < losses[0] < 0.2
    assert losses[-1] < -1


def test_the_learned_score_is_that_of_the_data(tmp_path):
    """Unit normal events stay so under the Gaussian phase: the score is -q at every time."""
    spec = small_spec(
        training={"epochs": 20, "lr": 5e-3, "batch_size": 256},
        schedule={"gaussian_steps": 20, "gaussian_gamma": 0.005},
    )
    normal = torch.from_numpy(stream(2, "normal").standard_normal((12_288, 3, 3)))
    train(spec, normal[:8192], tmp_path, progress=silent)
    network, _ = load_model(tmp_path / "model.pt")
    q = normal[8192:].float()
    error = network(q, torch.full((len(q),), 0.3)) + q
    assert error.square().mean() < 0.05


def test_the_learning_rate_falls_as_a_cosine(tmp_path):
    train(small_spec(training={"epochs": 4}), events(), tmp_path, progress=silent)
    rates = [float(row[2]) for row in history(tmp_path)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.02 * 1e-3


def test_the_lowest_loss_is_kept(tmp_path, monkeypatch):
    losses, seen = iter([3.0, 1.0, 2.0]), []

    def epoch(number, network, *_):
        seen.append({name: weight.clone() for name, weight in network.state_dict().items()})
        with torch.no_grad():
            network.out.bias += 1
        return {"epoch": number, "loss": next(losses), "lr": 0.0, "grad_norm": 0.0}

    monkeypatch.setattr(loop, "_epoch", epoch)
    train(small_spec(), events(), tmp_path / "lowest", progress=silent)
    assert (weights(tmp_path / "lowest")["out.bias"] == 2).all()
    losses = iter([3.0, 1.0, 2.0])
    train(small_spec(training={"keep": "last"}), events(), tmp_path / "last", progress=silent)
    assert (weights(tmp_path / "last")["out.bias"] == 3).all()


def test_the_epochs_are_different_and_the_trainings_the_same(tmp_path):
    train(small_spec(), events(), tmp_path / "a", progress=silent)
    train(small_spec(), events(), tmp_path / "b", progress=silent)
    assert_same_training(tmp_path / "a", tmp_path / "b")
    train(small_spec(seed=12), events(), tmp_path / "c", progress=silent)
    assert history(tmp_path / "c") != history(tmp_path / "a")


SCRIPT = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from helpers.networks import small_spec
    from onshell.physics import rambo
    from onshell.streams import stream
    from onshell.training import loop

    def objective(spec, make=loop.objective):
        task = make(spec)
        def loss(*rows):
            time.sleep(0.02)
            print("step", flush=True)
            return task.loss(*rows)
        return type(task)(task.draw, loss)

    loop.objective = objective
    data = 0.5 * rambo.sample_prior(256, 3, stream(1, "data"))
    loop.train(small_spec(training={"epochs": 5}), data, Path(sys.argv[1]))
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
    spec = small_spec(training={"epochs": 5})
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


@pytest.fixture
def stopped(tmp_path):
    """The state file of a training that stopped after its first epoch."""

    def stop(line):
        if ": epoch 1/" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_spec(), events(), tmp_path / "stopped", progress=stop)
    (state,) = (tmp_path / "stopped").glob("state-*.pt")
    return state


def test_a_state_is_found_by_itself_or_named(stopped, tmp_path):
    train(small_spec(), events(), tmp_path / "whole", progress=silent)
    train(small_spec(), events(), tmp_path / "elsewhere", resume=stopped, progress=silent)
    assert_same_training(tmp_path / "whole", tmp_path / "elsewhere")
    train(small_spec(sampling={"precision": "bf16"}), events(), stopped.parent, progress=silent)
    assert_same_training(tmp_path / "whole", stopped.parent)


@pytest.mark.parametrize("change", [{"training": {"lr": 2e-3}}, {"training": {"epochs": 4}}, {"seed": 12}])
def test_a_state_of_other_settings_is_not_taken(change, stopped, tmp_path):
    lines, kept = [], tmp_path / stopped.name
    shutil.copy(stopped, kept)
    train(small_spec(**change), events(), stopped.parent, progress=lines.append)
    assert not any("going on" in line for line in lines)
    assert any(f"{stopped} is of other settings" in line for line in lines)
    assert names(stopped.parent) == ["history.csv", "model.pt", "run.json"]
    with pytest.raises(OnshellError, match=r"state-.*\.pt: the state of another training .*leave out --resume"):
        train(small_spec(**change), events(), stopped.parent, progress=silent, resume=kept)


def test_a_state_of_other_data_is_not_taken(stopped):
    other = events()
    other[100, 1, 2] += 1e-12
    with pytest.raises(OnshellError, match="the state of another training"):
        train(small_spec(), other, stopped.parent, progress=silent, resume=stopped)


def test_a_missing_state_says_so(tmp_path):
    with pytest.raises(OnshellError, match=r"none\.pt: no such training state"):
        train(small_spec(), events(), tmp_path, progress=silent, resume=tmp_path / "none.pt")


@pytest.mark.parametrize("damage", ["truncated", "text", "foreign", "version"])
def test_a_damaged_or_foreign_state_says_so(damage, stopped):
    if damage == "truncated":
        stopped.write_bytes(stopped.read_bytes()[:-1000])
    elif damage == "text":
        stopped.write_text("hello")
    elif damage == "foreign":
        torch.save({"weights": torch.ones(3)}, stopped)
    else:
        torch.save({**torch.load(stopped, weights_only=True), "version": 99}, stopped)
    with pytest.raises(OnshellError, match=r"state-.*\.pt: .*training state.*remove it to start afresh"):
        train(small_spec(), events(), stopped.parent, progress=silent)


def test_a_loss_that_is_not_finite_says_where(tmp_path):
    data = events()
    data[7] = 1e300  # finite in float64, infinite in the network's float32
    with pytest.raises(
        OnshellError, match=r"small-q-diffusion: loss .* at epoch 1, step \d of 4, lr .*lower training.lr"
    ):
        train(small_spec(), data, tmp_path, progress=silent)
    assert "model.pt" not in names(tmp_path)


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


@pytest.mark.parametrize(("key", "value"), [("lr_schedule", "cosin"), ("keep", "best"), ("epochs", 0), ("lr", -1.0)])
def test_faulty_settings_are_named(key, value, tmp_path):
    with pytest.raises(OnshellError, match=rf"training\.{key}"):
        train(small_spec(training={key: value}), events(), tmp_path, progress=silent)


def test_cuda_without_a_gpu_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OnshellError, match="no CUDA GPU; use --device cpu"):
        train(small_spec(), events(), tmp_path, device="cuda", progress=silent)


def test_a_folder_that_refuses_says_so_before_training(tmp_path):
    lines = []
    with read_only(tmp_path / "locked") as folder, pytest.raises(OnshellError, match="cannot write here"):
        train(small_spec(), events(), folder, progress=lines.append)
    assert lines == []


def test_a_training_set_file_is_trained_on_whole(tmp_path):
    path = tmp_path / "set.parquet"
    write_events(path, [events()], {"process": "muon", "cutoff": 0.25, "n_particles": 3}, space="q")
    train_file(path, small_spec(), tmp_path / "file", progress=silent)
    train(small_spec(), events(), tmp_path / "tensor", progress=silent)
    assert_same_training(tmp_path / "file", tmp_path / "tensor")
    assert read_model(tmp_path / "file" / "model.pt")["source"]["cutoff"] == 0.25


def test_truth_is_refused_as_a_training_set(tmp_path):
    path = tmp_path / "truth.parquet"
    write_events(path, [rambo.to_p(events())], {"process": "muon"})
    with pytest.raises(OnshellError, match=r"truth\.parquet"):
        train_file(path, small_spec(), tmp_path / "out", progress=silent)


def test_any_objective_can_be_trained(tmp_path, monkeypatch):
    """The loop knows nothing of the process: here a network learns to copy its events."""

    def draw(data, rng, generator):
        x = data.float()
        return x, torch.zeros(len(x)), x

    def loss(network, x, t, target):
        return (network(x, t) - target).square().mean()

    monkeypatch.setitem(registry.OBJECTIVES, "copy", lambda spec: registry.Objective(draw, loss))
    spec = small_spec(loss={"type": "copy"}, training={"epochs": 10, "lr": 1e-2})
    train(spec, events(), tmp_path, progress=silent)
    assert float(history(tmp_path)[-1][1]) < 0.5 * float(history(tmp_path)[0][1])


@pytest.mark.parametrize(("key", "value"), [("dataset", "qqg_1e-3"), ("augmentation", {"name": "double"})])
def test_the_training_set_of_another_run_is_refused(tmp_path, key, value):
    spec, path = small_spec(), tmp_path / "set.parquet"
    own = {"dataset": spec["dataset"], "augmentation": {"name": spec["augmentation"]}}
    write_events(path, [events()], {**own, key: value}, space="q")
    with pytest.raises(OnshellError, match=f"its {key} is .* but {spec['run']} trains on"):
        train_file(path, spec, tmp_path / "run", progress=silent)
    assert not (tmp_path / "run").exists()
