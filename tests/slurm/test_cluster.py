"""The private cluster itself: what it offers, and that it leaves nothing, however it ends."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from slurm import cluster as private
from slurm.jobs import wait_for
from slurm.processes import command, opened
from slurm.settings import INSTALL
from slurm.supervisor import remains

HERE = Path(__file__).parent
OWNER = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from slurm.cluster import private_cluster
    from slurm.jobs import Slurm, wait_for
    from slurm.settings import Settings
    with private_cluster(Settings(nodes=1)) as cluster:
        slurm = Slurm(cluster)
        job = slurm.submit("srun sleep 300")
        wait_for(lambda: slurm.processes(job, word="sleep 300"), 90, "the job to run")
        print(cluster.folder, cluster.name, flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def owned():
    """A process that owns a cluster with a running job, the cluster's folder and its name."""
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(HERE.parent)]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    folder, name = owner.stdout.readline().split()
    yield owner, Path(folder), name
    owner.stdin.close()
    owner.stdout.close()
    owner.wait(60)


def test_every_node_is_up_and_has_gpus(slurm):
    told = slurm.call("sinfo", "--Node", "--noheader", "--partition=high", "--format=%N %G %t").splitlines()
    assert [line.rpartition(" ")[0] for line in told] == [f"n{number} gpu:a100:4" for number in range(1, 7)]
    assert {line.rpartition(" ")[2] for line in told} <= {"idle", "mix", "alloc"}


def test_a_job_sees_the_gpus_that_it_asked_for(slurm, tmp_path):
    out = tmp_path / "seen"
    job = slurm.submit(f"srun --nodes=1 --ntasks=1 sh -c 'echo $CUDA_VISIBLE_DEVICES > {out}'", "--gpus=a100:2")
    slurm.wait_until(job, 90, "COMPLETED")
    assert len(set(out.read_text().split(","))) == 2


def test_a_srun_without_slurm_conf_finds_the_cluster(slurm, tmp_path):
    out = tmp_path / "seen"
    job = slurm.submit(f"unset SLURM_CONF; srun --ntasks=1 sh -c 'echo $SLURM_CLUSTER_NAME > {out}'")
    slurm.wait_until(job, 90, "COMPLETED")
    assert out.read_text() == f"{slurm.cluster.name}\n"


def test_nothing_of_the_machine_s_own_slurm_is_touched(slurm):
    daemons = [pid for pid in remains(slurm.cluster.name) if "slurm" in command(pid).partition(" ")[0]]
    assert len(daemons) >= 7
    paths = {path for pid in daemons for path in opened(pid)}
    assert not [path for path in paths if re.match(r"/(etc/(slurm|munge)|var/(run|spool|log)|run)/", path)]
    assert any(path.startswith(str(slurm.cluster.folder)) for path in paths)


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGKILL], ids=["end", "SIGTERM", "SIGKILL"])
def test_it_ends_with_its_owner_and_leaves_nothing(owned, number):
    owner, folder, name = owned
    assert len(remains(name)) >= 6
    if number is None:
        owner.stdin.close()
    else:
        owner.send_signal(number)
    owner.wait(60)
    wait_for(lambda: not folder.exists(), 20, f"{folder} to go")
    assert remains(name) == []


def test_what_killed_supervisors_leave_is_taken_down_by_the_next_cluster(owned):
    owner, folder, name = owned
    os.kill(private.Cluster(folder).supervisor(), signal.SIGKILL)
    owner.kill()
    owner.wait()
    assert remains(name) != []
    private.sweep_abandoned()
    assert remains(name) == []
    assert not folder.exists()


def test_without_slurm_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(private, "search_path", lambda: str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["cluster.py", "up"])
    with pytest.raises(SystemExit) as caught:
        private.main()
    assert INSTALL in caught.value.code
    assert "\n" not in caught.value.code
