"""A check: what it returns, what it is given and may ask, and the list of them all."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from onshell.config import Config, resources_of
from onshell.config.profile import Profile
from onshell.doctor.rules import Rule, rules

OK, WARNING, FAULT = "ok", "warning", "fault"
PATIENCE = 20.0
"""Seconds in which a command must answer."""


@dataclass(frozen=True)
class Check:
    """How things stand: the level ok, warning or fault, what was found, what to do, and the name of the check."""

    level: str
    found: str
    remedy: str = ""
    check: str = ""

    def line(self) -> str:
        """Return the check as one line."""
        text = f"{self.level:<8} {self.check:<16} {self.found}"
        return f"{text}; {self.remedy}" if self.remedy else text


ok = functools.partial(Check, OK)
warning = functools.partial(Check, WARNING)
fault = functools.partial(Check, FAULT)


@dataclass(frozen=True)
class Answer:
    """What a command answers: `code` is None if it says nothing in time, 127 if there is no such command."""

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
    profile: Profile = field(default_factory=Profile)
    device: str = "auto"

    @property
    def on_slurm(self) -> bool:
        """Return whether jobs go to Slurm."""
        return self.profile.executor == "slurm"

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

    @cached_property
    def partitions(self) -> dict[str, bool]:
        """Return Slurm's partitions by name, and whether each is the default; none where Slurm does not answer."""
        if not self.on_slurm or shutil.which("sinfo") is None:
            return {}
        answer = self.call("sinfo", "-h", "-o", "%P")
        return {word.rstrip("*"): word.endswith("*") for word in answer.out.split()} if answer.code == 0 else {}

    def values(self, resource: str) -> list[str]:
        """Return the different values of a resource in the profile; several may stand with commas between them."""
        found = (str(value) for _, value in self.profile.resource(resource))
        return list(dict.fromkeys(word for value in found for word in value.split(",") if word))

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


Checker = Callable[[Context], Check | None]
CHECKS: list[Checker] = []


def checker(applies: Callable[[Context], object] = lambda context: True) -> Callable[[Checker], Checker]:
    """Return what adds a function to the list of all checks; where it does not apply, it finds nothing."""

    def add(function: Checker) -> Checker:
        @functools.wraps(function)
        def checked(context: Context) -> Check | None:
            return function(context) if applies(context) else None

        CHECKS.append(checked)
        return checked

    return add


def run_checks(context: Context) -> Iterator[Check]:
    """Yield the result of each check, named by it; one that breaks off is a fault of its own."""
    for one in CHECKS:
        try:
            found = one(context)
        except Exception as error:  # a check must never keep others from being made
            text = " ".join(str(error).split())
            found = fault(f"this check broke off ({type(error).__name__}: {text:.150})", "report it, and look by hand")
        if found is not None:
            yield replace(found, check=one.__name__.replace("_", " "))
