"""What jobs cost: by what they ask for, and in sums."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onshell.core.errors import OnshellError
from onshell.planning.jobs import Job

ASSUMED, MEASURED, NOTHING = "assumed", "measured", "nothing"
"""Where a cost comes from: from the job's resources, from an earlier run, or from there being nothing to do."""


@dataclass(frozen=True)
class Cost:
    """What one job takes: seconds of wall clock, of all its GPUs and of all its cores, and MB of memory and disk."""

    wall_s: float
    gpu_s: float
    cpu_s: float
    mem_mb: float
    disk_mb: float
    source: str
    measured_from: str | None = None


def assumed(job: Job) -> Cost:
    """Return the cost of a job that takes all that its resources allow: the most that one attempt can cost.

    A job holds `cpus_per_task` cores (or `threads`) for each of its `tasks`, and `gpu` GPUs in all, for `runtime`
    minutes; memory is that of one node.
    """
    if not job.works:
        return Cost(0.0, 0.0, 0.0, 0.0, 0.0, NOTHING)
    wall = 60 * _asked(job, "runtime")
    cores = float(job.resources.get("cpus_per_task", job.threads)) * float(job.resources.get("tasks", 1))
    gpus = float(job.resources.get("gpu", 0))
    return Cost(wall, wall * gpus, wall * cores, _asked(job, "mem_mb"), _asked(job, "disk_mb"), ASSUMED)


def _asked(job: Job, resource: str) -> float:
    """Return a resource without which a job has no price."""
    value = job.resources.get(resource)
    if not isinstance(value, int | float):
        raise OnshellError(f"rule {job.rule}: has no {resource}; give it a number under `resources:`")
    return float(value)


@dataclass
class Sum:
    """The jobs of a rule, or of all; costs are those of the jobs to run, memory that of the largest of them."""

    jobs: int = 0
    built: int = 0
    to_run: int = 0
    wall_s: float = 0.0
    gpu_s: float = 0.0
    cpu_s: float = 0.0
    mem_mb: float = 0.0
    disk_mb: float = 0.0
    measured: int = 0
    assumed: int = 0

    def add(self, job: Job, cost: Cost) -> None:
        """Count one more job."""
        self.jobs += 1
        if job.built:
            self.built += 1
            return
        self.to_run += 1
        self.wall_s += cost.wall_s
        self.gpu_s += cost.gpu_s
        self.cpu_s += cost.cpu_s
        self.disk_mb += cost.disk_mb
        self.mem_mb = max(self.mem_mb, cost.mem_mb)
        self.measured += cost.source == MEASURED
        self.assumed += cost.source == ASSUMED


def add_up(jobs: Iterable[Job], costs: Mapping[str, Cost]) -> Sum:
    """Return the sum of jobs, with their costs by name."""
    found = Sum()
    for job in jobs:
        found.add(job, costs[job.name])
    return found
