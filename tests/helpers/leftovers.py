"""Ends what a test run leaves running: `python leftovers.py MARK`, which waits until its standard input is closed.

A run that is terminated or killed cannot end its processes itself, least of all those that these started. All of them
have its mark in their environment.
"""

import os
import subprocess
import sys
import time

import psutil

MARK = "ONSHELL_TEST_RUN"


def watch() -> subprocess.Popen:
    """Return the process that ends what carries this run's mark, when this process is gone."""
    mark = os.environ[MARK] = f"{os.getpid()}-{time.time_ns()}"
    free = {name: value for name, value in os.environ.items() if name != MARK}
    # A session of its own: Ctrl-C is for the run.
    command = [sys.executable, "-P", __file__, mark]
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=free, start_new_session=True)


def marked(mark: str) -> list[psutil.Process]:
    """Return the running processes with this mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def end(mark: str, patience: float = 10.0) -> None:
    """End all processes with this mark; kill those that go on for `patience` seconds."""
    for process in marked(mark):
        process.terminate()
    until = time.monotonic() + patience
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    for process in marked(mark):
        process.kill()


if __name__ == "__main__":
    sys.stdin.read()
    end(sys.argv[1])
