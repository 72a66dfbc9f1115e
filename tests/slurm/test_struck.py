"""Trainings that are struck, one fault each: nothing is lost, nothing is trained twice, and the model is the same."""

import re

import pytest

from slurm.faults import END, TRAINING
from slurm.jobs import Job
from slurm.products import assert_nothing_half_written, assert_same_model, assert_trained_once, number_of_epochs
from slurm.small import FAULTS, LATE, LITTLE, variant

pytestmark = pytest.mark.timeout(600)
OUTRIGHT = ("memory", "node", "killed", "inner", "outer")
"""What leaves a training no time to say a word."""


def attempts(storm, fault) -> list[Job]:
    return storm.clone.slurm.jobs(variant(fault), "train")


def told(storm, fault) -> str:
    return storm.clone.training_told(variant(fault))


def test_scancel(storm):
    job = storm.struck("cancelled")
    assert job.state == "CANCELLED"
    assert "stopped by SIGTERM" in told(storm, "cancelled")


def test_time_limit(storm):
    job = storm.struck("limit")
    assert job.state == "TIMEOUT"
    assert "stopped by SIGTERM" in told(storm, "limit")


def test_out_of_memory(storm):
    first, second = storm.struck("memory")
    slurm = storm.clone.slurm
    asked = [slurm.facts(job.number)["MinMemoryNode"] for job in (first, second)]
    assert asked == [f"{LITTLE}M", f"{2 * LITTLE}M"]
    assert re.search(r"exceeded memory limit .* being killed", storm.clone.slurm_logs(first.number))


def test_node_failure(storm):
    job, node = storm.struck("node")
    slurm = storm.clone.slurm
    done = slurm.wait_until(job.number, END, "COMPLETED")
    assert slurm.facts(job.number)["Restarts"] == "1"
    assert done.nodes != node
    assert slurm.call("sinfo", "--noheader", f"--nodes={node}", "--partition=spare", "--format=%T").startswith("down")


def test_preemption_by_requeue(storm):
    job = storm.struck("requeued")
    slurm = storm.clone.slurm
    slurm.wait_until(job.number, END, "COMPLETED")
    assert slurm.facts(job.number)["Restarts"] == "1"
    assert "stopped by SIGTERM" in told(storm, "requeued")


def test_preemption_with_time_of_grace(storm):
    job = storm.struck("graced")
    assert storm.clone.slurm.wait_until(job.number, END, "FAILED")
    assert "stopped by SIGTERM" in told(storm, "graced")


@pytest.mark.parametrize("fault", ["killed", "inner", "outer"], ids=["training", "inner_snakemake", "outer_snakemake"])
def test_kill_9(storm, fault):
    job = storm.struck(fault)
    assert job.state == "FAILED"
    assert not storm.clone.slurm.processes(job.number, word=TRAINING)


def test_two_processes_are_cancelled_and_lose_their_torchrun(storm):
    first, second = storm.struck("shared")
    assert (first.state, second.state) == ("CANCELLED", "FAILED")
    assert told(storm, "shared").count("stopped by SIGTERM") >= 2
    assert not storm.clone.slurm.processes(second.number, word=TRAINING)


def test_all_comes_to_a_good_end(storm):
    assert storm.clone.finish() == 0, storm.clone.told()[-6000:]
    assert {job.state for fault in FAULTS for job in attempts(storm, fault)[-1:]} == {"COMPLETED"}
    again = {fault: len(attempts(storm, fault)) for fault in FAULTS}
    # Slurm itself starts the jobs again that a node or a rival has taken from it; Snakemake sends the others anew.
    assert again == dict.fromkeys(FAULTS, 2) | {"node": 1, "requeued": 1, "shared": 3}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_model_is_the_undisturbed_one(storm, undisturbed, fault):
    clone, run = storm.clone, variant(fault)
    assert_same_model(clone.folder, undisturbed.folder, clone.layout, run)
    assert_nothing_half_written(clone.folder / clone.layout.run(run))
    assert_trained_once(told(storm, fault), number_of_epochs(clone.config, run), lost=fault in OUTRIGHT)
    assert fault == "memory" or "going on after epoch" in told(storm, fault)


def test_a_training_stops_in_time_by_itself(late, undisturbed):
    (clone, struck), run = late, variant(LATE)
    first = struck.result()
    assert clone.finish() == 0, clone.told()[-6000:]
    slurm, log = clone.slurm, clone.training_told(run)
    assert first.state == "FAILED"
    assert re.search(r"stopped in time before its 8 minutes are over", log)
    assert [job.state for job in slurm.jobs(run, "train")] == ["FAILED", "COMPLETED"]
    assert slurm.facts(first.number)["TimeLimit"] == "00:08:00"
    assert_same_model(clone.folder, undisturbed.folder, clone.layout, run)
    assert_nothing_half_written(clone.folder / clone.layout.run(run))
    assert_trained_once(log, number_of_epochs(clone.config, run))
