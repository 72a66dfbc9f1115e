"""The training loop: what it learns and what it writes."""

import json

import pytest
import torch

from helpers.disk import names, read_only
from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, history, model, silent, visible, weights
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.models import build as registry
from onshell.models import priors
from onshell.models.objectives import Objective
from onshell.training import loop
from onshell.training.checkpoint import load_model
from onshell.training.epoch import EpochState, steps_of
from onshell.training.loop import TrainOptions, train


def test_a_training_writes_model_history_and_record(tmp_path):
    lines = []
    assert train(small_spec(), events(), tmp_path, progress=lines.append) == tmp_path / "model.pt"
    assert visible(tmp_path) == ["history.csv", "model.pt", "run.json"]
    assert [row[0] for row in history(tmp_path)] == ["1", "2", "3"]
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["spec"] == small_spec()
    assert record["epochs"] == 3
    assert record["processes"] == 1
    assert record["n_parameters"] == sum(weight.numel() for weight in weights(tmp_path).values())
    assert record["seconds"] > 0
    assert record["cpu_seconds"] > 0
    assert record["provenance"]["version"]
    epochs = [line for line in map(str, lines) if ": epoch " in line and "left" in line]
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
        training={"epochs": 12, "lr": 1e-2, "batch_size": 256},
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


@pytest.mark.parametrize(("keep", "epoch"), [("lowest-loss", 2), ("last", 3)])
def test_weights_and_average_are_those_of_the_kept_epoch(keep, epoch, tmp_path, monkeypatch):
    losses = iter([3.0, 1.0, 2.0])

    def run_epoch(number, learner, spec, data, *_):
        with torch.no_grad():
            learner.network.out.bias += 1
        learner.average.update(100)
        return EpochState(steps_of(spec, data), next(losses) * len(data))

    monkeypatch.setattr(loop, "run_epoch", run_epoch)
    train(small_spec(training={"keep": keep, "ema": 0.5}), events(), tmp_path, progress=silent)
    kept = model(tmp_path)
    assert kept["training"]["kept_epoch"] == epoch
    assert (kept["weights"]["out.bias"] == epoch).all()
    # 0, 1, 2, 3 averaged with a decay of one half, begun at 0.
    assert (kept["ema"]["out.bias"] == {2: 1.25, 3: 2.125}[epoch]).all()


def test_the_epochs_are_different_and_the_trainings_the_same(tmp_path):
    train(small_spec(), events(), tmp_path / "a", progress=silent)
    train(small_spec(), events(), tmp_path / "b", progress=silent)
    assert_same_training(tmp_path / "a", tmp_path / "b")
    train(small_spec(seed=12), events(), tmp_path / "c", progress=silent)
    assert history(tmp_path / "c") != history(tmp_path / "a")


def test_what_is_fitted_to_the_data_reaches_objective_and_model(tmp_path, monkeypatch):
    data, seen = events(), []

    def task(spec, fitted):
        seen.append(fitted)
        return Objective(lambda q, rng, generator: (q.float(),), lambda network, q: network(q, q[:, 0, 0]).mean())

    monkeypatch.setattr(priors, "fit", lambda spec, fitted_to: {"mean": fitted_to.mean((0, 1)).tolist()})
    monkeypatch.setitem(registry.OBJECTIVES["diffusion"], "copy", task)
    train(small_spec(loss={"type": "copy"}), data, tmp_path, progress=silent)
    assert seen == [{"mean": data.mean((0, 1)).tolist()}]
    assert model(tmp_path)["fitted"] == seen[0]


def test_a_loss_that_is_not_finite_says_where(tmp_path):
    data = events()
    data[7] = 1e300  # finite in float64, infinite in the network's float32
    with pytest.raises(
        OnshellError, match=r"small-q-diffusion: loss .* at epoch 1, step \d of 4, lr .*lower training.lr"
    ):
        train(small_spec(), data, tmp_path, progress=silent)
    assert "model.pt" not in names(tmp_path)


def test_cuda_without_a_gpu_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OnshellError, match="no CUDA GPU; use --device cpu"):
        train(small_spec(), events(), tmp_path, TrainOptions(device="cuda"), silent)


def test_a_folder_that_refuses_says_so_before_training(tmp_path):
    lines = []
    with read_only(tmp_path / "locked") as folder, pytest.raises(OnshellError, match="cannot write here"):
        train(small_spec(), events(), folder, progress=lines.append)
    assert lines == []


def test_any_objective_can_be_trained(tmp_path, monkeypatch):
    """The loop knows nothing of the process: here a network learns to copy its events."""

    def draw(data, rng, generator):
        x = data.float()
        return x, torch.zeros(len(x)), x

    def loss(network, x, t, target):
        return (network(x, t) - target).square().mean()

    monkeypatch.setitem(registry.OBJECTIVES["diffusion"], "copy", lambda spec, fitted: Objective(draw, loss))
    spec = small_spec(loss={"type": "copy"}, training={"epochs": 10, "lr": 1e-2})
    train(spec, events(), tmp_path, progress=silent)
    assert float(history(tmp_path)[-1][1]) < 0.5 * float(history(tmp_path)[0][1])
