"""A plan as a table for people, and as JSON."""

from collections.abc import Iterator
from typing import NamedTuple

from onshell.core.format import format_amount, format_duration
from onshell.planning.costs import Sum
from onshell.planning.plan import Plan

WIDTH = 100
COLUMNS = ("to run", "built", "wall h", "GPU h", "CPU h", "disk GB", "peak GB", "measured", "assumed")


class Line(NamedTuple):
    """A line of the table: its cells, and whether nothing of it is to run."""

    cells: tuple[str, ...]
    built: bool


def headline(plan: Plan) -> str:
    """Return what a plan is of, in one line."""
    total = plan.totals["all"]
    what = ", ".join(plan.targets) or "everything"
    where = "" if plan.profile is None else f", profile {plan.profile}"
    return (
        f"{what} at scale {plan.scale}, preset {plan.preset}{where}: "
        f"{total.to_run} of {total.jobs} jobs to run, {total.built} built"
    )


def footnotes(plan: Plan) -> list[str]:
    """Return what a reader of the estimates must know, a sentence each."""
    total, notes = plan.totals["all"], []
    if total.assumed:
        notes.append("assumed: every job takes all that its resources allow, and is not tried twice.")
    if total.measured:
        notes.append("measured: from comparable jobs that ran on this machine, scaled by events x epochs.")
    return [*notes, *plan.notes]


def lines(plan: Plan) -> Iterator[Line]:
    """Yield a line for every rule, then the totals: here and in the cluster, if there is one, and all."""
    for rule, total in plan.sums.items():
        where = "here" if plan.rules[rule][0].local else plan.executor
        yield _line(plan, rule, where, total)
    if plan.in_cluster:
        yield _line(plan, "total", "here", plan.totals["local"])
        yield _line(plan, "total", plan.executor, plan.totals["cluster"])
    yield _line(plan, "total", "", plan.totals["all"])


def _line(plan: Plan, name: str, where: str, total: Sum) -> Line:
    """Return the line of a rule or a total under `COLUMNS`; a dash stands for nothing."""
    hours = (seconds / 3600 for seconds in (total.wall_s, total.gpu_s, total.cpu_s))
    amounts = map(format_amount, (*hours, total.disk_mb / 1000, total.mem_mb / 1000))
    counts = (f"{n:,}" if n else "-" for n in (total.measured, total.assumed))
    place = [where] if plan.in_cluster else []
    cells = (name, *place, f"{total.to_run:,}", f"{total.built:,}/{total.jobs:,}", *amounts, *counts)
    return Line(cells, built=total.to_run == 0)


def show(plan: Plan) -> None:
    """Print a plan: a line for every rule, the totals, and the critical path; 100 columns at most."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=WIDTH)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    for column in ("rule", *(["where"] if plan.in_cluster else [])):
        table.add_column(column, no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    shown = list(lines(plan))
    rules = len(plan.sums)
    for n, line in enumerate(shown):
        style = "bold" if n == len(shown) - 1 else "dim" if line.built and n < rules else None
        table.add_row(*line.cells, style=style, end_section=n == rules - 1)
    console.print(Text(headline(plan), style="bold"), soft_wrap=True)
    console.print(table)
    for text in _path(plan):
        console.print(Text(text), soft_wrap=True)
    for note in footnotes(plan):
        console.print(Text(note, style="dim"), soft_wrap=True)


def _path(plan: Plan) -> list[str]:
    """Return the lines of the critical path: the whole, then every job."""
    if not plan.critical_path:
        return ["critical path: none, nothing is to be run", ""]
    found = [f"critical path: {format_duration(plan.least_s)}, however many machines there are"]
    for job in plan.critical_path:
        cost = plan.costs[job.name]
        found.append(f"  {format_duration(cost.wall_s):>9}  {job.title}  ({cost.source})")
    return [*found, ""]
