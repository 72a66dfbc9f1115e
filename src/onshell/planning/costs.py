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


@dataclass(frozen=True)
class Sum:
    """The jobs of a rule, or of all; costs are those of the jobs to run, memory that of the largest of them."""

    jobs: int
    built: int
    to_run: int
    wall_s: float
    gpu_s: float
    cpu_s: float
    mem_mb: float
    disk_mb: float
    measured: int
    assumed: int


def add_up(jobs: Iterable[Job], costs: Mapping[str, Cost]) -> Sum:
    """Return the sum of jobs, with their costs by name."""
    jobs = list(jobs)
    due = [costs[job.name] for job in jobs if not job.built]
    totals = {key: sum(getattr(cost, key) for cost in due) for key in ("wall_s", "gpu_s", "cpu_s", "disk_mb")}
    sources = {key: sum(cost.source == key for cost in due) for key in (MEASURED, ASSUMED)}
    largest = max((cost.mem_mb for cost in due), default=0.0)
    return Sum(jobs=len(jobs), built=len(jobs) - len(due), to_run=len(due), mem_mb=largest, **totals, **sources)
