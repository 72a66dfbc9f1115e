"""Jobs of a cluster as tests see them: their states, their nodes, and the processes behind them."""

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from slurm.cluster import Cluster
from slurm.processes import carrying, command, kill, outside
from slurm.supervisor import MARK, NODE

Found = TypeVar("Found")
FORMAT = "%A|%T|%N|%P|%j|%k"
FRESH = 0.4
"""Seconds for which the answer of squeue is good: many wait for their jobs at once."""
ENDED = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "DEADLINE"}


OVER = threading.Event()
"""Set when nobody waits any more for what jobs do."""


def wait_for(condition: Callable[[], Found], seconds: float, what: str, pause: float = 0.05) -> Found:
    """Return what `condition` returns once that is true; fail, saying what was waited for, after `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain: {what}"
        assert not OVER.is_set(), f"waited in vain: {what}"
        time.sleep(pause)
    return found


@dataclass(frozen=True)
class Job:
    """One job as squeue tells it; by Snakemake, `comment` is rule_<rule>_wildcards_<wildcards>, `name` its own id."""

    number: int
    state: str
    nodes: str
    partition: str
    name: str
    comment: str

    @property
    def rule(self) -> str:
        """The rule that the job belongs to, "" if it is none of Snakemake's."""
        return (re.match(r"rule_(.*?)(_wildcards_|$)", self.comment) or ["", ""])[1]

    @property
    def wildcards(self) -> str:
        """The wildcards of the job, joined, "" if it has none."""
        return self.comment.partition("_wildcards_")[2]

    @property
    def ended(self) -> bool:
        """Whether nothing of the job runs any more, or will."""
        return self.state in ENDED


class Slurm:
    """A cluster's queue, its nodes, and what can befall both."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self.environment = {**outside(), **cluster.variables()}
        self._lock, self._asked, self._answer = threading.Lock(), 0.0, ""

    def call(self, *command: str) -> str:
        """Return what one of Slurm's programs prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, script: str, *options: str) -> int:
        """Return the number of a job that runs a line of shell."""
        return int(self.call("sbatch", "--parsable", "--output=/dev/null", "--mem=100", *options, f"--wrap={script}"))

    def jobs(self, wildcards: str | None = None, rule: str | None = None) -> list[Job]:
        """Return all jobs that Slurm remembers, oldest first; or those of one rule, or with these wildcards."""
        with self._lock:
            if time.monotonic() > self._asked + FRESH:
                self._answer = self.call("squeue", "--states=all", "--noheader", f"--format={FORMAT}")
                self._asked = time.monotonic()
        found = [Job(int(number), *rest) for number, *rest in (line.split("|") for line in self._answer.splitlines())]
        found = [job for job in found if wildcards in (None, job.wildcards) and rule in (None, job.rule)]
        return sorted(found, key=lambda job: job.number)

    def job(self, number: int) -> Job:
        """Return a job by its number."""
        return next(job for job in self.jobs() if job.number == number)

    def facts(self, number: int) -> dict[str, str]:
        """Return what scontrol tells about a job: JobState, Restarts, ExitCode, MinMemoryNode, ..."""
        pairs = (
            pair.partition("=") for pair in self.call("scontrol", "show", "job", str(number), "--oneliner").split()
        )
        return {key: value for key, _, value in pairs}

    def wait_until(self, number: int, seconds: float, *states: str) -> Job:
        """Return a job once it is in one of these states."""
        return wait_for(
            lambda: next((job for job in self.jobs() if job.number == number and job.state in states), None),
            seconds,
            f"job {number} to be {' or '.join(states)}",
        )

    def processes(self, number: int, step: int | None = None, word: str = "") -> list[int]:
        """Return the processes of a job, or of one step of it, whose command lines begin with the pattern `word`."""
        marks = {"SLURM_CLUSTER_NAME": self.cluster.name, "SLURM_JOB_ID": str(number)}
        if step is not None:
            marks["SLURM_STEP_ID"] = str(step)
        return [pid for pid in carrying(**marks) if re.match(f"\\S*{word}", command(pid))]

    def fail_node(self, node: str) -> list[int]:
        """Return the processes killed outright: the node's daemon, its job steps and its jobs, as a power cut would."""
        daemons = carrying(**{MARK: self.cluster.name, NODE: node})
        return kill([*daemons, *carrying(SLURM_CLUSTER_NAME=self.cluster.name, SLURMD_NODENAME=node)])


def freeze(targets: list[int]) -> list[int]:
    """Return the processes that now stand still."""
    return kill(targets, signal.SIGSTOP)


def thaw(targets: list[int]) -> list[int]:
    """Return the processes that go on."""
    return kill(targets, signal.SIGCONT)
