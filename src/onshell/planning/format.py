"""Numbers of a plan as people read them."""

from onshell.planning.plan import Plan


def hours(seconds: float) -> str:
    """Return a time in hours with three digits or so, such as 0.02, 7.5, 1,240; a dash for none at all."""
    return _digits(seconds / 3600)


def gigabytes(megabytes: float) -> str:
    """Return a size in GB with three digits or so."""
    return _digits(megabytes / 1000)


def _digits(value: float) -> str:
    if value == 0:
        return "-"
    if value < 0.005:
        return "<0.01"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def clock(seconds: float) -> str:
    """Return a time in the unit that suits it: 12 s, 3.4 min, 6.0 h, 8.2 d."""
    for unit, length, limit in (("s", 1, 120), ("min", 60, 120 * 60), ("h", 3600, 72 * 3600)):
        if seconds < limit:
            return f"{seconds / length:.{0 if unit == 's' else 1}f} {unit}"
    return f"{seconds / 86400:.1f} d"


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
