"""A sampling dealt out to jobs and processes: the same bytes, whoever drew which block, and whoever was killed."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch

from helpers.disk import names
from helpers.networks import awaken
from helpers.specs import run_spec
from onshell.errors import OnshellError
from onshell.events.table import read_metadata
from onshell.models.build import build
from onshell.sampling import commands, drawing, parts, workers
from onshell.sampling.commands import sample_file
from onshell.sampling.parts import GoneError, Parts
from onshell.sampling.sample import sample_block
from onshell.sampling.shards import Shard, devices, read_shard
from onshell.training.checkpoint import save_model

N = 330  # events, in blocks of 50


def silent(_):
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK", 50)


@pytest.fixture
def model(tmp_path):
    spec = run_spec()
    save_model(tmp_path / "model.pt", awaken(build(spec), scale=0.1).state_dict(), spec, provenance={})
    return tmp_path / "model.pt"


@pytest.fixture
def whole(model, tmp_path):
    """The bytes of the table that one process draws at a time."""
    path = sample_file(model, tmp_path / "whole.parquet", N, progress=silent)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.fixture
def drawn(monkeypatch):
    """The numbers of the blocks that this process draws, as it goes."""
    made = []
    monkeypatch.setattr(drawing, "sample_block", lambda *a, **o: made.append(a[2]) or sample_block(*a, **o))
    return made


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_the_bytes_do_not_depend_on_the_number_of_shards(number, model, whole, drawn, tmp_path):
    out = tmp_path / "s.parquet"
    for k in range(1, number + 1):
        receipt = tmp_path / f"{k}.json"
        made = sample_file(model, out, N, shard=Shard(k, number), receipt=receipt, progress=silent)
        assert made == receipt
        assert not out.exists()
    assert sorted(drawn) == list(range(7))
    lines = []
    sample_file(model, out, N, progress=lines.append)
    assert len(drawn) == 7
    assert lines == [f"{out}: {N} events of small-q-diffusion"]
    assert out.read_bytes() == whole
    assert not [name for name in names(tmp_path) if "parts" in name]


def test_a_receipt_says_what_was_drawn_from_what_and_has_the_same_bytes_again(model, tmp_path):
    out, receipt = tmp_path / "s.parquet", tmp_path / "2.json"
    sample_file(model, out, N, shard=Shard(2, 3), receipt=receipt, progress=silent)
    content = json.loads(receipt.read_text())
    assert [content[key] for key in ("shard", "shards", "blocks", "seed")] == [2, 3, [1, 4], 11]
    assert content["means"] == {"device": "cpu", "precision": "fp32"}
    assert content["settings"]["n"] == N
    before = receipt.read_bytes()
    sample_file(model, out, N, shard=Shard(2, 3), receipt=receipt, progress=silent)
    assert receipt.read_bytes() == before
    sample_file(model, out, N, progress=silent)
    assert read_metadata(out)["model"] == content["model"]


def test_shards_are_as_even_as_can_be_and_hold_every_block_once():
    blocks = [(k, 50) for k in range(7)]
    for number in range(1, 10):
        dealt = [Shard(k, number).deal(blocks) for k in range(1, number + 1)]
        assert sorted(block for hand in dealt for block in hand) == blocks
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_a_killed_shard_goes_on_and_what_no_shard_drew_is_drawn_in_the_end(model, whole, tmp_path, monkeypatch, drawn):
    out, count = tmp_path / "s.parquet", iter(range(9))

    def stop(line):
        if next(count):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_file(model, out, N, shard=Shard(1, 2), progress=stop)
    assert drawn == [0, 2]
    sample_file(model, out, N, shard=Shard(1, 2), progress=silent)
    assert drawn == [0, 2, 4, 6]
    lines = []
    sample_file(model, out, N, progress=lines.append)
    assert drawn == [0, 2, 4, 6, 1, 3, 5]
    assert lines[0] == "3 of 7 blocks are missing: drawing them on cpu"
    assert out.read_bytes() == whole


@pytest.mark.parametrize("text", ["0/2", "3/2", "a/b", "1", "1/", "-1/2", "1/2/3", "1.0/2", "", "0/0"])
def test_a_text_that_is_no_shard_is_refused_in_one_line(text):
    with pytest.raises(OnshellError, match=r"^--shard .*: write k/K, shard k = 1 \.\.\. K of K, such as 2/3$"):
        read_shard(text)


def test_a_text_that_is_a_shard():
    assert read_shard("2/3") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"


def test_blocks_of_other_settings_live_until_a_table_is_written(model, tmp_path, drawn):
    out = tmp_path / "s.parquet"
    sample_file(model, out, N, shard=Shard(1, 2), progress=silent)
    sample_file(model, out, N, seed=12, shard=Shard(1, 2), progress=silent)
    assert len([name for name in names(tmp_path) if ".parts-" in name]) == 2
    drawn.clear()
    sample_file(model, out, N, progress=silent)
    assert drawn == [1, 3, 5]
    assert names(tmp_path) == ["model.pt", "s.parquet"]


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
    # The shards drew in blocks of their own size, not of this test's.
    commands.BLOCK = 2048
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
        "onshell: error: process 2 of 2 was killed by SIGKILL, perhaps for want of memory; the finished blocks are "
        "kept: run again to go on\n"
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
        sample_file(model, tmp_path / "s.parquet", N, device="cpu", processes=2, progress=silent)


class Gpus:
    """Pretends that this machine has so many GPUs."""

    def __init__(self, monkeypatch, number):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)


@pytest.mark.parametrize(
    ("name", "processes", "gpus", "expected"),
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
def test_processes_take_a_gpu_each(name, processes, gpus, expected, monkeypatch):
    Gpus(monkeypatch, gpus)
    lines = []
    assert list(map(str, devices(name, processes, lines.append))) == expected
    assert bool(lines) == (len(expected) != processes)


@pytest.mark.parametrize(
    ("name", "processes", "gpus", "message"),
    [
        ("cpu", 0, 0, "--processes 0: ask for 1 or more"),
        ("cuda", 2, 0, "this machine has no CUDA GPU"),
        ("cuda", 3, 2, "--processes 3: they take a GPU each, but there are 2; use --processes 2, or ask for more GPUs"),
        ("cuda:1", 2, 4, "--device cuda:1: one GPU for 2 processes, which take one each; use --device cuda"),
    ],
)
def test_processes_that_have_no_device_are_refused(name, processes, gpus, message, monkeypatch):
    Gpus(monkeypatch, gpus)
    with pytest.raises(OnshellError, match=message):
        devices(name, processes, silent)


def opened(folder, means):
    settings = {"seed": 1}
    place = Parts(folder / "s.parquet", settings, [(0, 2)], [0.0], 3)
    return place, place.open(means)


def test_the_first_to_come_says_by_what_means_blocks_are_drawn(tmp_path):
    first = {"device": "cuda", "precision": "bf16"}
    assert opened(tmp_path, first)[1] == first
    assert opened(tmp_path, {"device": "cpu", "precision": "fp32"})[1] == first


def test_of_many_that_make_the_folder_at_once_one_does(tmp_path, monkeypatch):
    """Every process finds no folder, and then makes it: the slowest meets the quickest's."""
    place = Parts(tmp_path / "s.parquet", {"seed": 1}, [(0, 2)], [0.0], 3)
    quick = Parts(tmp_path / "s.parquet", {"seed": 1}, [(0, 2)], [0.0], 3)
    plain = parts.whole

    def slow(path):
        monkeypatch.setattr(parts, "whole", plain)
        quick.open({"device": "cpu", "precision": "bf16"})
        return plain(path)

    monkeypatch.setattr(parts, "whole", slow)
    assert place.open({"device": "cpu", "precision": "fp32"})["precision"] == "bf16"
    assert names(tmp_path) == [place.folder.name]


def test_auto_goes_on_with_the_blocks_of_another_kind_of_device(model, tmp_path, drawn, monkeypatch):
    """A table is put together on a node without GPU, from the blocks of nodes with one."""
    out = tmp_path / "s.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(commands, "devices", lambda *_: [torch.device("cuda")])
        patch.setattr(commands, "choose_precision", lambda *_: "bf16")
        patch.setattr(
            commands, "draw", lambda *a, device, **o: drawing.draw(*a, **(o | {"precision": "fp32"}), device="cpu")
        )
        for k in (1, 2):
            sample_file(model, out, N, shard=Shard(k, 2), device="cuda", precision="auto", progress=silent)
    assert len(drawn) == 7
    sample_file(model, out, N, precision="auto", progress=silent)
    assert len(drawn) == 7
    assert read_metadata(out)["precision"] == "bf16"


def test_a_device_that_is_named_takes_no_blocks_of_another(model, tmp_path, drawn, monkeypatch):
    out = tmp_path / "s.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(commands, "devices", lambda *_: [torch.device("cuda")])
        patch.setattr(commands, "choose_precision", lambda *_: "fp32")
        patch.setattr(commands, "draw", lambda *a, device, **o: drawing.draw(*a, **o, device="cpu"))
        sample_file(model, out, N, shard=Shard(1, 2), device="cuda", progress=silent)
    drawn.clear()
    sample_file(model, out, N, device="cpu", progress=silent)
    assert drawn == list(range(7))


def test_a_damaged_folder_is_named(tmp_path):
    place, _ = opened(tmp_path, {"device": "cpu", "precision": "fp32"})
    (place.folder / parts.SETTINGS).write_text("{")
    with pytest.raises(OnshellError, match=r"settings\.json in it is missing or damaged; remove the folder$"):
        place.open({})


def test_who_still_draws_when_the_table_is_whole_stops_and_leaves_nothing(model, tmp_path, drawn, monkeypatch):
    out, receipt = tmp_path / "s.parquet", tmp_path / "1.json"

    def overtaken(*arguments, **options):
        monkeypatch.setattr(drawing, "sample_block", sample_block)
        sample_file(model, out, N, progress=silent)
        return sample_block(*arguments, **options)

    monkeypatch.setattr(drawing, "sample_block", overtaken)
    lines = []
    sample_file(model, out, N, shard=Shard(1, 2), receipt=receipt, progress=lines.append)
    assert lines[0] == f"{out}: another process has written it"
    assert names(tmp_path) == ["1.json", "model.pt", "s.parquet"]
    monkeypatch.setattr(drawing, "sample_block", overtaken)
    before = out.read_bytes()
    sample_file(model, out, N, progress=silent)
    assert out.read_bytes() == before


def test_whoever_loses_its_blocks_to_another_sampling_is_told(model, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"

    def overtaken(*arguments, **options):
        monkeypatch.setattr(drawing, "sample_block", sample_block)
        sample_file(model, out, N, seed=99, progress=silent)
        return sample_block(*arguments, **options)

    monkeypatch.setattr(drawing, "sample_block", overtaken)
    with pytest.raises(GoneError, match="its blocks were removed while this process worked"):
        sample_file(model, out, N, shard=Shard(1, 2), progress=silent)


def test_the_digits_do_not_depend_on_the_threads(model, tmp_path):
    before, tables = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            tables.append(sample_file(model, tmp_path / f"{number}.parquet", N, progress=silent).read_bytes())
            assert torch.get_num_threads() == number
    finally:
        torch.set_num_threads(before)
    assert tables[0] == tables[1]
