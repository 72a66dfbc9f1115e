"""Bad Les Houches files: one line that names file, event and line; nothing half-written; or skipped and counted."""

import gzip

import pytest

from helpers.lhe import REAL, event, file_text, real_text, uniform, write
from onshell.core.errors import OnshellError
from onshell.events.lhe import importing
from onshell.events.lhe.checks import Limits
from onshell.events.lhe.importing import Settings, import_file

LINES = real_text().splitlines(keepends=True)
TEXT = "".join(LINES)


def changed(line, old, new):
    """Return the real text with `old` replaced in one line, counted from 1."""
    lines = list(LINES)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    return "".join(lines)


def without(line):
    """Return the real text without one line, counted from 1."""
    return "".join(LINES[: line - 1] + LINES[line:])


def refuses(path, message, settings=None):
    """Check that an import raises the one-line error `message` (a pattern) and leaves nothing behind."""
    before = set(path.parent.iterdir()) if path.parent.is_dir() else set()
    with pytest.raises(OnshellError, match=message) as caught:
        import_file(path, path.parent / "out.parquet", settings)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "; " in str(caught.value)
    assert set(path.parent.iterdir()) == before


NOT_FILES = [
    ("x.lhe", b"", r"empty \(0 bytes\)"),
    ("x.lhe.gz", b"", r"empty \(0 bytes\)"),
    ("x.lhe", b"hello\n", r"not a Les Houches file \(no <LesHouchesEvents> in it; it starts with 'hello"),
    ("x.lhe", bytes(range(256)) * 8192, "not a Les Houches file"),
    ("x.lhe.gz", gzip.compress(b"", mtime=0), "not a Les Houches file"),
    ("x.lhe", "".join(LINES[:7]).encode(), r"line 7: the file ends before </init>"),
    ("x.lhe", "".join(LINES[:4] + LINES[9:]).encode(), r"line 5: events begin before </init>"),
    ("x.lhe", "".join([*LINES[:9], "</LesHouchesEvents>\n"]).encode(), "no good event in it; give a file with events"),
    ("x.lhe", changed(6, "11", "x").encode(), r"line 5: the <init> that begins here cannot be read \(.* 'x'"),
]


@pytest.mark.parametrize(("name", "content", "message"), NOT_FILES)
def test_files_that_hold_no_events(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    refuses(tmp_path / name, message)
    refuses(tmp_path / name, message, Settings(skip_bad=True))


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(OnshellError, match="no such file"):
        import_file(tmp_path / "x.lhe", tmp_path / "out.parquet")
    with pytest.raises(OnshellError, match="a folder; name the Les Houches file itself"):
        import_file(tmp_path, tmp_path / "out.parquet")


BAD = [
    (changed(22, "+1.8222481638e+02", "nan"), "not finite", "NaN or infinite"),
    (changed(22, "+1.8222481638e+02", "inf"), "not finite", "NaN or infinite"),
    (changed(19, "+7.2500000e-01", "nan"), "not finite", "the weight is NaN"),
    (
        changed(22, "4.2560028911e+02", "4.3060028911e+02"),
        "mass contradicted",
        r"particle 1 \(PDG 1\) has 0 GeV in its mass column, but 65\.43 GeV by energy and momentum",
    ),
    (
        changed(22, "4.2560028911e+02", "4.2060028911e+02"),
        "mass contradicted",
        r"particle 1 \(PDG 1\) has 0 GeV in its mass column, but a space-like 65\.05 GeV by energy and momentum",
    ),
    (changed(22, "4.2560028911e+02", "-4.2560028911e+02"), "negative energy", "has the negative energy -425.6"),
    (
        changed(22, "4.2560028911e+02", "4.25.60028911e+02"),
        "unreadable",
        "the energy '4.25.600",
    ),
    (changed(22, "4.2560028911e+02 0.0000000000e+00 0.0000e+00 -1.0000e+00", ""), "unreadable", "too few numbers"),
    (changed(22, "        1  1 ", "        1  inf "), "unreadable", "cannot be read"),
    (changed(23, "-1  1", "-1 <1"), "unreadable", r"particle 4: the status '<1' is not a number"),
    (without(24), "missing particles", "lists 4 particles but says 5"),
    (without(25), "truncated", "no </event> before the next event begins"),
    (without(24).replace(" 5  ", " 4  ", 2).replace(" 4  ", " 5  ", 1), "another number", "2 particles where 3"),
    (changed(22, "1  1    1", "1  2    1"), "another number", "2 particles where 3"),
    (changed(20, "5.0000000000e+02 5.", "6.0000000000e+02 6."), "momentum not conserved", "are particles missing"),
    (changed(20, " -1 ", "  3 "), "another number of incoming", "1 incoming particles where 2"),
]


@pytest.mark.parametrize(("text", "kind", "message"), BAD)
def test_one_bad_event_is_named_or_skipped_and_counted(tmp_path, text, kind, message):
    path = write(tmp_path / "bad.lhe", text)
    # Events that a model of massless particles cannot take are no fault of the file.
    advice = next((words for each, words in importing.ADVICE.items() if each.startswith(kind)), "fix the file")
    refuses(path, rf"event 1 \(line 18\): .*{message}.*; {advice}, or leave such events out with --skip-bad")
    metadata = import_file(path, tmp_path / "good.parquet", Settings(skip_bad=True))
    about = metadata["lhe"]
    assert (about["events"], about["kept"]) == (200, 199)
    assert [n for found, n in about["dropped"].items() if found.startswith(kind)] == [1]
    assert metadata["split"]["test"][1] == 199


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_file(tmp_path, share):
    plain = write(tmp_path / "t.lhe", TEXT[: int(share * len(TEXT))])
    refuses(plain, r"event \d+ \(line \d+\): the file ends in the middle of it")
    assert import_file(plain, tmp_path / "t.parquet", Settings(skip_bad=True))["lhe"]["dropped"] == {"truncated": 1}
    packed = tmp_path / "u.lhe.gz"
    packed.write_bytes(REAL.read_bytes()[: int(share * REAL.stat().st_size)])
    refuses(packed, r"event \d+ \(line \d+\): the compressed file breaks off in the middle of it")
    about = import_file(packed, tmp_path / "u.parquet", Settings(skip_bad=True))["lhe"]
    assert 0.2 * 200 < about["kept"] < 0.8 * 200


def test_a_file_that_ends_between_two_events(tmp_path):
    path = write(tmp_path / "t.lhe", "".join(LINES[: 9 + 8 * 50]))
    refuses(path, r"event 50 \(line 409\): the file ends before it, without </LesHouchesEvents>")
    assert import_file(path, tmp_path / "out.parquet", Settings(skip_bad=True))["lhe"]["kept"] == 50


def test_a_damaged_gzip(tmp_path):
    content = bytearray(REAL.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path = tmp_path / "d.lhe.gz"
    path.write_bytes(content)
    # Which numbers are wrong nobody knows.
    for settings in (Settings(), Settings(skip_bad=True)):
        refuses(path, r"line \d+: the compressed file is damaged \(CRC.*; make or copy", settings)


@pytest.mark.parametrize("factor", [1e3, 1e-3])
def test_wrong_units(tmp_path, factor):
    text = changed(6, "5.000000e+02 5.000000e+02", f"{500 * factor:e} {500 * factor:e}")
    path = write(tmp_path / "units.lhe", text)
    refuses(path, r"event 0 \(line 10\): E_cm is 1000, but the beams of the header give .* GeV: wrong units\?")
    settings = Settings(limits=Limits(energy=False))
    assert import_file(path, tmp_path / "out.parquet", settings)["lhe"]["kept"] == 200


def test_protons_may_give_any_lower_energy_but_no_higher(tmp_path):
    events = [event(p * 300, (1, -1, 21), incoming=((21, 150.0), (21, -150.0))) for p in uniform(3)]
    options = {"beams": (2212, 2212), "pdf": 10042}
    good = write(tmp_path / "good.lhe", file_text(events, energies=(6500.0, 6500.0), **options))
    assert import_file(good, tmp_path / "out.parquet")["lhe"]["kept"] == 3
    refuses(write(tmp_path / "bad.lhe", file_text(events, energies=(6.5, 6.5), **options)), "the beams .* give 13 GeV")


def test_mixed_multiplicities(tmp_path):
    events = [event(p, (21,) * 3) for p in uniform(3)] + [event(p, (21,) * 4) for p in uniform(2, 4)]
    path = write(tmp_path / "mixed.lhe", file_text(events))
    refuses(path, r"event 3 \(line 32\): 4 particles where 3 are expected")
    assert import_file(path, tmp_path / "a.parquet", Settings(skip_bad=True))["lhe"]["kept"] == 3
    four = import_file(path, tmp_path / "b.parquet", Settings(skip_bad=True, n_particles=4))
    assert (four["n_particles"], four["lhe"]["kept"]) == (4, 2)


def test_particles_that_are_not_there(tmp_path):
    with pytest.raises(OnshellError, match=r"event 0 \(line 10\): no particle for 'a' among 4, -4, 21"):
        import_file(REAL, tmp_path / "out.parquet", Settings(particles="q,qbar,a"))
    with pytest.raises(OnshellError, match="'gg' is no PDG number; did you mean 'g'"):
        import_file(REAL, tmp_path / "out.parquet", Settings(particles="q,qbar,gg"))
    with pytest.raises(OnshellError, match="names 2 where 3 are expected"):
        import_file(REAL, tmp_path / "out.parquet", Settings(particles="q,qbar", n_particles=3))
    assert list(tmp_path.iterdir()) == []
