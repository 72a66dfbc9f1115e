"""The folder of blocks: many that make it at once, and those who lose it to others."""

import os
import re
import socket
import subprocess

import pytest
import torch

from helpers.disk import names
from onshell.core.errors import OnshellError
from onshell.events.table import read_metadata
from onshell.sampling import commands, parts
from onshell.sampling import sampler as drawing
from onshell.sampling.commands import sample_file
from onshell.sampling.parts import GoneError, Parts
from onshell.sampling.sample import sample_block
from onshell.sampling.shards import Shard

N = 330  # events, in blocks of 50
MEANS = {"device": "cpu", "precision": "fp32"}


def silent(_):
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK", 50)


@pytest.fixture
def model(small_model):
    return small_model


def opened(folder, means):
    settings = {"seed": 1}
    place = Parts(folder / "s.parquet", settings, [(0, 2)], [0.0], 3)
    return place, place.open(means)


def test_a_block_with_a_flipped_bit_is_named_and_drawn_again_and_never_used(tmp_path):
    place, _ = opened(tmp_path, {"device": "cpu", "precision": "fp32"})
    place.write(0, {0.0: torch.ones(2, 3, 3, dtype=torch.float64)})
    path, lines = place.folder / "000000.pt", []
    whole = path.read_bytes()
    assert place.has(0)
    at = whole.index(torch.ones(18, dtype=torch.float64).numpy().tobytes())
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert not place.has(0, lines.append)
    assert lines[0].startswith(f"{path}: a foreign or damaged block of a sampling (the checksum")
    with pytest.raises(OnshellError, match="damaged block"):
        list(place.rows(1.0))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"means": []}', '{"means": {"device": 1, "precision": "fp32"}}'])
def test_settings_that_are_none_are_told_in_one_line(tmp_path, text):
    means = {"device": "cpu", "precision": "fp32"}
    place, _ = opened(tmp_path, means)
    (place.folder / "settings.json").write_text(text)
    with pytest.raises(OnshellError, match=r"settings\.json in it is missing or damaged"):
        place.open(means)


def test_what_a_killed_process_had_begun_to_write_is_swept_away_and_nothing_else(tmp_path):
    place, _ = opened(tmp_path, {"device": "cpu", "precision": "fp32"})
    place.write(0, {0.0: torch.zeros(2, 3, 3)})
    dead = subprocess.Popen(["true"])
    dead.wait()
    of_dead, of_living = (f".000000.{{}}-{pid}-0123abcd.part.pt" for pid in (dead.pid, os.getpid()))
    host = re.sub("[^A-Za-z0-9]", "_", socket.gethostname())
    for name in (of_dead, of_living):
        (place.folder / name.format(host)).touch()
    place.sweep()
    assert names(place.folder) == [of_living.format(host), "000000.pt", "settings.json"]


def test_the_first_to_come_says_by_what_means_blocks_are_drawn(tmp_path):
    first = {"device": "cuda", "precision": "bf16"}
    assert opened(tmp_path, first)[1] == first
    assert opened(tmp_path, {"device": "cpu", "precision": "fp32"})[1] == first


def test_evaluations_are_the_mean_over_events(tmp_path):
    place = Parts(tmp_path / "s.parquet", {"seed": 1}, [(0, 2), (1, 1)], [0.0], 3)
    place.open({"device": "cpu", "precision": "fp32"})
    for k, size, evaluations in ((0, 2, 30), (1, 1, 60)):
        place.write(k, {0.0: torch.zeros(size, 3, 3)}, evaluations)
        assert place.has(k)
    assert place.evaluations() == 40
    assert [len(block) for block in place.events(1.0)] == [2, 1]


def test_of_many_that_make_the_folder_at_once_one_does(tmp_path, monkeypatch):
    """Every process finds no folder, and then makes it: the slowest meets the quickest's."""
    place = Parts(tmp_path / "s.parquet", {"seed": 1}, [(0, 2)], [0.0], 3)
    quick = Parts(tmp_path / "s.parquet", {"seed": 1}, [(0, 2)], [0.0], 3)
    plain = parts.write_json

    def slow(*arguments):
        monkeypatch.setattr(parts, "write_json", plain)
        quick.open({"device": "cpu", "precision": "bf16"})
        plain(*arguments)

    monkeypatch.setattr(parts, "write_json", slow)
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


@pytest.mark.parametrize("moment", ["before it is written", "when it is written", "and the folder is made again"])
def test_a_block_makes_no_folder_of_its_own(moment, tmp_path, monkeypatch):
    """The folder is removed between the look at it and the writing of a block."""
    place, _ = opened(tmp_path, MEANS)
    plain = parts.save_whole

    def overtaken(content, path, ready):
        if moment == "before it is written":
            place.remove()
            return plain(content, path, ready)
        return plain(content, path, lambda: (place.remove(), moment.startswith("and") and place.open(MEANS), ready()))

    monkeypatch.setattr(parts, "save_whole", overtaken)
    with pytest.raises(GoneError, match="its blocks were removed while this process worked"):
        place.write(0, {0.0: torch.zeros(2, 3, 3)})
    assert names(tmp_path) == ([place.folder.name] if moment.startswith("and") else [])
    assert not place.has(0)


def test_a_model_that_changes_while_it_is_read_is_not_drawn_from(model, tmp_path, monkeypatch):
    other = model.with_name("other.pt")
    torch.save({**torch.load(model, weights_only=True), "ema": None}, other)
    plain = drawing.read_model

    def retrained(path):
        content = plain(path)
        other.replace(path)
        return content

    monkeypatch.setattr(drawing, "read_model", retrained)
    with pytest.raises(OnshellError, match=r"model\.pt: changed while it was read; run again"):
        sample_file(model, tmp_path / "s.parquet", 10, progress=silent)
    assert names(tmp_path) == ["model.pt"]


def test_a_block_that_is_removed_before_it_is_read_is_gone_and_not_damaged(tmp_path, monkeypatch):
    place, _ = opened(tmp_path, MEANS)
    place.write(0, {0.0: torch.zeros(2, 3, 3)})
    plain = parts.load
    monkeypatch.setattr(parts, "load", lambda *arguments: place.remove() or plain(*arguments))
    with pytest.raises(GoneError, match="its blocks were removed while this process worked"):
        list(place.events(1.0))
