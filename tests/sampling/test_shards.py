"""A sampling dealt out to jobs: the same bytes, whoever drew which block."""

import json
import sys

import pytest
import torch

from helpers.disk import names
from onshell import cli
from onshell.core.errors import OnshellError
from onshell.events.table import read_metadata
from onshell.sampling import commands
from onshell.sampling.commands import sample_file
from onshell.sampling.shards import Shard, devices, read_shard

N = 330  # events, in blocks of 50


def silent(_):
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK", 50)


@pytest.fixture
def model(small_model):
    return small_model


@pytest.fixture
def whole(model, tmp_path):
    """The bytes of the table that one process draws at a time."""
    path = sample_file(model, tmp_path / "whole.parquet", N, progress=silent)
    content = path.read_bytes()
    path.unlink()
    return content


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "--shard 3/2: write k/K, shard k = 1 ... K of K, such as 2/3"),
        (["--receipt", "r.json"], "--receipt r.json: is of a shard; name it with --shard, or leave both away"),
        (["--shard", "1/2", "--receipt", "model.pt"], "model.pt: is an input too; choose another name for the output"),
        (["--processes", "0"], "--processes 0: is too small; write 1 or more"),
    ],
)
def test_a_faulty_call_is_told_in_one_line(arguments, message, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["onshell", "sample", "model.pt", "-o", "s.parquet", *arguments])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == f"onshell: error: {message}"
    assert names(tmp_path) == ["model.pt"]


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
