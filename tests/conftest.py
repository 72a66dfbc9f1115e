"""What holds for every test run: nothing that it started outlives it."""

import gc

from helpers import leftovers


def pytest_configure(config):
    # The workers of pytest-xdist have the mark of the run that started them.
    if not hasattr(config, "workerinput"):
        config.leftovers = leftovers.watch()


def pytest_unconfigure(config):
    # Semaphores of process pools go before the process that keeps track of them.
    gc.collect()
    if watcher := getattr(config, "leftovers", None):
        watcher.stdin.close()
        watcher.wait()
