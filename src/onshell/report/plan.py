"""A plan as one page that needs nothing else: rules and totals, the critical path, the jobs to run."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onshell.core.files import whole
from onshell.core.format import format_amount
from onshell.planning.costs import MEASURED
from onshell.planning.plan import Plan
from onshell.planning.table import COLUMNS, footnotes, headline, lines
from onshell.report.render import render
from onshell.report.table import Cell, Row, Table

JOB_COLUMNS = ("job", "wall h", "GPU h", "CPU h", "disk GB", "peak GB", "estimate")


class Step(NamedTuple):
    """A job of the critical path: where its bar begins and how wide it is, both in per cent of the path."""

    name: str
    left: float
    width: float
    seconds: float
    kind: str


def write_page(plan: Plan, path: Path) -> None:
    """Write the page of a plan to `path`, whole or not at all."""
    with whole(path) as part:
        part.write_text(page(plan), encoding="utf-8")


def page(plan: Plan) -> str:
    """Return the page of a plan."""
    title = headline(plan)
    what, _, about = title.partition(" at scale ")
    rows = [Row([Cell(text) for text in line.cells], kind="built" if line.built else "") for line in lines(plan)]
    rules = len(plan.sums)
    columns = ("rule", *(["where"] if plan.in_cluster else []), *COLUMNS)
    return render(
        "plan.html",
        title=f"onshell plan: {title}",
        what=what,
        about=about,
        notes=footnotes(plan),
        rules=Table("What each rule takes", columns, rows[:rules], rows[rules:]),
        least=plan.least_s,
        steps=list(steps(plan)),
        jobs=Table("Every job to run", JOB_COLUMNS, list(_jobs(plan))),
    )


def steps(plan: Plan) -> Iterator[Step]:
    """Yield the jobs of the critical path, each where the one before it ends."""
    at = 0.0
    for job in plan.critical_path:
        cost = plan.costs[job.name]
        kind = MEASURED if cost.source == MEASURED else "assumed"
        yield Step(job.title, 100 * at / plan.least_s, 100 * cost.wall_s / plan.least_s, cost.wall_s, kind)
        at += cost.wall_s


def _jobs(plan: Plan) -> Iterator[Row]:
    """Yield a row for every job to run."""
    for job in plan.jobs:
        if not job.built:
            cost = plan.costs[job.name]
            hours = (cost.wall_s / 3600, cost.gpu_s / 3600, cost.cpu_s / 3600)
            amounts = map(format_amount, (*hours, cost.disk_mb / 1000, cost.mem_mb / 1000))
            yield Row([Cell(text) for text in (job.title, *amounts, cost.source)])
