"""`onshell import` and `onshell export`: what the options refuse, and what is said of what is lent."""

import sys

import pytest
import torch

from helpers.lhe import event, file_text, uniform, write
from onshell import cli
from onshell.cli.lhe import summary
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.table import write_events


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
    write_events(tmp_path / "model.parquet", [torch.from_numpy(uniform(3))], {})
    code, error = onshell("export", "model.parquet", "-o", "x.lhe", *options)
    assert code == 1
    assert error.startswith(f"onshell: error: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["model.parquet"]


def test_the_cross_section_of_what_was_kept_is_said(tmp_path):
    events = [event(p, ids, 4.0) for p, ids in zip(uniform(4), [(1, -1, 21), *[(1, -1, 22)] * 3], strict=True)]
    text = file_text(events, weighting=-4).replace("1.0 0.1 1.0 1\n", "4.0 0.1 4.0 1\n")
    about = import_file(
        write(tmp_path / "x.lhe", text), tmp_path / "x.parquet", Settings("q,qbar,g", skip_bad=True, held_out=0.0)
    )
    assert "cross section of the good events: 1 of 4 pb" in summary(about)


def test_what_is_lent_to_any_momenta_is_said(onshell, tmp_path):
    partons = [((21, e / 2), (21, -e / 2)) for e in (91.0, 200.0, 300.0)]
    events = [event(2 * i[0][1] * p, (1, -1, 21), incoming=i) for p, i in zip(uniform(3), partons, strict=True)]
    head = {"beams": (2212, 2212), "energies": (6500.0, 6500.0), "pdf": 10042}
    import_file(write(tmp_path / "pp.lhe", file_text(events, **head)), tmp_path / "pp.parquet")
    write_events(tmp_path / "model.parquet", [torch.from_numpy(uniform(3))], {})
    arguments = ("export", "model.parquet", "--like", "pp.parquet", "-o", "x.lhe")
    code, error = onshell(*arguments)
    assert code == 1
    assert "E_cm (91 to 300 GeV)" in error
    code, error = onshell(*arguments, "--independent-energy")
    assert code == 0
    assert error == (
        "onshell: warning: x.lhe: drawn from pp.parquet as if independent of the momenta: E_cm (91 to 300 GeV)\n"
    )
