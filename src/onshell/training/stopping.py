"""When a training is to stop before it is done: at a batch system's signal, at Ctrl-C, or when its time is over."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""What batch systems and people send; a training answers all alike."""
MARGIN = 300.0
"""Seconds before the end of a job's time at which a training stops and saves; a quarter of the time at most."""


class Stop:
    """What asked a training to stop: `why` is empty until something does."""

    def __init__(self, minutes: float | None):
        self.why = ""
        self._end = None
        if minutes:
            self._minutes = minutes
            self._end = time.monotonic() + 60 * minutes - min(MARGIN, 15 * minutes)

    def asked(self) -> bool:
        """Return whether the training is to stop."""
        if not self.why and self._end is not None and time.monotonic() > self._end:
            self.why = f"stopped in time before its {self._minutes:g} minutes are over"
        return bool(self.why)

    def on_signal(self, number: int, _: Any) -> None:
        """Note a signal; a second Ctrl-C does not wait."""
        if self.why and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.why = self.why or f"stopped by {signal.Signals(number).name}"


@contextlib.contextmanager
def stopping(minutes: float | None = None) -> Iterator[Stop]:
    """Yield what says when to stop: at a signal, or in time before `minutes` from now are over.

    Signals are caught in a main thread only, as Python has it, and have their former meaning again afterwards.
    """
    stop = Stop(minutes)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.on_signal) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
