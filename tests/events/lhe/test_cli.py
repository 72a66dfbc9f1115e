"""`onshell import` and `onshell export`: what the options refuse, and which lines they print."""

import sys

import pytest

from helpers.lhe import DOWN, PHOTON, PROTONS, event, generated, imported, uniform
from onshell import cli
from onshell.cli.lhe import summary
from onshell.events.lhe.importing import Settings
from onshell.events.table import read_metadata


@pytest.fixture
def onshell(tmp_path, monkeypatch, capsys):
    """A function that runs a command line in an empty folder: (exit code, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["onshell", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        error = capsys.readouterr().err
        return (1, code) if isinstance(code, str) else (code or 0, error)

    return run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--e-cm", "1e300"), "--e-cm 1e+300: no energy"),
        (("--e-cm", "1e-300"), "--e-cm 1e-300: no energy"),
        (("--frame", "0,0,nan"), "--frame 0,0,nan: give lab, cm, or a velocity"),
        (("--ids", ""), "--ids : '' is no PDG number"),
        (("--incoming", ""), "--incoming : '' is no PDG number"),
        (("--incoming", "1,-1,21"), "--incoming: 3 particles; give one"),
        (("--colours", "99999999999999999999:0,0:0,0:0"), "--ids, --incoming, --colours: 99999999999999999999 is too"),
        (("--independent-energy",), "--independent-energy: is about --like"),
    ],
)
def test_options_of_the_export(onshell, tmp_path, options, message):
    generated(tmp_path, 3)
    code, error = onshell("export", "model.parquet", "-o", "x.lhe", *options)
    assert code == 1
    assert error.startswith(f"onshell: error: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["model.parquet"]


def test_the_cross_section_of_what_was_kept(tmp_path):
    events = [event(p, ids, 4.0) for p, ids in zip(uniform(4), [DOWN, PHOTON, PHOTON, PHOTON], strict=True)]
    settings = Settings("q,qbar,g", skip_bad=True)
    path = imported(tmp_path, events, settings=settings, weighting=-4, processes="4.0 0.1 4.0 1")
    assert "cross section of the good events: 1 of 4 pb" in summary(read_metadata(path))


def test_what_is_assigned_to_any_momenta_is_named(onshell, tmp_path):
    partons = [((21, e / 2), (21, -e / 2)) for e in (91.0, 200.0, 300.0)]
    events = [event(2 * i[0][1] * p, DOWN, incoming=i) for p, i in zip(uniform(3), partons, strict=True)]
    imported(tmp_path, events, "pp", **PROTONS)
    generated(tmp_path, 3)
    arguments = ("export", "model.parquet", "--like", "pp.parquet", "-o", "x.lhe")
    code, error = onshell(*arguments)
    assert code == 1
    assert "E_cm (91 to 300 GeV)" in error
    code, error = onshell(*arguments, "--independent-energy")
    assert code == 0
    assert error == (
        "onshell: warning: x.lhe: drawn from pp.parquet as if independent of the momenta: E_cm (91 to 300 GeV)\n"
    )
