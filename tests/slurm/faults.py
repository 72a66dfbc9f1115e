"""What befalls trainings: each function waits until its training is in its midst, strikes, and returns what it saw."""

import time

from slurm.campaign import Campaign
from slurm.jobs import Job, Slurm, freeze, thaw, wait_for
from slurm.processes import kill
from slurm.products import epochs
from slurm.small import LATE, variant

START = 300.0
"""Seconds that a job may take to come to its training, on a busy machine."""
END = 180.0
"""Seconds that Slurm may take to notice something: it looks at limits and dead nodes every half minute."""

TRAINING = "python.*onshell train"
TORCHRUN = "python.*onshell.training.torchrun"
JOBSTEP = "python.* -m snakemake .*slurm-jobstep"
"""Patterns of command lines of Python's."""


def caught(campaign: Campaign, run: str, after: int = 2) -> tuple[Job, list[int]]:
    """Return the job of a run whose training has just finished `after` epochs, and its processes, which stand still."""
    slurm = campaign.slurm
    wait_for(lambda: len(epochs(campaign.fresh_log(run))) >= after, START, f"{run} to train", pause=0.02)
    mine = [job for job in slurm.jobs(run, "train") if job.state == "RUNNING"]
    assert len(mine) == 1, f"{run}: {mine}"
    pids = freeze(slurm.processes(mine[0].number, word=TRAINING))
    assert pids, f"{run}: no training in job {mine[0].number}"
    campaign.keep(run, mine[0].number)
    return mine[0], pids


def cancelled(campaign: Campaign) -> Job:
    """`scancel`: Slurm sends CONT and TERM, and KILL after KillWait."""
    job, _ = caught(campaign, variant("cancelled"))
    campaign.slurm.call("scancel", str(job.number))
    return campaign.slurm.wait_until(job.number, END, "CANCELLED")


def limit(campaign: Campaign) -> Job:
    """The time limit, which comes early: as `scancel`."""
    job, _ = caught(campaign, variant("limit"))
    campaign.slurm.call("scontrol", "update", f"JobId={job.number}", "EndTime=now+1")
    return campaign.slurm.wait_until(job.number, END, "TIMEOUT")


def memory(campaign: Campaign) -> tuple[Job, Job]:
    """Too little memory: Slurm kills outright; the next job, which has more, is returned too."""
    slurm, run = campaign.slurm, variant("memory")
    first = wait_for(lambda: slurm.jobs(run, "train"), START, f"a job for {run}")[0]
    slurm.wait_until(first.number, START, "FAILED", "OUT_OF_MEMORY")
    second = wait_for(lambda: slurm.jobs(run, "train")[1:], START, f"a second job for {run}")[0]
    return slurm.job(first.number), second


def node(campaign: Campaign) -> tuple[Job, str]:
    """A node that is gone: daemon, job steps and jobs at once; the node's name is returned too."""
    slurm, run = campaign.slurm, variant("node")
    job, _ = caught(campaign, run)
    assert [other.number for other in slurm.jobs() if other.nodes == job.nodes and not other.ended] == [job.number]
    assert slurm.fail_node(job.nodes)
    wait_for(lambda: slurm.facts(job.number)["Restarts"] == "1", END, f"job {job.number} to be queued again")
    return job, job.nodes


def preempted(campaign: Campaign, fault: str) -> Job:
    """A job of higher rank that wants the node: Slurm stops the training's job, and queues it again if it must kill."""
    slurm = campaign.slurm
    job, frozen = caught(campaign, variant(fault))
    rival = slurm.submit("true", "--partition=high", f"--nodelist={job.nodes}", "--exclusive")
    slurm.wait_until(rival, END, "COMPLETED")
    assert not any(pid in slurm.processes(job.number, word=TRAINING) for pid in frozen)
    return job


def late(campaign: Campaign) -> Job:
    """A job's time that is almost over: the training should have stopped by itself, Slurm does not stop it yet."""
    run = variant(LATE)
    job, pids = caught(campaign, run)
    minutes = campaign.config["resources"][run]["runtime"]
    # It stops when a quarter of the time is left, and began to count before it stood still.
    begun = time.monotonic()
    wait_for(lambda: time.monotonic() > begun + 45 * minutes + 1, 60 * minutes, "its time to be over", pause=1)
    thaw(pids)
    return campaign.slurm.wait_until(job.number, END, "FAILED")


def shared(campaign: Campaign) -> tuple[Job, Job]:
    """Two processes that train together: `scancel`, and `kill -9` of the torchrun that started them in the next job."""
    slurm, run = campaign.slurm, variant("shared")
    first, pids = caught(campaign, run)
    assert len(pids) == 3
    slurm.call("scancel", str(first.number))
    # torchrun's own processes are sessions of their own, which Slurm does not wake.
    slurm.wait_until(first.number, END, "COMPLETING", "CANCELLED")
    thaw(pids)
    first = slurm.wait_until(first.number, END, "CANCELLED")
    second, pids = caught(campaign, run)
    assert kill(slurm.processes(second.number, word=TORCHRUN))
    thaw(pids)
    return first, slurm.wait_until(second.number, END, "FAILED")


def killed(campaign: Campaign, fault: str) -> Job:
    """`kill -9` of the training, of the job's inner Snakemake, or of its outer one."""
    job, pids = caught(campaign, variant(fault))
    slurm = campaign.slurm
    steps = {"killed": pids, "inner": snakemakes(slurm, job, 0), "outer": snakemakes(slurm, job, None)}
    assert steps[fault]
    kill(steps[fault])
    if fault == "killed":
        thaw(pids)
    return slurm.wait_until(job.number, END, "FAILED")


def snakemakes(slurm: Slurm, job: Job, step: int | None) -> list[int]:
    """Return the job's Snakemake inside its step 0, or the one around it."""
    inside = slurm.processes(job.number, 0, "python.* -m snakemake ")
    return inside if step == 0 else [pid for pid in slurm.processes(job.number, None, JOBSTEP) if pid not in inside]


STRIKES = {
    "cancelled": cancelled,
    "limit": limit,
    "memory": memory,
    "shared": shared,
    "node": node,
    "requeued": lambda campaign: preempted(campaign, "requeued"),
    "graced": lambda campaign: preempted(campaign, "graced"),
    **{fault: lambda campaign, fault=fault: killed(campaign, fault) for fault in ("killed", "inner", "outer")},
}
