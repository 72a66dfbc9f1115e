"""The jobs of a workflow: what each is, what it needs, and whether it is built."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from typing import Any

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One job, as Snakemake would run it."""

    name: str
    """rule:wildcards, or the rule alone; no two jobs share it."""
    rule: str
    wildcards: dict[str, str]
    threads: int
    resources: dict[str, Any]
    outputs: tuple[str, ...]
    benchmark: str | None
    local: bool
    """Whether it runs beside Snakemake itself, and never in a cluster."""
    works: bool
    """Whether it does anything: a rule that only collects files does not."""
    built: bool
    reason: str | None
    """Why Snakemake would run it; None if it is built."""
    depends_on: tuple[str, ...]
    """The names of the jobs that make its input, built or not."""

    @property
    def title(self) -> str:
        """Return the rule and the wildcards, as people read them."""
        return " ".join([self.rule, *self.wildcards.values()])

    def document(self) -> dict[str, Any]:
        """Return the job in plain types; not what it asks for, which its cost says."""
        found = asdict(self)
        for name in ("resources", "benchmark", "works"):
            del found[name]
        return found | {"output": list(found.pop("outputs")), "depends_on": list(self.depends_on)}


def name_of(line: Line) -> str:
    """Return the name of the job in a line of the logger plugin."""
    values = ",".join(map(str, line["wildcards"].values()))
    return f"{line['rule']}:{values}" if values else line["rule"]


def jobs(every: Iterable[Line], needed: Iterable[Line], rules: Mapping[str, bool]) -> list[Job]:
    """Return all jobs behind a call, those before that others need, and by rule as the Snakefile has them.

    `every` holds the lines of a dry-run that forces all jobs, `needed` those of one that forces none; `rules` says by
    name which rules are local, in the order of the Snakefile.
    """
    every = list(every)
    reasons = {name_of(line): line["reason"] for line in needed}
    maker = {path: name_of(line) for line in every for path in line["output"]}
    order = {rule: n for n, rule in enumerate(rules)}
    found = [
        Job(
            name=name_of(line),
            rule=line["rule"],
            wildcards={key: str(value) for key, value in line["wildcards"].items()},
            threads=line["threads"],
            resources=dict(line["resources"]),
            outputs=tuple(line["output"]),
            benchmark=line["benchmark"],
            local=rules[line["rule"]],
            works=line["works"],
            built=name_of(line) not in reasons,
            reason=reasons.get(name_of(line)),
            depends_on=tuple(dict.fromkeys(maker[path] for path in line["input"] if path in maker)),
        )
        for line in every
    ]
    return sorted(found, key=lambda job: (not job.works, order[job.rule], job.name))


def critical_path(jobs: Iterable[Job], seconds: Mapping[str, float]) -> list[str]:
    """Return the names of the jobs on the critical path, first to last: the chain that takes longest.

    `seconds` holds the times of the jobs to run, by name; the others take none and are left out.
    """
    waits = {job.name: [name for name in job.depends_on if name in seconds] for job in jobs if job.name in seconds}
    ends: dict[str, float] = {}
    paths: dict[str, list[str]] = {}
    for name in TopologicalSorter(waits).static_order():
        before = max(waits[name], key=lambda other: (ends[other], other), default="")
        ends[name] = seconds[name] + ends.get(before, 0.0)
        paths[name] = [*paths.get(before, []), name]
    return paths[max(ends, key=lambda name: (ends[name], name))] if ends else []
