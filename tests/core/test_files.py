"""Products appear whole or not at all, and errors say which file and why."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from helpers.disk import file_size_limit, names, read_only, small_disk
from onshell.core import files
from onshell.core.console import apart
from onshell.core.errors import OnshellError
from onshell.core.files import all_whole, whole

INTERRUPTED = """
import sys, time
from onshell.core.console import apart
from onshell.core.files import all_whole, whole
with whole(sys.argv[1]) as part:
    part.write_text("half")
    print(part.name, flush=True)
    time.sleep(60)
"""


def interrupted_writer(path, number):
    """Start a writer of `path`, send it the signal `number` in the middle, return its temporary file's name."""
    writer = subprocess.Popen([sys.executable, "-c", INTERRUPTED, str(path)], stdout=subprocess.PIPE, text=True)
    part = writer.stdout.readline().strip()
    writer.send_signal(number)
    writer.communicate()
    assert writer.returncode != 0
    return part


def test_success_leaves_the_file_alone_in_a_folder_made_for_it(tmp_path):
    path = tmp_path / "a" / "b" / "x.txt"
    with whole(path) as part:
        assert part.suffix == ".txt"
        assert part.parent == path.parent
        part.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all"
    assert names(path.parent) == ["x.txt"]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(1), OnshellError("bad")])
def test_a_failed_block_keeps_the_old_product_and_leaves_nothing_else(tmp_path, error):
    path = tmp_path / "x.txt"
    path.write_text("old")

    def fail():
        with whole(path) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["x.txt"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_writer_leaves_no_product_and_the_next_write_cleans_up(tmp_path, number):
    path = tmp_path / "x.txt"
    part = interrupted_writer(path, number)
    assert names(tmp_path) == [part]
    with whole(path) as other:
        other.write_text("all")
    assert names(tmp_path) == ["x.txt"]


def test_an_interrupted_writer_removes_its_temporary_file(tmp_path):
    interrupted_writer(tmp_path / "x.txt", signal.SIGINT)
    assert names(tmp_path) == []


def test_the_files_of_living_and_of_distant_writers_are_left_alone(tmp_path):
    here = socket.gethostname().replace("-", "_").replace(".", "_")
    living = f".x.{here}-{os.getpid()}-0123abcd.part.txt"
    distant, abandoned = ".x.far_away-7-0123abcd.part.txt", ".x.far_away-8-0123abcd.part.txt"
    foreign = [".x.note.txt", ".xy.far_away-8-0123abcd.part.txt"]
    for name in [living, distant, abandoned, *foreign]:
        (tmp_path / name).write_text("half")
    old = time.time() - files.ABANDONED - 60
    os.utime(tmp_path / abandoned, (old, old))
    os.utime(tmp_path / foreign[1], (old, old))
    with whole(tmp_path / "x.txt") as part:
        part.write_text("all")
    assert names(tmp_path) == sorted([living, distant, *foreign, "x.txt"])


def test_an_unwritable_folder_is_told_before_the_work_starts(tmp_path):
    with read_only(tmp_path / "results") as folder:
        message = r"results/x\.txt: cannot write here \(Permission denied\)"
        with pytest.raises(OnshellError, match=message), whole(folder / "x.txt"):
            pytest.fail("the block must not run")
        with pytest.raises(OnshellError, match="change the permissions"), whole(folder / "more" / "x.txt"):
            pytest.fail("the block must not run")


@pytest.mark.parametrize("below", ["x.txt", "more/x.txt"])
def test_a_file_where_the_folder_should_be(tmp_path, below):
    (tmp_path / "results").write_text("")
    message = "a file lies where its folder should be"
    with pytest.raises(OnshellError, match=message), whole(tmp_path / "results" / below):
        pytest.fail("the block must not run")


def test_a_folder_where_the_file_should_be(tmp_path):
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(OnshellError, match="a folder has that name"), whole(tmp_path / "x.txt"):
        pytest.fail("the block must not run")


def python_writes(part):
    part.write_bytes(b"0" * 4_000_000)


def arrow_writes(part):
    pq.write_table(pa.table({"a": list(range(500_000))}), part)


def torch_writes(part):
    with part.open("wb") as handle:
        torch.save(torch.arange(500_000), handle)


@pytest.mark.parametrize("write", [python_writes, arrow_writes, torch_writes])
def test_a_full_disk_is_told_in_one_line(tmp_path, write):
    with small_disk(tmp_path / "disk") as disk:
        with (
            pytest.raises(OnshellError, match=r"disk/x\.bin: no space left on the device"),
            whole(disk / "x.bin") as part,
        ):
            write(part)
        assert names(disk) == []


@pytest.mark.parametrize("write", [python_writes, arrow_writes, torch_writes])
def test_a_file_size_limit_is_told_in_one_line(tmp_path, write):
    with (
        file_size_limit(100_000),
        pytest.raises(OnshellError, match=r"x\.bin: larger than .*ulimit -f"),
        whole(tmp_path / "x.bin") as part,
    ):
        write(part)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file", "/data/other.txt"),
        PermissionError(errno.EACCES, "Permission denied", "/data/other.txt"),
        OSError(errno.ENOSPC, "No space left on device", "/data/other.txt"),
        FileNotFoundError(errno.ENOENT, "Failed to open local file"),
        OSError("Unexpected end of stream"),
        RuntimeError("nothing to do with files"),
    ],
    ids=str,
)
def test_errors_about_other_files_are_not_blamed_on_the_target(tmp_path, error):
    def fail():
        with whole(tmp_path / "x.txt"):
            raise error

    with pytest.raises(type(error)) as caught:
        fail()
    assert caught.value is error
    assert names(tmp_path) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path, there):
    (tmp_path / "far").mkdir()
    if there:
        (tmp_path / "far" / "y.txt").write_text("old")
    (tmp_path / "x.txt").symlink_to("far/y.txt")
    with whole(tmp_path / "x.txt") as part:
        part.write_text("all")
    assert (tmp_path / "x.txt").is_symlink()
    assert (tmp_path / "x.txt").read_text() == "all"
    assert (names(tmp_path), names(tmp_path / "far")) == (["far", "x.txt"], ["y.txt"])


def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for name in ("pipe", "link", "socket", os.devnull, "loop"):
            message = "leads to itself" if name == "loop" else "is a device or a pipe"
            with pytest.raises(OnshellError, match=f"{name}: is .*{message.removeprefix('is ')}"), whole(name):
                pytest.fail("the block must not run")
            with pytest.raises(OnshellError, match=message):
                apart(Path(name))
    assert names(tmp_path) == ["link", "loop", "pipe", "socket"]


def test_of_a_set_all_appear_or_none(tmp_path):
    paths = [tmp_path / f"x.{suffix}" for suffix in ("csv", "tex", "md")]
    paths[1].write_text("old")

    def write(size, of=3, error=None):
        with all_whole(*paths) as parts:
            for part in parts[:of]:
                part.write_bytes(b"0" * size)
            if error is not None:
                raise error

    with file_size_limit(100), pytest.raises(OnshellError, match=r"x\.csv: larger than"):
        write(1000)
    for of, name in ((3, "x.md"), (2, "x.tex"), (1, "x.csv")):
        with pytest.raises(OnshellError, match=f"{name}: no space left"):
            write(1, of, OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == ["x.tex"]
    assert paths[1].read_text() == "old"
    write(10)
    assert names(tmp_path) == ["x.csv", "x.md", "x.tex"]


def test_errors_are_one_line_that_name_the_file(tmp_path):
    numbers = [
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EACCES,
        errno.EROFS,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EIO,
    ]
    for number in numbers:
        text = str(files.reason(tmp_path / "x.txt", OSError(number, os.strerror(number))))
        assert text.startswith(f"{tmp_path / 'x.txt'}: ")
        assert "\n" not in text
        assert ";" in text
