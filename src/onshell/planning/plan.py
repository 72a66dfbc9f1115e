"""A plan: the jobs behind a call, their costs, and the chain of them that takes longest."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from onshell.planning.costs import ASSUMED, MEASURED, Cost, Sum, add_up
from onshell.planning.jobs import Job, chain


@dataclass
class Plan:
    """What a call of Snakemake would run and what that costs."""

    jobs: list[Job]
    costs: dict[str, Cost]
    targets: Sequence[str]
    scale: str
    preset: str
    results: str
    profile: str | None = None
    executor: str = "local"
    """Who runs the jobs that are not local: `local` is the machine itself."""
    measured: bool = False
    notes: list[str] = field(default_factory=list)

    @cached_property
    def rules(self) -> dict[str, list[Job]]:
        """Return the jobs by rule."""
        found: dict[str, list[Job]] = {}
        for job in self.jobs:
            found.setdefault(job.rule, []).append(job)
        return found

    @cached_property
    def sums(self) -> dict[str, Sum]:
        """Return the sum of each rule."""
        return {rule: add_up(jobs, self.costs) for rule, jobs in self.rules.items()}

    @cached_property
    def totals(self) -> dict[str, Sum]:
        """Return the sums of all jobs, of those that run beside Snakemake itself, and of those that a cluster gets."""
        local = [job for job in self.jobs if job.local]
        others = [job for job in self.jobs if not job.local]
        kinds = {"all": self.jobs, "local": local, "cluster": others}
        return {kind: add_up(jobs, self.costs) for kind, jobs in kinds.items()}

    @cached_property
    def critical_path(self) -> list[Job]:
        """Return the jobs to run that take longest one after the other, first to last, without those of no time."""
        by_name = {job.name: job for job in self.jobs}
        seconds = {job.name: self.costs[job.name].wall_s for job in self.jobs if not job.built}
        return [by_name[name] for name in chain(self.jobs, seconds) if seconds[name] > 0]

    @property
    def least_s(self) -> float:
        """Return the seconds of the critical path: no number of machines is faster."""
        return sum(self.costs[job.name].wall_s for job in self.critical_path)

    @property
    def in_cluster(self) -> bool:
        """Return whether jobs that are not local go elsewhere."""
        return self.executor != "local"

    def document(self) -> dict[str, Any]:
        """Return the plan in plain types, with the same keys always; README describes them."""
        return {
            "kind": "onshell-plan",
            "format": 1,
            "targets": list(self.targets),
            "scale": self.scale,
            "preset": self.preset,
            "results": self.results,
            "profile": self.profile,
            "executor": self.executor,
            "estimates": MEASURED if self.measured else ASSUMED,
            "notes": self.notes,
            "totals": {kind: asdict(total) for kind, total in self.totals.items()},
            "critical_path": {"wall_s": self.least_s, "jobs": [job.name for job in self.critical_path]},
            "rules": [
                {"rule": rule, "local": self.rules[rule][0].local, **asdict(total)} for rule, total in self.sums.items()
            ],
            "jobs": [self._job(job) for job in self.jobs],
        }

    def _job(self, job: Job) -> dict[str, Any]:
        return {
            "name": job.name,
            "rule": job.rule,
            "wildcards": job.wildcards,
            **asdict(self.costs[job.name]),
            "threads": job.threads,
            "built": job.built,
            "reason": job.reason,
            "local": job.local,
            "output": list(job.outputs),
            "depends_on": list(job.depends_on),
        }
