"""Processes that draw side by side: the same bytes, and no orphan when one of them is killed."""

import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from helpers.disk import names
from helpers.trainings import silent
from onshell.core.errors import OnshellError
from onshell.sampling import commands
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.sampling.pool import devices


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def crew(model, tmp_path):
    """A sampling by two processes that has finished a block: the process and its workers."""
    command = [sys.executable, "-m", "onshell", "sample", model, "-n", "900000", "-o", tmp_path / "s.parquet"]
    more = ["--processes", "2", "--device", "cpu"]
    process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: list(tmp_path.glob(".s.parquet.parts-*/0*.pt")) or process.poll() is not None)
        hands = psutil.Process(process.pid).children()
        yield process, hands
    finally:
        process.kill()
        process.communicate()


def assert_over(hands, folder):
    """Nobody works on, what was finished is kept, and the table is not there."""
    wait_for(lambda: not any(hand.is_running() for hand in hands))
    assert list(folder.glob(".s.parquet.parts-*/0*.pt"))
    assert not (folder / "s.parquet").exists()


def test_a_worker_that_dies_ends_all_with_one_line_and_the_finished_blocks_stay(crew, tmp_path):
    process, hands = crew
    worker = next(hand for hand in hands if "spawn_main" in " ".join(hand.cmdline()))
    worker.kill()
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == (
        f"onshell: error: {tmp_path / 'model.pt'}: one of 2 processes ended without a word, perhaps for want of "
        "memory; the finished blocks are kept: run again to go on\n"
    )
    assert_over(hands, tmp_path)
    assert not list(tmp_path.glob(".s.parquet.parts-*/.*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_a_sampling_that_is_stopped(number, crew, tmp_path):
    process, hands = crew
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert_over(hands, tmp_path)


def test_two_processes_make_the_table_of_one_and_an_error_of_theirs_is_that_of_the_sampling(
    model, small_blocks, tmp_path, monkeypatch
):
    two = SampleOptions(processes=2, device="cpu")
    both = sample_file(model, tmp_path / "both.parquet", 120, two, silent)
    alone = sample_file(model, tmp_path / "alone.parquet", 120, progress=silent)
    assert both.read_bytes() == alone.read_bytes()
    assert names(tmp_path) == ["alone.parquet", "both.parquet", "model.pt"]
    plain = commands.draw_blocks  # of one block, which one worker draws

    def changed(*arguments):
        model.write_bytes(model.read_bytes() + b" ")
        return plain(*arguments)

    monkeypatch.setattr(commands, "draw_blocks", changed)
    with pytest.raises(OnshellError, match=r"model\.pt: changed while it was sampled; run again$"):
        sample_file(model, tmp_path / "s.parquet", 50, two, silent)


def gpus(monkeypatch, number):
    """Pretend that this machine has so many GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: number)


@pytest.mark.parametrize(
    ("name", "processes", "there", "expected"),
    [
        ("auto", 1, 0, ["cpu"]),
        ("auto", 3, 0, ["cpu"]),
        ("cpu", 3, 0, ["cpu"] * 3),
        ("cpu", 2, 4, ["cpu"] * 2),
        ("cuda", 1, 4, ["cuda"]),
        ("cuda:2", 1, 4, ["cuda:2"]),
        ("cuda", 3, 4, ["cuda:0", "cuda:1", "cuda:2"]),
        ("auto", 2, 4, ["cuda:0", "cuda:1"]),
        ("auto", 4, 2, ["cuda:0", "cuda:1"]),
    ],
)
def test_processes_take_a_gpu_each(name, processes, there, expected, monkeypatch):
    gpus(monkeypatch, there)
    lines = []
    assert list(map(str, devices(name, processes, lines.append))) == expected
    assert bool(lines) == (len(expected) != processes)


@pytest.mark.parametrize(
    ("name", "processes", "there", "message"),
    [
        ("cpu", 0, 0, "--processes 0: ask for 1 or more"),
        ("cuda", 2, 0, "this machine has no CUDA GPU"),
        ("cuda", 3, 2, "--processes 3: they take a GPU each, but there are 2; use --processes 2, or ask for more GPUs"),
        ("cuda:1", 2, 4, "--device cuda:1: one GPU for 2 processes, which take one each; use --device cuda"),
    ],
)
def test_processes_that_have_no_device_are_refused(name, processes, there, message, monkeypatch):
    gpus(monkeypatch, there)
    with pytest.raises(OnshellError, match=message):
        devices(name, processes, silent)
