"""Costs by resources, and their sums."""

import pytest

from helpers.plans import job
from onshell.core.errors import OnshellError
from onshell.planning.costs import Cost, add_up, assumed


@pytest.mark.parametrize(
    ("asks", "gpu_s", "cpu_s"),
    [
        ({}, 0, 600),
        ({"threads": 4}, 0, 2400),
        ({"gpu": 4, "cpus_per_task": 4}, 2400, 2400),
        ({"gpu": 8, "nodes": 2, "tasks": 2, "cpus_per_task": 4}, 4800, 4800),
    ],
)
def test_a_job_is_assumed_to_take_all_that_it_asks_for(asks, gpu_s, cpu_s):
    assert assumed(job(**asks)) == Cost(600, gpu_s, cpu_s, 3000, 1000, "assumed")


def test_a_rule_that_only_collects_costs_nothing():
    assert assumed(job(works=False, runtime=None)) == Cost(0, 0, 0, 0, 0, "nothing")


@pytest.mark.parametrize("resource", ["runtime", "mem_mb", "disk_mb"])
def test_a_job_without_a_price_is_named_with_what_it_lacks(resource):
    with pytest.raises(OnshellError, match=rf"^rule train: has no {resource}; give it a number"):
        assumed(job(**{resource: None}))


def test_sums_are_of_the_jobs_to_run_alone():
    several = [job("a:1", gpu=2), job("a:2", mem_mb=9000), job("a:3", built=True, runtime=10_000), job("a:4")]
    costs = {each.name: assumed(each) for each in several}
    costs["a:4"] = Cost(60, 0, 30, 500, 5, "measured", "somewhere.tsv")
    total = add_up(several, costs)
    assert (total.jobs, total.built, total.to_run, total.measured, total.assumed) == (4, 1, 3, 1, 2)
    assert (total.wall_s, total.gpu_s, total.cpu_s) == (1260, 1200, 1230)
    assert (total.mem_mb, total.disk_mb) == (9000, 2005)
