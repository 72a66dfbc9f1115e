"""What the format and XML allow in the text of a Les Houches file, and what Fortran writes: read as it is meant."""

import contextlib
import json
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.lhe import event, file_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe.documents import Documents
from onshell.events.lhe.importing import import_file
from onshell.events.lhe.markup import Scanner
from onshell.events.lhe.parse import read_event, real, whole

EVENTS = [event(p, (1, -1, 21)) for p in uniform(4)]
TEXT = file_text(EVENTS)
FIRST, REST = TEXT.split("<event>\n", 1)


def read(path):
    """Return the events of a file, or what is wrong with each, and their lines."""
    with Documents([Path(path)]) as files:
        blocks = list(files.blocks())
        return [read_event(block) for block in blocks], [block.line for block in blocks]


def momenta(path):
    """Return the momenta of the events of a file [n, N, 4]; all of them must be good."""
    events, _ = read(path)
    assert [found for found in events if isinstance(found, str)] == []
    return np.array([[p[6:10] for p in found.particles] for found in events])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Momenta of the file without anything special in it."""
    return momenta(write(tmp_path_factory.mktemp("plain") / "x.lhe", TEXT))


HARMLESS = {
    "remark in init": TEXT.replace("</init>", "# a remark\n</init>"),
    "text in init": TEXT.replace("</init>", "free text\n1 2\n</init>"),
    "init on few lines": TEXT.replace("<init>\n", "<init>").replace("\n</init>", "</init>"),
    "tags before init": TEXT.replace("<init>", "<slha>\nBLOCK MASS\n</slha>\n<MGVersion/>\n<init>"),
    "header that is no XML": TEXT.replace("<header>", "<header a='1'>\n<slha> a < b & c </slha\n# it's 1 <2 \"\n"),
    "tags in a comment of the header": TEXT.replace(
        "<header>", "<header>\n<!-- <init>\n1 </init> <event> </header> -->"
    ),
    "tags in CDATA of the header": TEXT.replace("<header>", "<header>\n<![CDATA[ </header> <init> <event> ]]>"),
    "comment before init": TEXT.replace("<init>", "<!-- <init> 1 2 </init> --><init><!-- 5 -->"),
    "attributes over lines": TEXT.replace("<event>", "<event\n npLO='1'\n n=\"a>b\" >"),
    "a quotation mark too many": TEXT.replace("<event>", "<event name='don't'>"),
    "blank lines": TEXT.replace(" 9.0\n", " 9.0\n \n"),
    "remarks": TEXT.replace("<event>\n", "<event>\n# first\n\n").replace(" 9.0\n", " 9.0\n  # pt <20> & 10 < 20\n"),
    "remark with <": TEXT.replace("</event>", "# pt < 10 & more\n</event>"),
    "free text": TEXT.replace("</event>", "done in 3 s: x < y\n1 2 3\n</event>"),
    "elements": TEXT.replace("</event>", "<rwgt>\n<wgt id='a>b'> 1.0 </wgt>\n</rwgt>\n<scales mur='1'/>\n</event>"),
    "elements first": TEXT.replace("<event>\n", "<event>\n<tag a='1'>5 5\n5</tag>\n"),
    "glued tags": TEXT.replace("<event>\n", "<event>").replace("9.0\n</event>\n", "9.0</event>"),
    "tags with blanks": TEXT.replace("<event>", "<event >").replace("</event>", "</event\n>"),
    "comment among numbers": TEXT.replace(" 9.0\n", " <!-- the\nspin --> 9.0\n"),
    "numbers in CDATA": TEXT.replace("<event>\n", "<event><![CDATA[\n").replace("</event>", "]]></event>"),
    "commented-out event": TEXT.replace("<event>", f"<!-- {EVENTS[0]} --><event>", 1),
    "event in CDATA": TEXT.replace("<event>", f"<![CDATA[ {EVENTS[0]} ]]><event>", 1),
    "declaration, mark of order and line ends": "\ufeff<?xml version='1.0'?>\n" + TEXT.replace("\n", "\r\n"),
    "remarks at the end": TEXT + "\n #Random number generator exit values: 1 2 3\n<!-- end -->\n",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_the_format_allows_is_harmless(tmp_path, plain, name):
    assert np.array_equal(momenta(write(tmp_path / "x.lhe", HARMLESS[name])), plain)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_pieces_of_any_size_give_the_same_marks(tmp_path, plain, monkeypatch, size):
    monkeypatch.setattr("onshell.events.lhe.markup.CHUNK", size)
    for name in ("attributes over lines", "comment among numbers", "numbers in CDATA"):
        assert np.array_equal(momenta(write(tmp_path / "x.lhe", HARMLESS[name])), plain)


def test_a_commented_out_event_is_not_imported(tmp_path):
    lines = TEXT.replace(EVENTS[1], f"<!--\n{EVENTS[1]}-->\n")
    about = import_file(write(tmp_path / "c.lhe", lines), tmp_path / "c.parquet")["lhe"]
    assert (about["events"], about["kept"]) == (3, 3)


def test_the_events_of_all_documents_are_read(tmp_path):
    path = write(tmp_path / "two.lhe.gz", "<?xml version='1.0'?>\n" + TEXT + TEXT)
    about = import_file(path, tmp_path / "two.parquet")["lhe"]
    assert about["kept"] == 8
    assert [each["events"] for each in about["documents"]] == [4, 4]
    # Two runs of 1.0 +- 0.1 pb with as many events each.
    assert about["cross_sections"][0]["value"] == 1.0
    assert about["cross_sections"][0]["error"] == pytest.approx(0.1 / 2**0.5)


def test_an_error_in_a_later_document_names_its_line(tmp_path):
    bad = TEXT + TEXT.replace("\n21 1 ", "\n21 x ", 1)
    with pytest.raises(OnshellError, match=r"event 4 \(line 48\): .*particle 5: the status 'x' is not a number"):
        import_file(write(tmp_path / "x.lhe", bad), tmp_path / "x.parquet")


REFUSED = [
    (TEXT + "hello\n", r"line 41: 'hello' after </LesHouchesEvents>"),
    (TEXT + EVENTS[0], r"line 41: <event> after </LesHouchesEvents>"),
    (TEXT.replace("<header>", "<header><!-- "), r"line 2: the comment that begins here does not end"),
    (TEXT.replace("</header>", ""), r"line 2: the <header> that begins here does not end"),
    (TEXT.replace("</init>", "</init>\n<init>\n</init>"), r"line 8: a second <init>"),
    (TEXT.replace("<header>", "<LesHouchesEvents><header>"), r"line 2: <LesHouchesEvents> stands before </init>"),
    ("<header></header>" + TEXT, r"line 1: <header> before <LesHouchesEvents>"),
    (TEXT.replace(" 3 1\n", " 3 2\n"), r"line 4: the <init> .* \(1 processes where it says 2\)"),
    (TEXT.replace("1.0 0.1 1.0 1", "nan 0.1 1.0 1"), r"line 4: the <init> .* gives nan as cross section"),
    (TEXT.replace("1.0 0.1 1.0 1", "*** 0.1 1.0 1"), r"the cross section is '\*\*\*', a number that did not fit"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_document_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(OnshellError, match=message) as caught:
        read(write(tmp_path / "x.lhe", text))
    assert "\n" not in str(caught.value)


FAULTS = [
    (TEXT.replace("<event>", "<evnt>", 1), 0, "has </event> but no <event> before it"),
    (TEXT.replace("<event>\n", "<event\n", 1), 0, "has a tag <event that does not end"),
    (TEXT.replace("<event>\n", "<event></event><event>\n", 1), 0, "no numbers in it"),
    (TEXT.replace("</event>\n</Les", "</Les"), 3, "has no </event> before </LesHouchesEvents>"),
    (TEXT.replace("</LesHouchesEvents>\n", "") + TEXT, 4, "another <LesHouchesEvents> begins before it"),
    (TEXT.replace("</event>\n", "</event>\n<!-- ", 1), 1, "the file ends in the comment that begins in line 16"),
    (TEXT.replace("\n21 1 ", "\n21 1.5 ", 1), 0, "the status '1.5' is not a whole number"),
    (TEXT.replace(" 100.0 ", " 1_00.0 ", 1), 0, "its first line: the scale '1_00.0' is not a number"),
    (TEXT.replace("\n21 1 1 2 0 0 ", "\n21 1 1 2 0 0 **** ", 1), 0, "p_x is '****', a number that did not fit"),
]


@pytest.mark.parametrize(("text", "place", "message"), FAULTS)
def test_what_is_no_event_is_told(tmp_path, text, place, message):
    events, _ = read(write(tmp_path / "x.lhe", text))
    assert message in events[place]
    assert sum(isinstance(found, str) for found in events) == 1


def test_a_particle_too_many_is_counted(tmp_path):
    text = TEXT.replace("</event>", "# a remark\n21 1 1 2 0 0 1. 0. 0. 1. 0. 0. 9.\n</event>", 1)
    with pytest.raises(OnshellError, match=r"event 0 \(line 8\): lists 6 particles but says 5"):
        import_file(write(tmp_path / "x.lhe", text), tmp_path / "x.parquet")


def test_numbers_are_read_as_fortran_means_them(tmp_path, plain):
    assert np.array_equal(momenta(write(tmp_path / "d.lhe", TEXT.replace("e+", "D+").replace("e-", "d-"))), plain)
    assert np.array_equal(momenta(write(tmp_path / "t.lhe", TEXT.replace(" 0.0 9.0", " 0.123456-101 9.0"))), plain)
    assert np.array_equal(momenta(write(tmp_path / "r.lhe", TEXT.replace(" 0.0 0.0 9.0", " 2*0.0 9.0"))), plain)
    assert real(b"0.12-101") == 0.12e-101
    assert real(b"-.5D+01") == -5.0
    assert real(b"1.Q2") == 100.0
    assert whole(b"1.0D+01") == 10
    for text in (b"1.0E+02-0.5E+01", b"1.0-10", b"1_0", b"0x1", b"", b"+"):
        with pytest.raises(ValueError, match="is not a number"):
            real(text)


def test_stars_stand_for_what_is_not_known(tmp_path, plain):
    text = TEXT.replace(" 0.0 0.0 9.0", " **** ***** ****").replace("100.0 0.0073 0.118", "***** ****** *****")
    path = write(tmp_path / "s.lhe", text.replace("1.0 0.1 1.0 1", "1.0 ********** ***** 1"))
    assert np.array_equal(momenta(path), plain)
    found = read(path)[0][0]
    assert found.info[3:] == [-1.0, -1.0, -1.0]
    # 9 is the format's word for a spin that is not known; the mass is that of energy and momentum, 0 but for rounding.
    assert {tuple(p[11:]) for p in found.particles} == {(0.0, 9.0)}
    assert max(p[10] for p in found.particles) < 1e-7
    about = import_file(path, tmp_path / "s.parquet")["lhe"]
    assert about["cross_sections"] == [{"id": 1, "value": 1.0, "error": 0.0, "unit_weight": 0.0}]
    json.dumps(about, allow_nan=False)


HOSTILE = {
    "headers in headers": TEXT.replace("</header>", "<header>" * 100_000),
    "beginnings of tags": TEXT.replace("<header>", "<header>" + "<a \"'" * 200_000),
    "beginnings of elements": TEXT.replace("<event>\n", "<event>\n" + "<a " * 200_000, 1),
    "beginnings of events": TEXT.replace("<event>", "<event>" * 30_000, 1),
    "beginnings of generators": TEXT.replace("</init>", "<generator " * 100_000 + "</init>"),
    "a long attribute": TEXT.replace("<event>", '<event a="' + "x" * 2_000_000, 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_takes_a_time_that_grows_with_the_file_alone(tmp_path, name):
    path, begun = write(tmp_path / "x.lhe", HOSTILE[name]), time.process_time()
    with contextlib.suppress(OnshellError):
        read(path)
    # A second at most, where quadratic reading takes minutes.
    assert time.process_time() - begun < 10.0


def test_a_header_without_end_is_not_read_to_its_end():
    from onshell.events.lhe import read as source

    served = 0

    def endless(n):
        nonlocal served
        served += n
        return b"aaaaaaaaaaaaaaa\n" * (n // 16)

    found = object.__new__(source.Source)
    found.where, found.documents, found.begun, found.ended = "x.lhe", 0, True, False
    found.scanner = Scanner(endless)
    with pytest.raises(OnshellError, match=r"x\.lhe: line \d+: more than 64 MiB before </init>"):
        found.head()
    assert served < 1.1 * source.HEAD
    assert len(found.scanner._buffer) < 1 << 20


def test_an_event_of_any_length_takes_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("onshell.events.lhe.read.LONGEST", 10_000)
    text = TEXT.replace("</event>", "x" * 20_000 + "</event>", 1)
    events, _ = read(write(tmp_path / "x.lhe", text))
    assert events[0].startswith("is longer than")
    assert not isinstance(events[1], str)
