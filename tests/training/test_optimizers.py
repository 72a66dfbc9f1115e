"""The optimisers: which weights go to which, and that a training with either can be stopped anywhere."""

import pytest
import torch

from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, history, silent
from onshell.core.errors import StoppedError
from onshell.models.build import build
from onshell.training import epoch
from onshell.training.epoch import rate
from onshell.training.loop import train
from onshell.training.optimizers import Optimizers, hidden_weights

MUON = {"optimizer": "muon", "muon_lr": 0.01}


def spec(**training):
    return small_spec(training={**MUON, **training})


def gradients(network):
    for weight in network.parameters():
        weight.grad = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))


def test_the_hidden_matrices_are_those_between_the_first_and_the_last():
    network = build(spec())
    names = {id(weight): name for name, weight in network.named_parameters()}
    assert [names[id(weight)] for weight in hidden_weights(network)] == ["hidden.1.weight", "hidden.2.weight"]


def test_a_network_may_say_which_matrices_are_hidden():
    network = build(spec())
    network.hidden_weights = lambda: [network.hidden[1].weight]
    assert [weight.shape for weight in hidden_weights(network)] == [(32, 32)]


def test_muon_moves_hidden_matrices_alike_in_all_directions_and_adamw_the_rest():
    network = build(spec())
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    gradients(network)
    Optimizers(network, {**spec(weight_decay=0.0)["training"]}).step(1e-3)
    for name, weight in network.named_parameters():
        moved = weight.detach() - before[name]
        if name in ("hidden.1.weight", "hidden.2.weight"):
            # Orthogonalised: all singular values near the learning rate, those of the gradient span decades.
            values = torch.linalg.svdvals(moved)
            assert (values > 0.005).all()
            assert (values < 0.013).all()
        else:
            torch.testing.assert_close(moved.abs(), torch.full_like(moved, 1e-3), rtol=1e-3, atol=1e-6)


def test_both_rates_follow_the_schedule():
    network = build(spec())
    optimizers = Optimizers(network, spec()["training"])
    gradients(network)
    optimizers.step(0.25e-3)
    rates = [optimizer.param_groups[0]["lr"] for optimizer, _ in optimizers.members]
    assert rates == pytest.approx([0.25e-3, 0.0025])


def test_without_the_key_there_is_one_adamw_as_ever():
    network, other = build(small_spec()), build(small_spec())
    ours = Optimizers(network, small_spec()["training"])
    theirs = torch.optim.AdamW(other.parameters(), 1e-3, (0.9, 0.999), weight_decay=1e-4, fused=True)
    for _ in range(3):
        gradients(network)
        gradients(other)
        ours.step(1e-3)
        theirs.step()
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), other.parameters(), strict=True))
    assert ours.state_dict().keys() == theirs.state_dict().keys()


def test_a_warm_up_rises_to_the_schedule_and_then_is_over():
    data = events(640)
    with_it, plain = spec(warmup=4, lr_schedule="constant"), spec(lr_schedule="constant")
    found = [rate(with_it, data, 1, step) for step in range(1, 7)]
    assert found == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])
    assert rate(with_it, data, 2, 1) == rate(plain, data, 2, 1) == 1e-3
    cosine = spec(warmup=2)
    assert rate(cosine, data, 1, 1) == pytest.approx(0.5 * rate(spec(), data, 1, 1))
    assert rate(spec(warmup=0), data, 1, 1) == rate(spec(), data, 1, 1)


def test_a_training_with_muon_learns(tmp_path):
    train(
        small_spec(training={"epochs": 6, "lr": 1e-2, "muon_lr": 0.04, "optimizer": "muon"}),
        events(1024, 0.05),
        tmp_path,
        progress=silent,
    )
    losses = [float(row[1]) for row in history(tmp_path)]
    assert losses[-1] < losses[0] - 1


def test_a_stopped_training_with_muon_goes_on_to_the_bit(tmp_path, monkeypatch):
    settings = spec(ema=0.9, keep="last", warmup=3)
    train(settings, events(), tmp_path / "whole", progress=silent)
    real, steps = epoch._look, 0

    def stopping(*arguments):
        nonlocal steps
        part, stop = real(*arguments)
        steps += 1
        return part, stop or steps == 6

    monkeypatch.setattr(epoch, "_look", stopping)
    with pytest.raises(StoppedError, match="after epoch 1, step 1 of 4"):
        train(settings, events(), tmp_path / "parts", progress=silent)
    monkeypatch.setattr(epoch, "_look", real)
    train(settings, events(), tmp_path / "parts", progress=silent)
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
