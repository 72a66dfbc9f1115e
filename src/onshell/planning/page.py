"""A plan as one page that needs nothing else: no script, no font, no network."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from onshell.files import whole
from onshell.planning.costs import MEASURED, Sum
from onshell.planning.plan import Plan
from onshell.planning.table import COLUMNS, cells, place_of
from onshell.planning.words import clock, footnotes, gigabytes, headline, hours

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #667085; --line: #d5dae1; --paper: #ffffff; --band: #f4f6f9;
  --measured: #1f7a5c; --assumed: #c77d0a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #98a2b3; --line: #39424e; --paper: #14181d;
  --band: #1d232a; --measured: #43b58d; --assumed: #e0a038; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .6rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .55rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; } .name { text-align: left; }
tbody tr:nth-child(even) { background: var(--band); }
tr.built td { color: var(--soft); } tfoot td { font-weight: 600; }
.step { display: grid; grid-template-columns: 19rem 1fr 6rem; gap: .8rem; align-items: center; margin: .25rem 0; }
.step .name { overflow-wrap: anywhere; } .step .time { text-align: right; }
.lane { background: var(--band); height: 1.1rem; position: relative; border-radius: 3px; }
.bar { position: absolute; top: 0; bottom: 0; min-width: 2px; border-radius: 3px; }
.measured { background: var(--measured); } .assumed { background: var(--assumed); }
.key { display: inline-block; width: .9rem; height: .9rem; border-radius: 3px; vertical-align: -.12rem;
  margin-right: .3rem; }
p.note { color: var(--soft); margin: .3rem 0; } summary { cursor: pointer; color: var(--soft); }
"""


def write_page(plan: Plan, path: Path) -> None:
    """Write the page of a plan to `path`, whole or not at all."""
    with whole(path) as part:
        part.write_text(page(plan), encoding="utf-8")


def page(plan: Plan) -> str:
    """Return the page of a plan: rules and totals, the critical path, the jobs to run."""
    title = escape(headline(plan))
    notes = "\n".join(f'<p class="note">{escape(note)}</p>' for note in footnotes(plan))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>onshell plan: {title}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{title}</h1>
{notes}
<h2>Rules</h2>
<div class="scroll"><table>
{_row("th", ("rule", *(["where"] if plan.in_cluster else []), *COLUMNS), head=True)}
<tbody>
{"".join(_rule(plan, rule, total) for rule, total in plan.sums.items())}</tbody>
<tfoot>
{"".join(_totals(plan))}</tfoot>
</table></div>
<h2>Critical path: {escape(clock(plan.least_s))}</h2>
<p class="note">The jobs that wait for one another longest: no number of machines is faster.
<span class="key measured"></span>measured <span class="key assumed"></span>assumed</p>
{"".join(_steps(plan))}
<h2>Jobs to run</h2>
<details><summary>{plan.totals["all"].to_run:,} jobs</summary>
<div class="scroll"><table>
{_row("th", ("job", "wall h", "GPU h", "CPU h", "disk GB", "peak GB", "estimate"), head=True)}
<tbody>
{"".join(_jobs(plan))}</tbody>
</table></div></details>
</body>
</html>
"""


def _row(tag: str, values: Iterable[str], *, head: bool = False, kind: str = "") -> str:
    """Return a row of a table; the first cell is a name."""
    first, *rest = (escape(value) for value in values)
    inner = f'<{tag} class="name">{first}</{tag}>' + "".join(f"<{tag}>{value}</{tag}>" for value in rest)
    row = f"<tr{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{inner}</tr>\n"
    return f"<thead>{row}</thead>" if head else row


def _rule(plan: Plan, rule: str, total: Sum) -> str:
    where = [place_of(plan, rule)] if plan.in_cluster else []
    return _row("td", (rule, *where, *cells(total)), kind="" if total.to_run else "built")


def _totals(plan: Plan) -> Iterable[str]:
    """Yield the rows of the totals: here and in the cluster, if there is one, and all."""
    if plan.in_cluster:
        yield _row("td", ("total", "here", *cells(plan.totals["local"])))
        yield _row("td", ("total", plan.executor, *cells(plan.totals["cluster"])))
    yield _row("td", ("total", *([""] if plan.in_cluster else []), *cells(plan.totals["all"])))


def _steps(plan: Plan) -> Iterable[str]:
    """Yield the bars of the critical path, one below the other, each where the one before it ends."""
    if not plan.critical_path:
        yield "<p>Nothing is to be run.</p>\n"
    at, end = 0.0, plan.least_s
    for job in plan.critical_path:
        cost = plan.costs[job.name]
        kind = "measured" if cost.source == MEASURED else "assumed"
        left, width = 100 * at / end, 100 * cost.wall_s / end
        name = escape(" ".join([job.rule, *job.wildcards.values()]))
        bar = f'<div class="bar {kind}" style="left:{left:.3f}%;width:{width:.3f}%" title="{kind}"></div>'
        yield f'<div class="step"><div class="name">{name}</div><div class="lane">{bar}</div>'
        yield f'<div class="time">{clock(cost.wall_s)}</div></div>\n'
        at += cost.wall_s


def _jobs(plan: Plan) -> Iterable[str]:
    """Yield a row for every job to run."""
    for job in plan.jobs:
        if job.built:
            continue
        cost = plan.costs[job.name]
        times = (hours(seconds) for seconds in (cost.wall_s, cost.gpu_s, cost.cpu_s))
        sizes = (gigabytes(size) for size in (cost.disk_mb, cost.mem_mb))
        yield _row("td", (" ".join([job.rule, *job.wildcards.values()]), *times, *sizes, cost.source))
