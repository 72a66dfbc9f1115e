"""A test run that is killed leaves nothing running."""

import os
import subprocess
import sys

import psutil

from helpers import leftovers


def test_all_processes_of_a_killed_run_end(monkeypatch):
    monkeypatch.setenv(leftovers.MARK, "restored at the end")
    run = "import subprocess, sys; from helpers import leftovers; leftovers.watch(); "
    run += (
        "child = subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 600 & echo $!; wait'], stdout=subprocess.PIPE); "
    )
    run += "print(child.pid, child.stdout.readline().decode().strip(), flush=True); child.wait()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", run], stdout=subprocess.PIPE, env=environment) as process:
        pids = [int(word) for word in process.stdout.readline().split()]
        started = [psutil.Process(pid) for pid in pids]
        process.kill()
    _, alive = psutil.wait_procs(started, timeout=60)
    assert len(started) == 2
    assert alive == []
