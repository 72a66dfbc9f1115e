"""A plan as a table for people."""

from typing import Any

from onshell.planning.costs import Sum
from onshell.planning.format import clock, footnotes, gigabytes, headline, hours
from onshell.planning.plan import Plan

WIDTH = 100
COLUMNS = ("to run", "built", "wall h", "GPU h", "CPU h", "disk GB", "peak GB", "measured", "assumed")


def cells(total: Sum) -> tuple[str, ...]:
    """Return the cells of a rule or a total under `COLUMNS`; a dash stands for nothing."""
    times = (hours(seconds) for seconds in (total.wall_s, total.gpu_s, total.cpu_s))
    sizes = (gigabytes(size) for size in (total.disk_mb, total.mem_mb))
    counts = (f"{n:,}" if n else "-" for n in (total.measured, total.assumed))
    return (f"{total.to_run:,}", f"{total.built:,}/{total.jobs:,}", *times, *sizes, *counts)


def show(plan: Plan) -> None:
    """Print a plan: a line for every rule, the totals, and the critical path; 100 columns at most."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=WIDTH)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("rule", no_wrap=True)
    if plan.in_cluster:
        table.add_column("where", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)

    def add(name: str, where: str, total: Sum, **options: Any) -> None:
        place = [where] if plan.in_cluster else []
        table.add_row(name, *place, *cells(total), **options)

    for rule, total in plan.sums.items():
        done = total.to_run == 0
        add(rule, place_of(plan, rule), total, style="dim" if done else None, end_section=rule == list(plan.sums)[-1])
    if plan.in_cluster:
        for kind in ("local", "cluster"):
            add("total", "here" if kind == "local" else plan.executor, plan.totals[kind])
    add("total", "", plan.totals["all"], style="bold")
    console.print(Text(headline(plan), style="bold"), soft_wrap=True)
    console.print(table)
    for line in path(plan):
        console.print(Text(line), soft_wrap=True)
    for note in footnotes(plan):
        console.print(Text(note, style="dim"), soft_wrap=True)


def place_of(plan: Plan, rule: str) -> str:
    """Return where the jobs of a rule run under a profile."""
    return "here" if plan.rules[rule][0].local else plan.executor


def path(plan: Plan) -> list[str]:
    """Return the lines of the critical path: the whole, then every job with when it ends."""
    if not plan.critical_path:
        return ["critical path: none, nothing is to be run", ""]
    lines, end = [f"critical path: {clock(plan.least_s)}, however many machines there are"], 0.0
    for job in plan.critical_path:
        cost = plan.costs[job.name]
        end += cost.wall_s
        lines.append(
            f"  {clock(cost.wall_s):>9}  {job.rule} {' '.join(job.wildcards.values())}".rstrip() + f"  ({cost.source})"
        )
    return [*lines, ""]
