"""Where a Les Houches file may come from: compressed in any way, through a pipe, in several files; and what is none."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tarfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from helpers.lhe import REAL, event, file_text, real_text, uniform, write
from onshell import cli
from onshell.core.errors import OnshellError
from onshell.events.lhe.documents import Documents
from onshell.events.lhe.importing import Settings, Spool, import_file
from onshell.events.lhe.opening import Input
from onshell.events.lhe.parse import read_event

BYTES = real_text().encode()


def arrow(content, codec):
    """Return bytes compressed by pyarrow."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: arrow(content, "zstd"),
    "lz4": lambda content: arrow(content, "lz4"),
    "plain": bytes,
}


def opened(path):
    """Return all bytes of a file as `Input` reads them, and why they are not all."""
    with contextlib.closing(Input(Path(path))) as found:
        return b"".join(iter(lambda: found.read(1000), b"")), found.broken


@pytest.mark.parametrize("name", PACKERS)
def test_what_a_file_holds_decides_how_it_is_read(tmp_path, name):
    pack = PACKERS[name]
    # A name says nothing; members, frames and streams may follow each other.
    for suffix in (".lhe", ".lhe.gz"):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(pack(BYTES[:5000]) + pack(BYTES[5000:]))
        assert opened(path) == (BYTES, "")


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "plain"])
def test_compressed_files_that_are_damaged_say_so(tmp_path, name):
    packed, path = PACKERS[name](BYTES), tmp_path / "x"
    path.write_bytes(packed[:-3])
    found, why = opened(path)
    assert BYTES.startswith(found)
    assert why == "the compressed file breaks off"
    path.write_bytes(packed + b"what is this? it is long enough")
    found, why = opened(path)
    assert BYTES.startswith(found)
    assert why.startswith("the compressed file is damaged (")
    # At the end of a document, too.
    with pytest.raises(OnshellError, match=r"x: line \d+: the compressed file is damaged"):
        import_file(path, tmp_path / "x.parquet", Settings(skip_bad=True))


def test_frames_without_content_come_before_those_of_zstd(tmp_path):
    path = tmp_path / "x.lhe.zst"
    path.write_bytes(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + PACKERS["zstd"](BYTES))
    assert opened(path) == (BYTES, "")


def archive():
    """Return a tar archive with the file in it."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        info = tarfile.TarInfo("x.lhe")
        info.size = len(BYTES)
        archive.addfile(info, io.BytesIO(BYTES))
    return found.getvalue()


OTHERS = {
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(600),
    "a Parquet file": b"PAR1" + bytes(600),
    "a zip archive": b"PK\x03\x04" + bytes(600),
    "a tar archive": archive(),
    "a PDF document": b"%PDF-1.7\n%" + bytes(600),
    "a ROOT file": b"root\x00\x00\xf3\x8c" + bytes(600),
    "a NumPy array": b"\x93NUMPY\x01\x00",
    "a HepMC file": b"\nHepMC::Version 3.02.05\n",
    "a web page": b"<!DOCTYPE HTML>\n<html><body>404</body></html>",
    "a Git LFS pointer, not the file itself": b"version https://git-lfs.github.com/spec/v1\n",
    "text in UTF-16": real_text()[:600].encode("utf-16"),
    "binary data": bytes(range(256)),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("pack", ["plain", "gzip"])
def test_files_of_another_kind_are_named(tmp_path, kind, pack):
    path = tmp_path / "x.lhe"
    path.write_bytes(PACKERS[pack](OTHERS[kind]))
    with pytest.raises(OnshellError) as caught:
        import_file(path, tmp_path / "x.parquet")
    assert str(caught.value).startswith(f"{path}: not a Les Houches file but {kind}; ")
    assert str(caught.value).isprintable()


def test_a_file_that_was_compressed_twice(tmp_path):
    path = tmp_path / "x.lhe.gz"
    path.write_bytes(gzip.compress(lzma.compress(BYTES)))
    with pytest.raises(OnshellError, match=r"but compressed twice \(xz inside gzip\); decompress it once"):
        Input(path)


@pytest.fixture
def pipe():
    """A function that returns the path of a pipe through which bytes come, in pieces of any size."""
    threads, ends = [], []

    def made(*pieces):
        end, other = os.pipe()

        def feed():
            with os.fdopen(other, "wb", buffering=0) as handle:
                for piece in pieces:
                    handle.write(piece)

        threads.append(threading.Thread(target=feed))
        threads[-1].start()
        ends.append(end)
        return Path(f"/dev/fd/{end}")

    yield made
    for end in ends:
        os.close(end)
    for thread in threads:
        thread.join()


def test_a_pipe_is_read_like_a_file(tmp_path, pipe):
    content = REAL.read_bytes()
    about = import_file(pipe(content[:1], content[1:]), tmp_path / "x.parquet")["lhe"]
    assert about["kept"] == 200
    assert about["file"].startswith("/dev/fd/")
    with pytest.raises(OnshellError, match="nothing came through the pipe; look at what the command before it says"):
        import_file(pipe(), tmp_path / "y.parquet")


def test_a_hyphen_is_standard_input(tmp_path, pipe, monkeypatch):
    with pipe(BYTES).open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        about = import_file("-", tmp_path / "x.parquet")["lhe"]
    assert (about["kept"], about["file"]) == (200, "standard input")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(OnshellError, match="standard input: closed; pipe a file into it"):
        import_file("-", tmp_path / "x.parquet")


def test_events_go_through_pipes_both_ways(tmp_path):
    table = str(tmp_path / "x.parquet")
    done = CliRunner().invoke(cli.app, ["import", "-", "-o", table, "--particles", "q,qbar,g"], input=REAL.read_bytes())
    assert "standard input: 200 good events" in done.output
    shown = CliRunner().invoke(cli.app, ["export", table, "-o", "-"])
    (tmp_path / "again.lhe").write_bytes(shown.stdout_bytes)
    with Documents([tmp_path / "again.lhe"]) as files:
        assert sum(not block.fault for block in files.blocks()) == 200
    refused = CliRunner().invoke(cli.app, ["import", str(REAL), "-o", "-"])
    assert str(refused.exception) == "-o -: an event table is no stream; name a file, such as mine.parquet"


def text(weight=1.0, cross_section="1.0 0.1 1.0 1", n=4, name="a", **options):
    """Return the text of a file of `n` events."""
    events = [event(p, (1, -1, 21), weight) for p in uniform(n, name=name)]
    return file_text(events, **options).replace("1.0 0.1 1.0 1", cross_section)


def test_files_of_one_process_are_joined(tmp_path):
    a = write(tmp_path / "a.lhe", text(name="a"))
    b = write(tmp_path / "b.lhe.gz", text(name="b", cross_section="1.3 0.2 1.5 1", n=8))
    about = import_file([a, b], tmp_path / "x.parquet", Settings(held_out=0.0))["lhe"]
    assert (about["file"], about["kept"]) == ("a.lhe, b.lhe.gz", 12)
    # By events: (4 * 1.0 + 8 * 1.3) / 12 and the like for the error.
    joined = about["cross_sections"][0]
    assert joined["value"] == pytest.approx(1.2)
    assert joined["error"] == pytest.approx(((4 * 0.1) ** 2 + (8 * 0.2) ** 2) ** 0.5 / 12)
    assert joined["unit_weight"] == 1.5
    assert [each["file"] for each in about["documents"]] == ["a.lhe", "b.lhe.gz"]
    with Documents([a, b]) as files:
        blocks = list(files.blocks())
        momenta = np.array([read_event(block).particles[2][6] for block in blocks])
        assert files.share == 1.0
    assert np.allclose(momenta, np.concatenate([uniform(4, name="a"), uniform(8, name="b")])[:, 0, 0], rtol=1e-15)
    assert [block.number for block in blocks] == list(range(12))


def test_an_error_in_a_later_file_names_it(tmp_path):
    a = write(tmp_path / "a.lhe", text())
    b = write(tmp_path / "b.lhe", text(name="b").replace("\n21 ", "\nx ", 1))
    with pytest.raises(OnshellError, match=r"/b\.lhe: event 0 \(line 8\): .* 'x' is not a number"):
        import_file([a, b], tmp_path / "x.parquet")


UNLIKE = [
    (text(beams=(2212, 2212)), "beams 2212, 2212 where there are 11, -11 in a.lhe"),
    (text(energies=(0.6, 0.5)), "beam energies 0.6, 0.5 where there are 0.5, 0.5"),
    (text(pdf=7), "PDF 7, 7 where there are 0, 0"),
    (text(weighting=-4), "the weighting strategy -4 where it is 3"),
    (text(cross_section="1.0 0.1 1.0 2"), "the process numbers 2 where they are 1"),
    (text(cross_section="2.0 0.1 1.0 1"), "the cross section 2 pb where it is 1 pb"),
    (text(weight=2.0), r"its weights are 2 on average where those of a\.lhe are 1, so they do not go together"),
]


@pytest.mark.parametrize(("other", "message"), UNLIKE)
def test_files_that_do_not_go_together_are_refused(tmp_path, other, message):
    a, b = write(tmp_path / "a.lhe", text()), write(tmp_path / "b.lhe", other)
    with pytest.raises(OnshellError, match=f"b.lhe: .*{message}.*; import them apart"):
        import_file([a, b], tmp_path / "x.parquet")
    assert not (tmp_path / "x.parquet").exists()


def test_a_file_counts_once(tmp_path):
    a = write(tmp_path / "a.lhe", text())
    (tmp_path / "link.lhe").symlink_to(a)
    for again in (a, tmp_path / "link.lhe"):
        with pytest.raises(OnshellError, match="named twice, and its events would count twice"):
            import_file([a, again], tmp_path / "x.parquet")
    with pytest.raises(OnshellError, match=r"z\.lhe: no such file"):
        import_file([a, tmp_path / "z.lhe"], tmp_path / "x.parquet")


def test_events_laid_aside_have_no_name_on_the_disk(tmp_path, monkeypatch):
    seen = []
    laid = Spool.chunks
    monkeypatch.setattr(Spool, "chunks", lambda self: seen.append(list(tmp_path.iterdir())) or laid(self))
    import_file(write(tmp_path / "a.lhe", text()), tmp_path / "x.parquet")
    # All events are on the disk by now; were the process killed here, nothing of them would stay.
    assert [path.name for path in seen[0] if not path.name.endswith(".part.parquet")] == ["a.lhe"]
