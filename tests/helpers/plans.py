"""Jobs of a plan, made up."""

from onshell.planning.jobs import Job


def job(name="train:a", threads=1, works=True, built=False, local=False, depends_on=(), benchmark=None, **resources):
    """A job that asks for ten minutes, 3 GB of memory and 1 GB of disk, unless told otherwise."""
    rule, _, wildcard = name.partition(":")
    return Job(
        name=name, rule=rule, wildcards={"run": wildcard} if wildcard else {}, threads=threads,
        resources={"runtime": 10, "mem_mb": 3000, "disk_mb": 1000, **resources}, outputs=(), benchmark=benchmark,
        local=local, works=works, built=built, reason=None if built else "missing", depends_on=depends_on,
    )  # fmt: skip
