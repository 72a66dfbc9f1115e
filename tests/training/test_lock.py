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

from helpers.disk import names, read_only
from helpers.networks import small_spec
from helpers.trainings import events, silent
from onshell.core.errors import OnshellError
from onshell.training import lock, loop
from onshell.training.lock import claimed
from onshell.training.loop import train

HOLDER = """
    import sys, time
    from pathlib import Path
    from onshell.training import lock
    lock.BEAT = 0.05
    with lock.claimed(Path(sys.argv[1]), print):
        print("held", flush=True)
        time.sleep(60)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "WATCH", 2.0)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the claim on tmp_path, as job 77."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SLURM_JOB_ID": "77"},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def elsewhere(monkeypatch):
    """Make this process one of another host."""
    monkeypatch.setattr(lock.socket, "gethostname", lambda: "elsewhere")


@pytest.mark.parametrize("distant", [False, True])
def test_a_second_writer_is_refused_with_the_job_that_holds_the_run(distant, holder, tmp_path, monkeypatch):
    if distant:
        elsewhere(monkeypatch)
    with pytest.raises(OnshellError, match=rf"process {holder.pid} on .*, Slurm job 77, .*scancel 77") as refusal:
        train(small_spec(), events(), tmp_path, progress=silent)
    assert "\n" not in str(refusal.value)
    assert names(tmp_path) == [".writer.json"]


@pytest.mark.parametrize("distant", [False, True])
def test_the_claim_of_a_dead_writer_is_taken_over(distant, holder, tmp_path, monkeypatch):
    holder.kill()
    holder.wait()
    if distant:
        elsewhere(monkeypatch)
    lines = []
    with claimed(tmp_path, lines.append) as check:
        check()
    assert "is gone; taking over" in lines[-1]
    assert names(tmp_path) == []


def test_a_writer_that_stood_still_writes_no_more(holder, tmp_path, monkeypatch):
    holder.send_signal(signal.SIGSTOP)
    elsewhere(monkeypatch)
    with claimed(tmp_path, silent):
        claim = json.loads((tmp_path / ".writer.json").read_text().splitlines()[0])
        holder.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        # Its beats go into its own file and not into ours.
        assert json.loads((tmp_path / ".writer.json").read_text().splitlines()[0]) == claim
        assert claim["host"] == "elsewhere"


def taken_over(folder):
    """Another's claim, that of a process which lives (this one), takes the place of the one in `folder`."""
    claim = folder / lock.NAME
    claim.rename(folder / "moved")
    claim.write_text(lock._text(lock._self(), 3))
    return claim.read_bytes()


def stood_still(monkeypatch, name, folder, *, after, place=lock):
    """Let the claim on `folder` be taken over just before or after the next call of lock's function `name`."""
    plain, theirs = getattr(place, name), []

    def still(*arguments, **options):
        monkeypatch.setattr(place, name, plain)
        found = plain(*arguments, **options) if after else None
        theirs.append(taken_over(folder))
        return found if after else plain(*arguments, **options)

    monkeypatch.setattr(place, name, still)
    return theirs


def test_a_claim_that_is_lost_before_it_is_opened_is_not_written(tmp_path, monkeypatch):
    theirs = stood_still(monkeypatch, "link", tmp_path, after=True, place=lock.os)
    with pytest.raises(OnshellError, match="is training this run; wait for it"), claimed(tmp_path, silent):
        pass
    assert (tmp_path / lock.NAME).read_bytes() == theirs[0]


def test_a_claim_that_is_removed_before_it_is_opened_is_laid_down_again(tmp_path, monkeypatch):
    plain = os.link

    def removed(source, target):
        monkeypatch.setattr(lock.os, "link", plain)
        plain(source, target)
        target.unlink()

    monkeypatch.setattr(lock.os, "link", removed)
    with claimed(tmp_path, silent) as check:
        check()


@pytest.mark.parametrize(("name", "after"), [("_settled", True), ("_remove", False)])
def test_the_claim_of_another_is_not_removed_at_the_end(name, after, tmp_path, monkeypatch):
    with claimed(tmp_path, silent):
        theirs = stood_still(monkeypatch, name, tmp_path, after=after)
    assert (tmp_path / lock.NAME).read_bytes() == theirs[0]
    assert names(tmp_path) == [lock.NAME, "moved"]


def test_the_claim_of_another_is_not_taken_for_that_of_the_dead(tmp_path, monkeypatch):
    (tmp_path / lock.NAME).write_text(lock._text({**lock._self(), "born": "long ago"}, 0))
    theirs = stood_still(monkeypatch, "_remove", tmp_path, after=False)
    with pytest.raises(OnshellError, match="is training this run; wait for it"), claimed(tmp_path, silent):
        pass
    assert (tmp_path / lock.NAME).read_bytes() == theirs[0]
    assert names(tmp_path) == [lock.NAME, "moved"]


def test_a_claim_that_another_moves_away_to_look_at_it_is_not_lost(tmp_path, monkeypatch):
    with claimed(tmp_path, silent) as check:
        (tmp_path / lock.NAME).rename(tmp_path / "aside")
        monkeypatch.setattr(lock.time, "sleep", lambda _: (tmp_path / "aside").rename(tmp_path / lock.NAME))
        check()


def test_a_claim_that_was_removed_ends_the_training(tmp_path, monkeypatch):
    with claimed(tmp_path, silent) as check:
        (tmp_path / lock.NAME).unlink()
        monkeypatch.setattr(lock.time, "sleep", lambda _: None)
        with pytest.raises(OnshellError, match=r"\.writer\.json: was removed while this process trained"):
            check()


def test_a_training_that_lost_its_claim_stops_before_it_writes(tmp_path):
    def tell(line):
        if "epoch 1/" in str(line):
            (tmp_path / ".writer.json").rename(tmp_path / "moved")
            (tmp_path / ".writer.json").write_text('{"token": "x", "pid": 5, "host": "b", "since": "now"}\n0\n')

    with pytest.raises(OnshellError, match=r"process 5 on b, .* took over while this process stood still"):
        train(small_spec(training={"epochs": 3}), events(), tmp_path, progress=tell)
    # Another's claim is not removed.
    assert names(tmp_path)[0] == ".writer.json"


@pytest.mark.parametrize("writes", ["write_state", "write_history", "write_record", "save_model"])
def test_a_training_that_stands_still_before_it_writes_a_file_does_not_write_it(writes, tmp_path, monkeypatch):
    stood_still(monkeypatch, writes, tmp_path, after=False, place=loop)
    with pytest.raises(OnshellError, match="took over while this process stood still"):
        train(small_spec(training={"epochs": 1}), events(), tmp_path, progress=silent)
    # They are written in this order; of the last one nothing is left, under a hidden name either.
    order = {
        "write_state": "state",
        "write_history": "history.csv",
        "write_record": "run.json",
        "save_model": "model.pt",
    }
    earlier = list(order.values())[: list(order).index(writes)]
    assert sorted(name.partition("-")[0] for name in names(tmp_path)) == sorted([lock.NAME, "moved", *earlier])


def test_of_many_that_come_at_once_one_writes(tmp_path):
    # A claim of a dead process of another host, for which ten watch.
    (tmp_path / ".writer.json").write_text('{"token": "x", "pid": 5, "host": "b", "since": "then"}\n0\n')
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


@pytest.mark.parametrize("text", ["", "not json\n", "[]\n0\n", "[" * 100_000])
def test_a_damaged_claim_is_that_of_nobody(text, tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "WATCH", 0.1)
    (tmp_path / ".writer.json").write_text(text)
    with claimed(tmp_path, silent):
        pass
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with (
        read_only(tmp_path / "locked") as folder,
        pytest.raises(OnshellError, match="cannot write here"),
        claimed(folder, silent),
    ):
        pass
