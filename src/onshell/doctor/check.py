"""What a check finds, and what it is told and may ask."""

import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from onshell.config import Config, resources_of
from onshell.config.profile import Profile
from onshell.doctor.rules import Rule, rules

OK, WARNING, FAULT = "ok", "warning", "fault"
PATIENCE = 20.0
"""Seconds in which a command must answer."""


@dataclass(frozen=True)
class Finding:
    """How things stand: the level ok, warning or fault, what was found, and what to do."""

    level: str
    found: str
    remedy: str = ""
    check: str = ""

    def line(self) -> str:
        """Return the finding as one line."""
        text = f"{self.level:<8} {self.check:<16} {self.found}"
        return f"{text}; {self.remedy}" if self.remedy else text

    def document(self) -> dict[str, str]:
        """Return the finding as plain data."""
        return asdict(self)


def ok(found: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(OK, found)


def warning(found: str, remedy: str) -> Finding:
    """Return the finding that something may go wrong, or be slow."""
    return Finding(WARNING, found, remedy)


def fault(found: str, remedy: str) -> Finding:
    """Return the finding that a run would fail."""
    return Finding(FAULT, found, remedy)


@dataclass(frozen=True)
class Answer:
    """What a command said: `code` is None if it said nothing in time, 127 if there is no such command."""

    code: int | None
    out: str = ""
    error: str = ""

    @property
    def why(self) -> str:
        """Return in one line why there is no answer."""
        if self.code is None:
            return "no answer in time"
        lines = (self.error.strip() or self.out.strip() or f"exit code {self.code}").splitlines()
        return lines[-1].strip()[:200]


@dataclass(frozen=True)
class Context:
    """What a run is to be: its configuration, the repository's folder, the profile, and the device asked for."""

    config: Config
    folder: Path = Path()
    profile: Profile | None = None
    device: str = "auto"

    @property
    def on_slurm(self) -> bool:
        """Return whether jobs go to Slurm."""
        return self.profile is not None and self.profile.executor == "slurm"

    @property
    def wants_gpu(self) -> bool:
        """Return whether jobs ask for GPUs somewhere, here or on a cluster."""
        return self.device == "cuda" or self.on_slurm

    @cached_property
    def resources(self) -> dict[str, dict[str, int]]:
        """Return what the jobs of each run get."""
        return {run: resources_of(self.config, run) for run in self.config["runs"]}

    @cached_property
    def rules(self) -> dict[str, Rule]:
        """Return the rules of the workflow by name, none where there is no workflow."""
        return rules(self.folder, [*self.config["figures"], *self.config["tables"]])

    def call(self, *command: str, patience: float | None = None) -> Answer:
        """Return what a command answers within `patience` seconds, or the usual ones."""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=patience or PATIENCE, check=False,
                stdin=subprocess.DEVNULL, cwd=self.folder,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Answer(None)
        except OSError as error:
            return Answer(127, error=f"{command[0]}: {error.strerror}")
        return Answer(done.returncode, done.stdout, done.stderr)


def some(names: Iterable[Any], most: int = 4) -> str:
    """Return names with commas between them, the first few of many."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
