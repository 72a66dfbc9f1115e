"""The resume state: taken where it belongs, refused where it does not."""

import shutil

import pytest
import torch

from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, silent, visible
from onshell.core.errors import OnshellError
from onshell.training.checkpoint import BLOCK, state_key
from onshell.training.loop import TrainOptions, train

AVERAGED = {"ema": 0.9, "lr_schedule": "onecycle"}


@pytest.fixture
def stopped(tmp_path):
    """The state file of a training that stopped after its first epoch."""

    def stop(line):
        if ": epoch 1/" in str(line):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_spec(training=AVERAGED), events(), tmp_path / "stopped", progress=stop)
    (state,) = (tmp_path / "stopped").glob("state-*.pt")
    return state


def test_a_state_is_found_by_itself_or_named(stopped, tmp_path):
    spec = small_spec(training=AVERAGED)
    train(spec, events(), tmp_path / "whole", progress=silent)
    train(spec, events(), tmp_path / "elsewhere", TrainOptions(resume=stopped), silent)
    assert_same_training(tmp_path / "whole", tmp_path / "elsewhere")
    lines = []
    train({**spec, "sampling": {"precision": "bf16"}}, events(), stopped.parent, progress=lines.append)
    assert "going on after epoch 1" in lines[0]
    assert_same_training(tmp_path / "whole", stopped.parent)


@pytest.mark.parametrize(
    "change", [{"training": {"lr": 2e-3}}, {"training": {"epochs": 4}}, {"training": {"ema": 0.5}}, {"seed": 12}]
)
def test_a_state_of_other_settings_is_not_taken(change, stopped, tmp_path):
    lines, kept = [], tmp_path / stopped.name
    shutil.copy(stopped, kept)
    other = small_spec(**{"training": AVERAGED, **change})
    train(other, events(), stopped.parent, progress=lines.append)
    assert not any("going on" in str(line) for line in lines)
    assert any(f"{stopped} is of other settings" in str(line) for line in lines)
    assert visible(stopped.parent) == ["history.csv", "model.pt", "run.json"]
    with pytest.raises(OnshellError, match=r"state-.*\.pt: the state of another training .*leave out --resume"):
        train(other, events(), stopped.parent, TrainOptions(resume=kept), silent)


def test_a_state_of_other_data_is_not_taken(stopped):
    other = events()
    other[100, 1, 2] += 1e-12
    with pytest.raises(OnshellError, match="the state of another training"):
        train(small_spec(training=AVERAGED), other, stopped.parent, TrainOptions(resume=stopped), silent)


def test_a_missing_state_says_so(tmp_path):
    with pytest.raises(OnshellError, match=r"none\.pt: no such training state"):
        train(small_spec(), events(), tmp_path, TrainOptions(resume=tmp_path / "none.pt"), silent)


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
        train(small_spec(training=AVERAGED), events(), stopped.parent, progress=silent)


def test_the_key_depends_on_every_event_and_not_on_how_they_lie_in_memory():
    data = torch.arange(3.0 * (2 * BLOCK + 5), dtype=torch.float64).reshape(-1, 1, 3)
    by_component = data.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    keys = [state_key(small_spec(), by_component)]
    assert keys[0] == state_key(small_spec(), data)
    for event in (0, BLOCK, 2 * BLOCK + 4):
        data[event] += 1
        keys.append(state_key(small_spec(), data))
    assert len(set(keys)) == len(keys)
