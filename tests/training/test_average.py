"""The moving average of the weights."""

import torch
from torch import nn

from helpers.networks import small_spec
from helpers.trainings import events, model, silent
from onshell.training.checkpoint import load_model
from onshell.training.learner import Average
from onshell.training.loop import train


def test_the_average_follows_its_recursion():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    expected = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    average, generator = Average(network, 0.9), torch.Generator().manual_seed(1)
    for steps in range(200):
        with torch.no_grad():
            for weight in network.parameters():
                weight.add_(torch.randn(weight.shape, generator=generator))
        average.update(steps)
        decay = min(0.9, (1 + steps) / (10 + steps))
        for name, tensor in network.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor if tensor.is_floating_point() else tensor
    for name, tensor in average.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], msg=name)


def test_a_short_training_forgets_the_weights_it_began_with():
    network = nn.Linear(3, 2)
    average = Average(network, 0.999)
    with torch.no_grad():
        network.weight.fill_(1.0)
    for steps in range(300):
        average.update(steps)
    # The share of the start left after n steps is the product of (1 + k)/(10 + k): below 1e-15 here.
    torch.testing.assert_close(average.state_dict()["weight"], torch.ones(2, 3), rtol=1e-6, atol=0)


def test_a_model_samples_with_its_average(tmp_path):
    train(small_spec(training={"ema": 0.9}), events(), tmp_path, progress=silent)
    content, (network, _) = model(tmp_path), load_model(tmp_path / "model.pt")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, content["ema"][name])
        assert not torch.equal(tensor, content["weights"][name])


def test_without_an_average_the_model_has_none(tmp_path):
    train(small_spec(), events(), tmp_path, progress=silent)
    assert model(tmp_path)["ema"] is None


def test_averaging_leaves_the_training_alone(tmp_path):
    for name, decay in (("with", 0.9), ("without", 0.0)):
        train(small_spec(training={"ema": decay}), events(), tmp_path / name, progress=silent)
    ours, theirs = model(tmp_path / "with")["weights"], model(tmp_path / "without")["weights"]
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
