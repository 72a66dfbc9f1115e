"""Training on a file."""

import pytest

from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, model, silent
from onshell.core.errors import OnshellError
from onshell.events.table import write_events
from onshell.physics import rambo
from onshell.training.commands import train_file
from onshell.training.loop import train

# Noise prediction in p-space: the smallest training there is of that kind.
P_SPACE = {
    "space": "p",
    "augmentation": None,
    "unit": 0.25,
    "loss": {"type": "noise", "target": "chain", "times_per_event": 1},
}


def test_a_training_set_file_is_trained_on_whole(tmp_path):
    path = tmp_path / "set.parquet"
    write_events(path, [events()], {"process": "muon", "cutoff": 0.25, "n_particles": 3}, space="q")
    train_file(path, small_spec(), tmp_path / "file", progress=silent)
    train(small_spec(), events(), tmp_path / "tensor", progress=silent)
    assert_same_training(tmp_path / "file", tmp_path / "tensor")
    assert model(tmp_path / "file")["source"]["cutoff"] == 0.25


@pytest.mark.parametrize("split", [{"train": [0, 200], "test": [200, 256]}, None])
def test_in_p_space_the_training_part_of_the_truth_is_seen_in_its_unit(split, tmp_path):
    path, p, spec = tmp_path / "truth.parquet", rambo.to_p(events()), small_spec(**P_SPACE)
    write_events(path, [p], {"dataset": "muon", "augmentation": None, "split": split})
    train_file(path, spec, tmp_path / "file", progress=silent)
    train(spec, p[: 200 if split else 256] / 0.25, tmp_path / "tensor", progress=silent)
    assert_same_training(tmp_path / "file", tmp_path / "tensor")


def test_truth_is_refused_as_a_training_set_of_q_space(tmp_path):
    path = tmp_path / "truth.parquet"
    write_events(path, [rambo.to_p(events())], {"process": "muon"})
    with pytest.raises(OnshellError, match=r"truth\.parquet"):
        train_file(path, small_spec(), tmp_path / "out", progress=silent)


@pytest.mark.parametrize(("key", "value"), [("dataset", "qqg_1e-3"), ("augmentation", {"name": "double"})])
def test_the_training_set_of_another_run_is_refused(tmp_path, key, value):
    spec, path = small_spec(), tmp_path / "set.parquet"
    own = {"dataset": spec["dataset"], "augmentation": {"name": spec["augmentation"]}}
    write_events(path, [events()], {**own, key: value}, space="q")
    with pytest.raises(OnshellError, match=f"its {key} is .* but {spec['run']} trains on .*give it muon.single,"):
        train_file(path, spec, tmp_path / "run", progress=silent)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("over", "remedy"),
    [({}, r"onshell embed muon\.parquet -a single -o .*none\.parquet"), (P_SPACE, "onshell generate muon -o .*none")],
)
def test_a_missing_training_set_says_how_to_make_it(over, remedy, tmp_path):
    with pytest.raises(OnshellError, match=rf"none\.parquet: no such file; make the training set with .{remedy}"):
        train_file(tmp_path / "none.parquet", small_spec(**over), tmp_path / "run", progress=silent)
