"""Snakemake itself is killed outright: its jobs go on without it, and nothing of them is lost or made twice."""

from types import SimpleNamespace

import pytest

from slurm.faults import END, caught
from slurm.jobs import thaw
from slurm.products import assert_nothing_half_written, assert_same_model, assert_trained_once
from slurm.small import EPOCHS, ORPHAN, STOPPED, variant

pytestmark = pytest.mark.timeout(600)
RUNS = variant(ORPHAN), variant(STOPPED)


@pytest.fixture(scope="module")
def killed(campaign, local, workers):
    """A clone whose Snakemake was killed while two trainings stood in their midst."""
    clone = campaign("orphans", local)
    targets = [clone.layout.model(run) for run in RUNS]
    snakemake = clone.start(*targets)
    (orphan, pids), (stopped, _) = workers.map(caught, [clone, clone], RUNS)
    snakemake.kill()
    snakemake.wait()
    return SimpleNamespace(clone=clone, targets=targets, orphan=orphan, pids=pids, stopped=stopped)


@pytest.fixture(scope="module")
def again(killed):
    """The same clone: one orphan was cancelled, and Snakemake called again while the other still works."""
    clone, slurm = killed.clone, killed.clone.slurm
    slurm.call("scancel", str(killed.stopped.number))
    slurm.wait_until(killed.stopped.number, END, "CANCELLED")
    killed.locked = clone.start(*killed.targets).wait(60), clone.told()
    killed.unlocked = clone.start("--unlock").wait(60)
    clone.start(*killed.targets, "--retries", "0")
    killed.code = clone.finish()
    (killed.refusal,) = clone.training_log(variant(ORPHAN)).read_text().splitlines()
    return killed


@pytest.fixture(scope="module")
def finished(again):
    """The same clone when the other orphan has come to its end, and Snakemake was made to run its job once more."""
    clone = again.clone
    thaw(again.pids)
    clone.slurm.wait_until(again.orphan.number, END, "COMPLETED")
    clone.make(*again.targets, "--forcerun", again.targets[0])
    return again


def test_its_jobs_go_on_and_are_found_by_the_name_it_told(killed):
    clone = killed.clone
    (name,) = clone.names()
    listed = clone.slurm.call("squeue", "--noheader", f"--name={name}", "--format=%A %T").splitlines()
    assert sorted(listed) == sorted(f"{job.number} RUNNING" for job in (killed.orphan, killed.stopped))


def test_a_rerun_asks_for_unlock(again):
    code, told = again.locked
    assert code != 0
    assert "Directory cannot be locked" in told
    assert again.unlocked == 0


def test_a_second_writer_is_refused_with_the_job_that_holds_the_run(again):
    slurm, run = again.clone.slurm, variant(ORPHAN)
    assert again.code != 0
    first, second = slurm.jobs(run, "train")[:2]
    assert (first.number, second.state) == (again.orphan.number, "FAILED")
    assert f"Slurm job {first.number}" in again.refusal
    assert f"scancel {first.number}" in again.refusal


def test_after_its_cancellation_the_rerun_goes_on(again):
    states = [job.state for job in again.clone.slurm.jobs(variant(STOPPED), "train")]
    assert states == ["CANCELLED", "COMPLETED"]


def test_a_training_that_an_orphan_has_finished_is_not_made_again(finished):
    slurm, run = finished.clone.slurm, variant(ORPHAN)
    assert [job.state for job in slurm.jobs(run, "train")] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "was trained already" in finished.clone.training_log(run).read_text()


@pytest.mark.parametrize("run", RUNS)
def test_the_model_is_the_undisturbed_one(finished, undisturbed, run):
    clone = finished.clone
    assert_same_model(clone.folder, undisturbed.folder, clone.layout, run)
    assert_nothing_half_written(clone.folder / clone.layout.run(run))
    assert_trained_once(clone.training_told(run), EPOCHS)
