"""Shards and processes that draw at once: the same bytes, and no orphan when one of them is killed."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from helpers.disk import names
from onshell.core.errors import OnshellError
from onshell.sampling import commands, workers
from onshell.sampling.commands import sample_file


def silent(_):
    pass


@pytest.fixture
def model(small_model):
    return small_model


def command(model, out, *arguments):
    return [sys.executable, "-m", "onshell", "sample", str(model), "-n", "20000", "-o", str(out), *arguments]


def blocks_of(folder):
    return sorted(path.name for path in folder.glob(".s.parquet.parts-*/0*.pt"))


def started(arguments):
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def children(pid):
    return [child.pid for child in psutil.Process(pid).children()]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_shards_at_once_and_two_processes_at_once_make_the_same_table(model, tmp_path):
    out = tmp_path / "s.parquet"
    pair = [started(command(model, out, "--shard", f"{k}/2", "--receipt", str(tmp_path / f"{k}.json"))) for k in (1, 2)]
    ends = [(process.communicate(timeout=100), process.returncode) for process in pair]
    assert [code for _, code in ends] == [0, 0], ends
    assert names(tmp_path)[1:] == ["1.json", "2.json", "model.pt"]
    assert len(blocks_of(tmp_path)) == 10
    other = tmp_path / "t.parquet"
    both = started(command(model, other, "--processes", "2", "--device", "cpu"))
    told, error = both.communicate(timeout=100)
    assert (both.returncode, error) == (0, "")
    assert "block 10/10" in told
    sample_file(model, out, 20000, progress=silent)
    alone = sample_file(model, tmp_path / "u.parquet", 20000, progress=silent)
    assert out.read_bytes() == other.read_bytes() == alone.read_bytes()
    assert names(tmp_path) == ["1.json", "2.json", "model.pt", "s.parquet", "t.parquet", "u.parquet"]


@pytest.fixture
def crew(model, tmp_path):
    """A sampling by two processes that has finished a block: the process and its workers."""
    process = started([*command(model, tmp_path / "s.parquet", "--processes", "2", "--device", "cpu"), "-n", "900000"])
    try:
        wait_for(lambda: blocks_of(tmp_path) or process.poll() is not None)
        hands = children(process.pid)
        assert len(hands) == 2, process.communicate()
        yield process, hands
    finally:
        process.kill()
        process.communicate()


def test_a_worker_that_dies_ends_all_with_one_line_and_the_finished_blocks_stay(crew, tmp_path):
    process, hands = crew
    os.kill(hands[1], signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == (
        f"onshell: error: {tmp_path / 'model.pt'}: process 2 of 2 was killed by SIGKILL, perhaps for want of memory; "
        "the finished blocks are kept: run again to go on\n"
    )
    wait_for(lambda: not any(map(alive, hands)))
    assert blocks_of(tmp_path)
    assert not list(tmp_path.glob(".s.parquet.parts-*/.*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_a_sampling_that_is_stopped(number, crew, tmp_path):
    process, hands = crew
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    wait_for(lambda: not any(map(alive, hands)))
    assert blocks_of(tmp_path)
    assert not (tmp_path / "s.parquet").exists()


def test_an_error_of_a_worker_is_the_error_of_the_sampling(model, tmp_path, monkeypatch):
    def changed(*arguments, **options):
        model.write_bytes(model.read_bytes() + b" ")
        return workers.task_of(*arguments, **options)

    monkeypatch.setattr(commands, "task_of", changed)
    with pytest.raises(OnshellError, match=r"model\.pt: changed while it was sampled; run again$"):
        sample_file(model, tmp_path / "s.parquet", 5000, device="cpu", processes=2, progress=silent)
