"""One training writes into a folder at a time."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from filelock import SoftFileLease

from helpers.disk import names, read_only
from helpers.networks import small_spec
from helpers.trainings import events, silent
from onshell.core.errors import OnshellError
from onshell.training import lease, loop
from onshell.training.lease import claimed
from onshell.training.loop import train

PROGRAM = """
    import sys, time
    from pathlib import Path
    from onshell.training import lease
    lease.BEAT, lease.WATCH = 0.1, 2.0
    with lease.claimed(Path(sys.argv[1]), print):
        print("held", flush=True)
        time.sleep(60)
"""
BOTH = [lease.HOLDER, lease.LOCK]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.1)
    monkeypatch.setattr(lease, "WATCH", 2.0)
    monkeypatch.setattr(lease, "SOON", 0.1)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lease on tmp_path, as job 77."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SLURM_JOB_ID": "77"},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def elsewhere(monkeypatch, folder):
    """Make the lease on a folder one of another host, whose processes nobody here can look at."""
    monkeypatch.setattr(lease, "_pid_space", lambda: "elsewhere")
    monkeypatch.setattr("filelock._lease.owner_is_stale", lambda *_: False)


@pytest.mark.parametrize("distant", [False, True])
def test_a_second_writer_is_refused_with_the_job_that_holds_the_run(distant, holder, tmp_path, monkeypatch):
    if distant:
        elsewhere(monkeypatch, tmp_path)
    with pytest.raises(OnshellError, match=rf"process {holder.pid} on .*, Slurm job 77, .*scancel 77") as refusal:
        train(small_spec(), events(), tmp_path, progress=silent)
    assert "\n" not in str(refusal.value)
    assert names(tmp_path) == BOTH


def test_a_holder_of_this_host_that_stands_still_is_no_dead_one(holder, tmp_path):
    holder.send_signal(signal.SIGSTOP)
    time.sleep(2.2)
    with pytest.raises(OnshellError, match="is training this run"), claimed(tmp_path, silent):
        pass


@pytest.mark.parametrize("distant", [False, True])
def test_the_lease_of_a_dead_writer_is_taken_over(distant, holder, tmp_path, monkeypatch):
    holder.kill()
    holder.wait()
    if distant:
        elsewhere(monkeypatch, tmp_path)
    lines = []
    with claimed(tmp_path, lines.append) as check:
        check()
    assert f"process {holder.pid} on" in lines[-1]
    assert "is gone; taking over" in lines[-1]
    assert names(tmp_path) == []


def test_a_writer_that_stood_still_leaves_the_lease_of_another_alone(holder, tmp_path, monkeypatch):
    holder.send_signal(signal.SIGSTOP)
    elsewhere(monkeypatch, tmp_path)
    with claimed(tmp_path, silent) as check:
        kept = (tmp_path / lease.LOCK).read_bytes()
        holder.send_signal(signal.SIGCONT)
        holder.terminate()
        holder.wait()
        time.sleep(0.3)
        check()
        assert (tmp_path / lease.LOCK).read_bytes() == kept


def taken_over(folder):
    """Another's lease takes the place of that on `folder`; return it, held, and what it says."""
    (folder / lease.LOCK).unlink()
    theirs = SoftFileLease(folder / lease.LOCK, lease_duration=2.0, heartbeat_interval=0.1)
    theirs.acquire(timeout=1)
    (folder / lease.HOLDER).write_text(json.dumps({"token": theirs.token, "pid": 5, "host": "b", "since": "now"}))
    return theirs


def test_the_lease_of_another_is_not_removed_at_the_end(tmp_path):
    with claimed(tmp_path, silent):
        theirs = taken_over(tmp_path)
    assert names(tmp_path) == BOTH
    assert theirs.owner.token == theirs.token
    theirs.release()


@pytest.mark.parametrize("gone", [True, False])
def test_a_lease_that_is_moved_aside_for_a_moment_is_not_lost_and_one_that_is_removed_is(gone, tmp_path, monkeypatch):
    lock, aside = tmp_path / lease.LOCK, tmp_path / "aside"
    with claimed(tmp_path, silent) as check:
        lock.rename(aside)
        if gone:
            with pytest.raises(OnshellError, match=r"\.writer\.lock: was removed while this process trained"):
                check()
            return
        monkeypatch.setattr(lease.time, "sleep", lambda _: aside.exists() and aside.rename(lock))
        check()


def test_a_training_that_lost_its_lease_stops_before_it_writes(tmp_path):
    theirs = []

    def tell(line):
        if "epoch 1/" in str(line):
            theirs.append(taken_over(tmp_path))

    with pytest.raises(OnshellError, match=r"process 5 on b, .* took over while this process stood still"):
        train(small_spec(training={"epochs": 3}), events(), tmp_path, progress=tell)
    assert names(tmp_path)[:2] == BOTH
    theirs[0].release()


WRITES = {"write_state": "state", "write_history": "history.csv", "write_record": "run.json", "save_model": "model.pt"}
"""What is written, in this order."""


@pytest.mark.parametrize("writes", WRITES)
def test_a_training_that_stands_still_before_it_writes_a_file_does_not_write_it(writes, tmp_path, monkeypatch):
    plain, theirs = getattr(loop, writes), []

    def still(*arguments, **options):
        monkeypatch.setattr(loop, writes, plain)
        theirs.append(taken_over(tmp_path))
        return plain(*arguments, **options)

    monkeypatch.setattr(loop, writes, still)
    with pytest.raises(OnshellError, match="took over while this process stood still"):
        train(small_spec(training={"epochs": 1}), events(), tmp_path, progress=silent)
    # Of the last one nothing is left, under a hidden name either.
    earlier = list(WRITES.values())[: list(WRITES).index(writes)]
    assert sorted(name.partition("-")[0] for name in names(tmp_path)) == sorted([*BOTH, *earlier])
    theirs[0].release()


def test_of_many_that_come_at_once_one_writes(tmp_path, monkeypatch):
    # The lease of a dead process of another host, for which ten watch.
    text = "filelock/2\npid=5\nhost=b\nmode=lease\ntoken=x\nduration=2.0\n"
    (tmp_path / lease.LOCK).write_text(text)
    inside, seen, refused = [], [], []

    def one():
        try:
            with claimed(tmp_path, silent) as check:
                inside.append(1)
                seen.append(len(inside))
                time.sleep(0.2)
                check()
                inside.pop()
        except OnshellError as error:
            refused.append(error)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) + len(refused) == 10
    assert set(seen) == {1}
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", ["not json\n", "[]\n0\n", "[" * 1000])
def test_a_damaged_lease_is_that_of_nobody(text, tmp_path):
    for name in BOTH:
        (tmp_path / name).write_text(text)
    with claimed(tmp_path, silent) as check:
        check()
    assert names(tmp_path) == []


def test_a_lease_that_says_nothing_is_left_to_the_user(tmp_path):
    (tmp_path / lease.LOCK).touch()
    with pytest.raises(OnshellError, match=r"if none is, remove .*\.writer\.lock and call"), claimed(tmp_path, silent):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with (
        read_only(tmp_path / "locked") as folder,
        pytest.raises(OnshellError, match="cannot write here"),
        claimed(folder, silent),
    ):
        pass
