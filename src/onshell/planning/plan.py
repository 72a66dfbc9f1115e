"""A plan: the jobs behind a call of Snakemake, their costs, and the chain of them that takes longest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from onshell import config as configuration
from onshell.config.profile import read_profile
from onshell.core.errors import OnshellError
from onshell.planning.costs import ASSUMED, MEASURED, Cost, Sum, add_up, assumed
from onshell.planning.dryrun import ask
from onshell.planning.jobs import Job, critical_path


@dataclass
class Plan:
    """What a call of Snakemake would run and what that costs; `executor` runs the jobs that are not local."""

    jobs: list[Job]
    costs: dict[str, Cost]
    targets: Sequence[str]
    scale: str
    preset: str
    results: str
    profile: str | None = None
    executor: str = "local"
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
        return [by_name[name] for name in critical_path(self.jobs, seconds) if seconds[name] > 0]

    @property
    def least_s(self) -> float:
        """Return the seconds of the critical path: no number of machines is faster."""
        return sum(self.costs[job.name].wall_s for job in self.critical_path)

    @property
    def in_cluster(self) -> bool:
        """Return whether jobs that are not local go elsewhere."""
        return self.executor != "local"

    def document(self) -> dict[str, Any]:
        """Return the plan in plain types, with the same keys always; docs/howto/cluster.md describes them."""
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
            "jobs": [job.document() | asdict(self.costs[job.name]) for job in self.jobs],
        }


def make_plan(
    path: Path,
    settings: Sequence[str],
    targets: Sequence[str] = (),
    *,
    profile: Path | None = None,
    measured: bool = False,
) -> Plan:
    """Return the plan of `targets` (none: of everything) under the configuration in `path` with `settings` applied.

    Nothing is written. `profile` is a profile of Snakemake's; with `measured`, jobs are priced by earlier runs where
    there are comparable ones.
    """
    written = configuration.read(path)
    config = configuration.validate(configuration.apply(written, settings), str(path))
    if refusal := configuration.unwritable(config["results"]):
        raise OnshellError(refusal)
    chosen = None if profile is None else read_profile(profile, Path.cwd())
    if chosen and chosen.fault:
        raise OnshellError(f"{chosen.path}: {chosen.fault}")
    folder = None if chosen is None else chosen.path.resolve().parent
    jobs = ask(Path.cwd(), targets, changes(written, config), config["results"], folder)
    notes, price = [], assumed
    if measured:
        from onshell.planning.measured import Measurements

        earlier = Measurements(config)
        notes, price = earlier.notes, earlier.cost
    return Plan(
        jobs=jobs,
        costs={job.name: price(job) for job in jobs},
        targets=targets,
        scale=config["scale"],
        preset=config["preset"],
        results=config["results"],
        profile=None if profile is None else str(profile),
        executor="local" if chosen is None else str(chosen.executor or "local"),
        measured=measured,
        notes=notes,
    )


def changes(written: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs from the written configuration: a mapping like it, which merged into it gives `config`."""
    found = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and isinstance(written.get(key), Mapping):
            if below := changes(written[key], value):
                found[key] = below
        elif key not in written or value != written[key]:
            found[key] = value
    return found
