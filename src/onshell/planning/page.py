"""A plan as one page that needs nothing else: no script, no font, no network."""

from collections.abc import Iterable
from html import escape
from pathlib import Path

from onshell.core.files import whole
from onshell.core.markup import Cell, Row, document, table
from onshell.planning.costs import MEASURED, Sum
from onshell.planning.format import clock, footnotes, gigabytes, headline, hours
from onshell.planning.plan import Plan
from onshell.planning.table import COLUMNS, cells, place_of

STYLE = """
main { width: min(64rem, 100% - 2rem); margin: 2.2rem auto 3rem; }
h1 { font-size: clamp(1.5rem, 1.1rem + 1.8vw, 2.2rem); font-weight: 600; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; font-weight: 600; margin: 2.2rem 0 .6rem; }
.about { color: var(--soft); margin: 0; }
table { width: 100%; }
tr.built :is(th, td) { color: var(--soft); }
tfoot :is(th, td) { font-weight: 600; }
.steps { list-style: none; margin: .8rem 0 0; padding: 0; font-size: .9rem; }
.step { display: grid; grid-template-columns: 19rem minmax(0, 1fr) 6rem; gap: 0 1rem; align-items: center;
  padding: .18rem 0; }
.step .name { overflow-wrap: anywhere; }
.step .time { text-align: right; font-variant-numeric: tabular-nums; }
.lane { background: var(--band); height: 1.1rem; position: relative; border-radius: 4px; overflow: hidden; }
.bar { position: absolute; top: 0; bottom: 0; min-width: 3px; border-radius: 4px; }
.measured { background: var(--green); }
.assumed { background: var(--amber); }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; vertical-align: -.05rem;
  margin: 0 .3rem 0 .5rem; }
summary { color: var(--soft); padding: .3rem 0; }
@media (max-width: 40rem) {
  .step { grid-template-columns: minmax(0, 1fr) max-content; padding: .35rem 0; }
  .step .lane { grid-column: 1 / -1; grid-row: 2; height: .7rem; }
  th, td { padding-inline: .45rem; }
  tbody th, tfoot th, thead th:first-child { position: sticky; left: 0; background: var(--paper); }
}
@media print {
  .bar, .lane, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .step, tr { break-inside: avoid; }
}
"""


def write_page(plan: Plan, path: Path) -> None:
    """Write the page of a plan to `path`, whole or not at all."""
    with whole(path) as part:
        part.write_text(page(plan), encoding="utf-8")


def page(plan: Plan) -> str:
    """Return the page of a plan: rules and totals, the critical path, the jobs to run."""
    title = headline(plan)
    what, _, about = title.partition(" at scale ")
    notes = "\n".join(f'<p class="note">{escape(note)}</p>' for note in footnotes(plan))
    columns = ("rule", *(["where"] if plan.in_cluster else []), *COLUMNS)
    rules = [_rule(plan, rule, total) for rule, total in plan.sums.items()]
    jobs = ("job", "wall h", "GPU h", "CPU h", "disk GB", "peak GB", "estimate")
    body = f"""<main>
<h1>{escape(what)}</h1>
<p class="about">at scale {escape(about)}</p>
{notes}
<h2>Rules</h2>
{table("What each rule takes", columns, rules, foot=_totals(plan))}
<h2>Critical path: {escape(clock(plan.least_s))}</h2>
<p class="note">The jobs that wait for one another longest: no number of machines is faster.
<span class="key measured"></span>measured <span class="key assumed"></span>assumed</p>
{_steps(plan)}
<h2>Jobs to run</h2>
<details><summary>{plan.totals["all"].to_run:,} jobs</summary>
{table("Every job to run", jobs, _jobs(plan))}</details>
</main>
"""
    return document(f"onshell plan: {title}", body, style=STYLE)


def _row(values: Iterable[str], kind: str = "") -> Row:
    """Return a row of a table; the first cell is a name, and `kind` its class."""
    return Row([Cell(escape(value)) for value in values], kind=kind)


def _rule(plan: Plan, rule: str, total: Sum) -> Row:
    """Return the row of one rule, a soft one where nothing of it is to run."""
    where = [place_of(plan, rule)] if plan.in_cluster else []
    return _row((rule, *where, *cells(total)), kind="" if total.to_run else "built")


def _totals(plan: Plan) -> Iterable[Row]:
    """Yield the rows of the totals: here and in the cluster, if there is one, and all."""
    if plan.in_cluster:
        yield _row(("total", "here", *cells(plan.totals["local"])))
        yield _row(("total", plan.executor, *cells(plan.totals["cluster"])))
    yield _row(("total", *([""] if plan.in_cluster else []), *cells(plan.totals["all"])))


def _steps(plan: Plan) -> str:
    """Return the bars of the critical path, one below the other, each where the one before it ends."""
    if not plan.critical_path:
        return "<p>Nothing is to be run.</p>\n"
    at, end, steps = 0.0, plan.least_s, []
    for job in plan.critical_path:
        cost = plan.costs[job.name]
        kind = "measured" if cost.source == MEASURED else "assumed"
        left, width = 100 * at / end, 100 * cost.wall_s / end
        name = escape(" ".join([job.rule, *job.wildcards.values()]))
        bar = f'<div class="bar {kind}" style="left:{left:.3f}%;width:{width:.3f}%" title="{kind}"></div>'
        steps.append(
            f'<li class="step"><div class="name">{name}</div><div class="lane" aria-hidden="true">{bar}</div>'
            f'<div class="time">{clock(cost.wall_s)}</div></li>\n'
        )
        at += cost.wall_s
    return f'<ol class="steps">\n{"".join(steps)}</ol>\n'


def _jobs(plan: Plan) -> Iterable[Row]:
    """Yield a row for every job to run."""
    for job in plan.jobs:
        if job.built:
            continue
        cost = plan.costs[job.name]
        times = (hours(seconds) for seconds in (cost.wall_s, cost.gpu_s, cost.cpu_s))
        sizes = (gigabytes(size) for size in (cost.disk_mb, cost.mem_mb))
        yield _row((" ".join([job.rule, *job.wildcards.values()]), *times, *sizes, cost.source))
