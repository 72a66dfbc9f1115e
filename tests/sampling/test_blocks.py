"""Samplings that are cut off, shared out to shards, and drawn by several at once: always the same bytes."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

from helpers.disk import names, read_only
from helpers.networks import awaken
from helpers.specs import run_spec
from helpers.trainings import silent
from onshell import cli
from onshell.core.errors import OnshellError
from onshell.events.table import read_events, read_metadata, write_events
from onshell.models.build import build
from onshell.sampling import blocks, commands
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.sampling.shards import Shard, read_shard
from onshell.training.checkpoint import save_model

pytestmark = pytest.mark.usefixtures("small_blocks")
N = 330
"""Events, in seven blocks."""
PLAIN = SampleOptions()


@pytest.fixture
def whole(model, tmp_path):
    """The bytes of the table that is drawn undisturbed."""
    path = sample_file(model, tmp_path / "whole.parquet", N, progress=silent)
    content = path.read_bytes()
    path.unlink()
    return content


def cut_off(model, out, options=PLAIN):
    """Draw the table until two blocks are done; return the folder of its blocks."""
    count = iter(range(1))

    def stop(_):
        if next(count, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_file(model, out, N, options, stop)
    (folder,) = out.parent.glob(f".{out.name}.parts-*")
    return folder


def test_a_killed_sampling_goes_on_with_the_missing_blocks(model, whole, drawn, tmp_path):
    out, lines = tmp_path / "s.parquet", []
    cut_off(model, out)
    assert not out.exists()
    sample_file(model, out, N, progress=lines.append)
    assert drawn == list(range(7))
    assert lines[0] == "5 of 7 blocks are missing: drawing them on cpu"
    assert out.read_bytes() == whole
    assert names(tmp_path) == ["model.pt", "s.parquet"]


def flipped(path):
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flipped, lambda path: path.write_bytes(b"half"), Path.unlink])
def test_a_block_that_is_damaged_is_named_and_drawn_again_and_never_used(damage, model, whole, drawn, tmp_path):
    out, lines = tmp_path / "s.parquet", []
    damage(cut_off(model, out) / "000001.pt")
    drawn.clear()
    sample_file(model, out, N, progress=lines.append)
    assert drawn == [1, 2, 3, 4, 5, 6]
    assert ("damaged block of a sampling" in str(lines[0])) == (len(lines) == 9)
    assert out.read_bytes() == whole


@pytest.mark.parametrize("content", [{0.0: torch.zeros(50, 4, 3)}, {0.0: torch.zeros(50, 3, 3)}, {}])
def test_a_block_of_another_form_is_not_taken(content, model, whole, drawn, tmp_path):
    out = tmp_path / "s.parquet"
    torch.save(content, cut_off(model, out) / "000001.pt")
    drawn.clear()
    assert sample_file(model, out, N, progress=silent).read_bytes() == whole
    assert drawn[0] == 1


def test_blocks_of_another_model_or_of_other_settings_are_not_taken(model, drawn, tmp_path):
    out = tmp_path / "s.parquet"
    cut_off(model, out, options=SampleOptions(seed=12))
    save_model(model, awaken(build(run_spec()), scale=0.1, seed=2).state_dict(), run_spec(), provenance={})
    cut_off(model, tmp_path / "t.parquet")
    drawn.clear()
    sample_file(model, out, N, progress=silent)
    assert drawn == list(range(7))
    # Whatever was kept for a table goes when it is whole.
    assert [name for name in names(tmp_path) if ".s.parquet" in name] == []


@pytest.mark.parametrize("moment", ["all drawn", "half drawn"])
def test_blocks_that_another_process_removes_are_drawn_again(moment, model, whole, tmp_path):
    """Two may draw the same table at once: the first to end removes the blocks of both."""
    out, count = tmp_path / "s.parquet", iter(range(9))

    def removed(_):
        if next(count) == (6 if moment == "all drawn" else 3):
            (folder,) = tmp_path.glob(".s.parquet.parts-*")
            shutil.rmtree(folder)

    assert sample_file(model, out, N, progress=removed).read_bytes() == whole
    assert names(tmp_path) == ["model.pt", "s.parquet"]


def test_what_auto_meant_where_a_sampling_began_is_gone_on_with(model, tmp_path, monkeypatch):
    out = tmp_path / "s.parquet"
    monkeypatch.setattr(commands, "choose_precision", lambda *_: "bf16")
    cut_off(model, out)
    monkeypatch.undo()
    monkeypatch.setattr(commands, "BLOCK", 50)
    assert read_metadata(sample_file(model, out, N, progress=silent))["precision"] == "bf16"


def test_a_model_that_changes_while_it_is_read_is_not_drawn_from(model, tmp_path, monkeypatch):
    other, plain = model.with_name("other.pt"), blocks.read_model
    torch.save({**torch.load(model, weights_only=True), "ema": None}, other)

    def retrained(path):
        content = plain(path)
        other.replace(path)
        return content

    monkeypatch.setattr(blocks, "read_model", retrained)
    with pytest.raises(OnshellError, match=r"model\.pt: changed while it was read; run again"):
        sample_file(model, tmp_path / "s.parquet", 10, progress=silent)
    assert names(tmp_path) == ["model.pt"]


def test_a_place_that_cannot_be_written_shows_before_anything_is_drawn(model, drawn, tmp_path):
    with read_only(tmp_path / "locked") as folder, pytest.raises(OnshellError, match="cannot write here"):
        sample_file(model, folder / "s.parquet", 10, progress=silent)
    (tmp_path / "file").touch()
    with pytest.raises(OnshellError, match="a file lies where its folder should be"):
        sample_file(model, tmp_path / "file" / "s.parquet", 10, progress=silent)
    assert drawn == []


def test_the_digits_do_not_depend_on_the_threads(model, whole, tmp_path):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert sample_file(model, tmp_path / "two.parquet", N, progress=silent).read_bytes() == whole
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# Shards.


def shards_of(model, folder, number, **options):
    """The tables of all shards."""
    made = [folder / f"{k}.parquet" for k in range(1, number + 1)]
    for k, path in enumerate(made, 1):
        sample_file(model, path, N, SampleOptions(shard=Shard(k, number), **options), silent)
    return made


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_the_bytes_do_not_depend_on_the_number_of_shards(number, model, whole, drawn, tmp_path):
    made = shards_of(model, tmp_path, number)
    assert drawn == list(range(7))
    out, lines = tmp_path / "s.parquet", []
    sample_file(model, out, N, SampleOptions(shards=made), lines.append)
    assert len(drawn) == 7
    assert lines == [f"{out}: {N} events of small-q-diffusion, of {number} shards"]
    assert out.read_bytes() == whole
    first = read_events(made[0])
    assert torch.equal(first.momenta, read_events(out).momenta[: len(first)])
    assert names(tmp_path) == sorted([*(path.name for path in made), "model.pt", "s.parquet"])


def test_shards_of_snapshots_make_the_table_of_all_of_them(model, tmp_path):
    times = {"snapshots": [1, 0.5, 0]}
    made, out = shards_of(model, tmp_path, 3, **times), tmp_path / "s.parquet"
    sample_file(model, out, N, SampleOptions(shards=made, **times), silent)
    alone = sample_file(model, tmp_path / "t.parquet", N, SampleOptions(**times), silent)
    assert out.read_bytes() == alone.read_bytes()


def test_shards_are_as_even_as_can_be_and_hold_every_block_once():
    sizes = [(k, 50) for k in range(7)]
    for number in range(1, 10):
        taken = [Shard(k, number).take(sizes) for k in range(1, number + 1)]
        assert [block for shard in taken for block in shard] == sizes
        assert max(map(len, taken)) - min(map(len, taken)) <= 1


def test_a_killed_shard_goes_on(model, whole, drawn, tmp_path):
    cut_off(model, tmp_path / "1.parquet", options=SampleOptions(shard=Shard(1, 2)))
    drawn.clear()
    made = shards_of(model, tmp_path, 2)
    assert drawn == [2, 3, 4, 5, 6]
    assert sample_file(model, tmp_path / "s.parquet", N, SampleOptions(shards=made), silent).read_bytes() == whole


def test_shards_that_do_not_make_the_table_are_refused_in_one_line(model, tmp_path):
    one, two = shards_of(model, tmp_path, 2)
    foreign = tmp_path / "foreign.parquet"
    write_events(foreign, [read_events(one).momenta], {})
    other = SampleOptions(shard=Shard(2, 2), seed=12)
    sample_file(model, tmp_path / "other.parquet", N, other, silent)
    for given, message in (
        ([two, one], r"2\.parquet: not shard 1 of 2; give the tables that `onshell sample --shard k/2` wrote"),
        ([one], r"1\.parquet: not shard 1 of 1"),
        ([one, foreign], r"foreign\.parquet: not shard 2 of 2"),
        (
            [one, tmp_path / "other.parquet"],
            r"other\.parquet: a shard of another sampling: seed is 12 and not 11",
        ),
        ([one, tmp_path / "none.parquet"], r"none\.parquet: no such file"),
    ):
        with pytest.raises(OnshellError, match=message):
            sample_file(model, tmp_path / "s.parquet", N, SampleOptions(shards=given), silent)
    with pytest.raises(OnshellError, match="its shards hold 330 rows, not 400; draw them again"):
        sample_file(model, tmp_path / "s.parquet", 400, SampleOptions(shards=[one, two]), silent)
    assert not (tmp_path / "s.parquet").exists()


def test_shards_of_hosts_where_auto_means_something_else_say_both(model, tmp_path, monkeypatch):
    one, two = shards_of(model, tmp_path, 2)
    monkeypatch.setattr(commands, "choose_precision", lambda *_: "bf16")
    sample_file(model, two, N, SampleOptions(shard=Shard(2, 2)), silent)
    out = sample_file(model, tmp_path / "s.parquet", N, SampleOptions(shards=[one, two]), silent)
    assert read_metadata(out)["precision"] == "fp32+bf16"


def test_a_text_that_is_no_shard_is_refused_in_one_line():
    assert read_shard("2/3") == Shard(2, 3)
    assert str(Shard(2, 3)) == "2/3"
    for text in ("0/2", "3/2", "a/b", "1", "1/", "-1/2", "1/2/3", "1.0/2", "", "0/0"):
        with pytest.raises(OnshellError, match=r"^--shard .*: write k/K, shard k = 1 \.\.\. K of K, such as 2/3$"):
            read_shard(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "3/2"], "--shard 3/2: write k/K, shard k = 1 ... K of K, such as 2/3"),
        (["1.parquet", "--shard", "1/2"], "--shard 1/2: draws a shard, 1.parquet is one that is drawn; leave one"),
        (["s.parquet"], "s.parquet: is an input too; choose another name for the output"),
        (["--processes", "0"], "--processes 0: is too small; write 1 or more"),
    ],
)
def test_a_faulty_call_is_told_in_one_line(arguments, message, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["onshell", "sample", "model.pt", "-o", "s.parquet", *arguments])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code.startswith(f"onshell: error: {message}")
    assert names(tmp_path) == ["model.pt"]
