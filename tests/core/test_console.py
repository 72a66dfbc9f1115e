"""What a job says: lines in a log, a bar on a terminal."""

import io
import re
import sys

import pytest

from onshell.core.console import counter, on_terminal, teller

TRAINING = (
    "muon: 1,000 events x 3 epochs on cpu, fp32, 5,000 weights",
    "muon: epoch 1/3  loss +0.5000  2,000 events/s  elapsed 0:01  left 0:02",
    "muon: epoch 2/3  loss +0.4000  2,000 events/s  elapsed 0:02  left 0:01",
    "model.pt: epoch 2 kept, loss +0.4000",
)


class Terminal(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self):
        return True

    @property
    def text(self):
        """Return what stands there, without control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.getvalue())


@pytest.fixture
def terminal(monkeypatch):
    """A function that puts a terminal of 140 columns in the place of standard output."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "RANK"):
        monkeypatch.delenv(name, raising=False)

    def put():
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        return screen

    return put


def test_a_log_has_every_line_as_it_was_said(capsys):
    with teller("training") as tell:
        for line in TRAINING:
            tell(line)
    assert capsys.readouterr().out.splitlines() == list(TRAINING)


def test_on_a_terminal_lines_that_count_move_a_bar_and_others_stay(terminal):
    screen = terminal()
    with teller("muon-q-diffusion") as tell:
        for line in TRAINING:
            tell(line)
    shown = screen.text
    assert TRAINING[0] in shown
    assert TRAINING[3] in shown
    assert "epoch 2/3" in shown
    assert "loss +0.4000 2,000 events/s" in shown
    assert "elapsed" not in shown
    assert "left 0:01" not in shown


@pytest.mark.parametrize(
    ("line", "count", "news"),
    [
        ("block 2/10  1,234 events/s  5 s left", "block 2/10", "1,234 events/s"),
        ("floor of muon: replicate 3/20", "replicate 3/20", ""),
        ("autoencoder 1/2 of muon: reconstruction error 1e-3", "autoencoder 1/2", "of muon: reconstruction error 1e-3"),
    ],
)
def test_every_kind_of_count_is_understood(terminal, line, count, news):
    screen = terminal()
    with teller("work") as tell:
        tell(line)
    assert count in screen.text
    assert news in screen.text
    assert line not in screen.text


def test_a_bar_is_there_before_anything_is_said(terminal):
    screen = terminal()
    with teller("metrics of muon"):
        pass
    assert "metrics of muon" in screen.text


def test_a_job_that_fails_gives_the_terminal_back(terminal):
    screen = terminal()
    with pytest.raises(ValueError, match="broken"), teller("work"):
        raise ValueError("broken")
    assert screen.getvalue().rstrip().endswith("\x1b[?25h")


def test_of_several_processes_only_the_first_draws(terminal, monkeypatch):
    terminal()
    assert on_terminal()
    monkeypatch.setenv("RANK", "1")
    assert not on_terminal()
    monkeypatch.setenv("RANK", "0")
    assert on_terminal()


def test_events_are_counted_in_a_log_and_on_a_terminal(capsys):
    told = counter("truth")
    told(500, 2000)
    told(2000, 2000)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("truth: 2,000 of 2,000 events, ")


def test_events_are_counted_by_a_bar_on_a_terminal(terminal):
    screen = terminal()
    told = counter("truth")
    told(500, 2000)
    told(2000, 2000)
    assert "2,000/2,000 events" in screen.text
