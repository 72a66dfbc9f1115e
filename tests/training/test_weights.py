"""Weighted training sets."""

import numpy as np
import pytest
import torch

from helpers.networks import awaken
from helpers.specs import diffusion_spec, flow_spec, run_spec
from helpers.trainings import assert_same_training, events, history, silent, weights
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.events.table import write_events
from onshell.models.build import build, objective
from onshell.training.batches import weights_of
from onshell.training.commands import train_file
from onshell.training.loop import TrainOptions, train

SPECS = {
    "ism": run_spec(),
    "hutchinson": run_spec(loss={"divergence": "hutchinson", "preconditioning": "sigma"}),
    "noise": run_spec(loss="noise"),
    "flow": run_spec(family="flow", prior="rambo"),
    "spinor": flow_spec(),
    "velocity": diffusion_spec(),
}


@pytest.mark.parametrize("name", SPECS)
def test_a_weighted_loss_is_the_mean_of_weight_times_the_loss_of_each_event(name):
    spec = SPECS[name]
    task, network = objective(spec), awaken(build(spec), scale=0.1)
    rows = task.draw(events(6), stream(1), torch_stream(1))
    given = torch.tensor([2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    each = torch.stack([task.loss(network, *(row[k : k + 1] for row in rows)) for k in range(6)])
    torch.testing.assert_close(task.loss(network, *rows, weights=given), (given * each).mean())
    torch.testing.assert_close(task.loss(network, *rows, weights=torch.ones(6)), task.loss(network, *rows))


def test_weights_have_mean_size_one_and_equal_ones_are_none():
    spec = SPECS["flow"]
    torch.testing.assert_close(weights_of(spec, np.array([1.0, -2.0, 3.0]), 3), torch.tensor([0.5, -1.0, 1.5]))
    assert weights_of(spec, None, 3) is None
    assert weights_of(spec, np.full(3, 0.7), 3) is None


def test_events_of_weight_zero_teach_nothing_and_negative_ones_take_back(tmp_path):
    """Data of two places: those of weight 0, and those that come once and are taken back once, are not learned."""
    spec = run_spec(family="flow", prior="rambo", training={"epochs": 12, "lr": 1e-2, "batch_size": 128})
    large, small = events(512, 1.0) + 3.0, events(512, 0.1)
    both = torch.cat([large, small])
    trained = {
        "alone": train(spec, torch.cat([large, large]), tmp_path / "alone", progress=silent),
        "zero": train(spec, both, tmp_path / "zero", TrainOptions(weights=np.repeat([1.0, 0.0], 512)), silent),
        "plain": train(spec, both, tmp_path / "plain", progress=silent),
        "taken": train(
            spec,
            torch.cat([both, small]),
            tmp_path / "taken",
            TrainOptions(weights=np.repeat([1.0, 0.5, -0.5], 512)),
            silent,
        ),
    }
    q = events(200)
    fields = {}
    for name in trained:
        network = build(spec)
        network.load_state_dict(weights(tmp_path / name))
        fields[name] = network(q.float(), torch.full((200,), 0.5)).mean().item()
    # From the prior to the data at 3 in each component, or to half of them there.
    assert fields["alone"] < fields["plain"] - 0.8, fields
    for name in ("zero", "taken"):
        assert fields[name] == pytest.approx(fields["alone"], abs=0.5), fields


def test_equal_weights_change_no_bit_and_others_are_another_training(tmp_path):
    spec, data = SPECS["spinor"], events()
    train(spec, data, tmp_path / "plain", progress=silent)
    train(spec, data, tmp_path / "equal", TrainOptions(weights=np.full(len(data), 3.0)), silent)
    assert_same_training(tmp_path / "plain", tmp_path / "equal")
    # In one folder: the finished training of other weights is not taken for this one.
    train(spec, data, tmp_path / "equal", TrainOptions(weights=1.0 + np.arange(len(data))), silent)
    assert history(tmp_path / "plain") != history(tmp_path / "equal")


def test_the_column_weight_of_a_table_weighs_its_events(tmp_path):
    spec, data, given = SPECS["spinor"], events(), stream(2).normal(1, 1, 256)
    write_events(tmp_path / "q.parquet", [(data, {"event": np.arange(256), "weight": given})], {}, space="q")
    train_file(tmp_path / "q.parquet", spec, tmp_path / "table", progress=silent)
    train(spec, data, tmp_path / "direct", TrainOptions(weights=given), silent)
    assert_same_training(tmp_path / "table", tmp_path / "direct")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(3), r"\(3,\) weights for 256 events"),
        (np.full(256, np.nan), "training set: the weights of 256 events are not all finite"),
        (-np.ones(256), "training set: the weights of 256 events sum to -256"),
    ],
)
def test_faulty_weights_are_named(values, message, tmp_path):
    with pytest.raises(OnshellError, match=message):
        train(SPECS["flow"], events(), tmp_path, TrainOptions(weights=values), silent)


def test_rows_that_are_not_events_cannot_be_weighed(tmp_path):
    spec = run_spec(loss={"type": "noise", "target": "step", "times_per_event": 4})
    with pytest.raises(OnshellError, match="times_per_event above 1 the rows of a batch are not its events"):
        train(spec, events(), tmp_path, TrainOptions(weights=1.0 + np.arange(256)), silent)
