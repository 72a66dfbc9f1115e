"""Snakemake itself, but it looks at its jobs every second: `python paced.py ARGUMENTS`.

The Slurm plugin waits ten seconds longer after every look at which no job has succeeded, up to three minutes. That
suits jobs of hours; here jobs take seconds, and are made to fail.
"""

import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


def ignore(executor: RemoteExecutor, seconds: int | None) -> None:
    """Take what the plugin wants to wait, and forget it."""


if __name__ == "__main__":
    RemoteExecutor.next_seconds_between_status_checks = property(lambda executor: 1, ignore)
    sys.argv[0] = "snakemake"
    main()
