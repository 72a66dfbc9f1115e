"""What a job says: lines in a log, a bar on a terminal."""

import io
import logging
import re
import sys

import pytest

from onshell.core.progress import LOGGER, Count, counter, log, on_terminal, show_progress, warn

EPOCH = Count(2, 3, "epoch", "muon", {"loss": -0.5, "events/s": 2000.0}, elapsed=2.0, left=130.0)
TRAINING = ("muon: 1,000 events x 3 epochs on cpu", EPOCH, "model.pt: epoch 2 kept")


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
    """A function that puts a terminal of 140 columns in the place of standard output, as the test itself must."""
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "RANK"):
        monkeypatch.delenv(name, raising=False)

    def put():
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        return screen

    return put


def test_in_a_log_every_record_is_a_line_and_a_warning_is_an_error(capsys):
    with show_progress("training"):
        for item in TRAINING:
            log(item)
        warn("singular")
    out, error = capsys.readouterr()
    count = "muon: epoch 2/3  loss -0.5000  2,000 events/s  elapsed 2 s  left 2.2 min"
    assert out.splitlines() == [TRAINING[0], count, TRAINING[2]]
    assert error == "onshell: warning: singular\n"


def test_on_a_terminal_counts_move_a_bar_and_messages_stay(terminal):
    screen = terminal()
    with show_progress("muon-q-diffusion") as progress:
        for item in TRAINING:
            progress(item)
    assert TRAINING[0] in screen.text
    assert TRAINING[2] in screen.text
    assert "epoch 2/3" in screen.text
    assert "loss -0.5000 2,000 events/s" in screen.text
    assert "left" not in screen.text


def test_a_bar_is_there_before_anything_is_said_and_gone_after_a_failure(terminal):
    screen = terminal()
    handlers = LOGGER.handlers[:]
    with pytest.raises(ValueError, match="broken"), show_progress("metrics of muon"):
        raise ValueError("broken")
    assert "metrics of muon" in screen.text
    assert screen.getvalue().rstrip().endswith("\x1b[?25h")
    assert LOGGER.handlers == handlers


def test_of_several_processes_only_the_first_draws(terminal, monkeypatch):
    terminal()
    assert on_terminal()
    monkeypatch.setenv("RANK", "1")
    assert not on_terminal()


def test_events_are_counted_in_a_log(capsys):
    count = counter("truth")
    count(500, 2000)
    count(2000, 2000)
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"truth: event 2,000/2,000  [\d,]+ events/s  left 0 s", line)


def test_events_are_counted_by_a_bar_on_a_terminal(terminal):
    screen = terminal()
    with show_progress("truth"):
        counter("truth")(2000, 2000)
    assert "event 2,000/2,000" in screen.text


def test_a_program_takes_the_numbers_from_the_records(monkeypatch):
    class Records(logging.Handler):
        def emit(self, record):
            found.append(record.count)

    found = []
    monkeypatch.setattr(LOGGER, "handlers", [Records()])
    log(EPOCH)
    log("a message")
    assert found == [EPOCH, None]
