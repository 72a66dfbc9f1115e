"""Jobs of a plan: their names, what is built, what waits for what, and the longest chain."""

import pytest

from onshell.planning.jobs import critical_path, jobs, name_of

RULES = {"all": True, "make": False, "use": False, "draw": True}


def line(rule, made="", needs=(), works=True, **wildcards):
    """A line of the logger plugin."""
    return {
        "rule": rule,
        "wildcards": wildcards,
        "threads": 1,
        "resources": {"runtime": 10},
        "input": list(needs),
        "output": [made] if made else [],
        "benchmark": None,
        "reason": f"why {rule}",
        "works": works,
    }


MAKE = line("make", "a", data="x")
OTHER = line("make", "b", data="y")
USE = line("use", "c", ["a", "b", "a", "written by hand"], model="m", part="1")
DRAW = line("draw", "d", ["c"])
ALL = line("all", "", ["d", "b"], works=False)
EVERY = [ALL, DRAW, USE, OTHER, MAKE]


def test_names_tell_jobs_apart():
    assert [name_of(each) for each in EVERY] == ["all", "draw", "use:m,1", "make:y", "make:x"]


def test_jobs_come_by_rule_as_in_the_snakefile_and_those_that_do_nothing_last():
    assert [job.name for job in jobs(EVERY, [], RULES)] == ["make:x", "make:y", "use:m,1", "draw", "all"]


def test_what_a_plain_dry_run_does_not_name_is_built():
    found = {job.name: job for job in jobs(EVERY, [DRAW, ALL], RULES)}
    assert [name for name, job in found.items() if job.built] == ["make:x", "make:y", "use:m,1"]
    assert (found["draw"].reason, found["use:m,1"].reason) == ("why draw", None)
    assert [found[name].local for name in ("draw", "use:m,1")] == [True, False]


def test_a_job_waits_for_those_that_make_its_input_once_each():
    found = {job.name: job.depends_on for job in jobs(EVERY, EVERY, RULES)}
    assert found == {
        "make:x": (),
        "make:y": (),
        "use:m,1": ("make:x", "make:y"),
        "draw": ("use:m,1",),
        "all": ("draw", "make:y"),
    }


@pytest.mark.parametrize(
    ("seconds", "path"),
    [
        ({"make:x": 1, "make:y": 2, "use:m,1": 3, "draw": 4, "all": 0}, ["make:y", "use:m,1", "draw"]),
        ({"make:x": 3, "make:y": 2, "use:m,1": 3, "draw": 4, "all": 0}, ["make:x", "use:m,1", "draw"]),
        ({"make:y": 20, "draw": 4, "all": 0}, ["make:y"]),  # use is built: draw waits for nothing
        ({}, []),
    ],
)
def test_the_critical_path_is_the_chain_that_takes_longest(seconds, path):
    assert [name for name in critical_path(jobs(EVERY, EVERY, RULES), seconds) if seconds[name]] == path
