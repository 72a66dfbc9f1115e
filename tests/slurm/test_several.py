"""Several GPUs, several nodes: trainings that share batches, and samplings dealt into jobs."""

import json
import math

import pytest

from slurm.products import assert_same_model, history
from slurm.small import NODES, PET

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def antennas(campaign, local):
    """A clone with the antennas' model, by two processes on one node and by one on each of two, and its events."""
    clone = campaign("antennas", local)
    clone.make(clone.layout.samples(PET), clone.layout.model(NODES))
    return clone


@pytest.mark.parametrize(("run", "nodes"), [(PET, 1), (NODES, 2)])
def test_two_processes_train_wherever_they_are_as_two_on_this_machine(antennas, undisturbed, run, nodes):
    slurm, layout = antennas.slurm, antennas.layout
    (job,) = [job for job in slurm.jobs(run, "train") if job.name in antennas.names()]
    facts = slurm.facts(job.number)
    assert (facts["JobState"], facts["NumNodes"]) == ("COMPLETED", str(nodes))
    assert facts["TresPerJob"] == "gres:gpu:a100:2"
    assert json.loads((antennas.folder / layout.record(run)).read_text())["processes"] == 2
    assert_same_model(antennas.folder, undisturbed.folder, layout, run)


def test_two_processes_train_as_one_does(undisturbed):
    layout, alone = undisturbed.layout, undisturbed.folder / "alone"
    undisturbed.onshell("train", PET, "--output", str(alone), "--processes", "1")
    assert json.loads((alone / "run.json").read_text())["processes"] == 1
    ours = history(undisturbed.folder / layout.model(PET).replace("model.pt", "history.csv"))
    theirs = history(alone / "history.csv")
    assert len(ours) == len(theirs) > 0
    for row, other in zip(ours, theirs, strict=True):
        assert math.isclose(float(row["loss"]), float(other["loss"]), rel_tol=1e-5), (row, other)


def test_a_sampling_in_two_shards_has_the_bytes_of_one_in_one(antennas, undisturbed):
    assert antennas.submitted().count("shard") == 2
    assert "--shard" not in undisturbed.told()
    path = antennas.layout.samples(PET)
    assert (antennas.folder / path).read_bytes() == (undisturbed.folder / path).read_bytes()
