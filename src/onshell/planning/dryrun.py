"""Snakemake asked what it would do: two dry-runs at once, read through the logger plugin."""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import onshell
from onshell.core.errors import OnshellError, nearest
from onshell.planning.jobs import Job, jobs
from onshell.planning.sandbox import shadow

CORES = 1_000_000
"""So many that no job's threads are capped."""


@dataclass
class Answer:
    """What one dry-run said: its lines by kind, in the order they came."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    rules: dict[str, bool] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    errors: list[dict[str, str]] = field(default_factory=list)


def ask(folder: Path, targets: Sequence[str], changes: dict[str, Any], results: str, profile: Path | None) -> list[Job]:
    """Return all jobs behind `targets` of the workflow in `folder`; nothing is written there.

    `changes` holds what differs from the written configuration, a mapping like it; `results` is its results folder.

    Raises
    ------
    OnshellError
        When Snakemake is not installed, there is no Snakefile, or Snakemake refuses the call; in its own words.
    """
    if importlib.util.find_spec("snakemake") is None:
        raise OnshellError("snakemake: not installed here; make setup")
    snakefile = (folder / "Snakefile").resolve()
    if not snakefile.is_file():
        raise OnshellError(f"{snakefile}: missing; run in the repository")
    with shadow(folder, results) as view, contextlib.ExitStack() as calls:
        notes = view / ".snakemake" / "plan"
        notes.mkdir()
        command = [sys.executable, "-P", "-m", "snakemake", *targets, "--dry-run", "--snakefile", str(snakefile)]
        command += ["--cores", str(CORES), "--scheduler", "greedy", "--quiet", "rules", "--nocolor"]
        if profile is not None:
            command += ["--workflow-profile", str(profile)]
        if changes:
            (notes / "changes.yaml").write_text(yaml.safe_dump(changes))
            command += ["--configfile", str(notes / "changes.yaml")]
        forced = calls.enter_context(_running([*command, "--forceall", "--debug-dag"], view, notes / "every.jsonl"))
        plain = calls.enter_context(_running(command, view, notes / "needed.jsonl"))
        needed, every = _answer(plain, notes / "needed.jsonl", command), _answer(forced, notes / "every.jsonl", command)
    if not every.rules:
        raise OnshellError("snakemake: does not tell which rules are local; this version cannot be planned with")
    return jobs(every.jobs, needed.jobs, every.rules)


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, notes: Path) -> Iterator[subprocess.Popen]:
    """Yield a started call of Snakemake in `folder`, which is ended with the block whatever happens."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in (_beside(), os.environ.get("PYTHONPATH")) if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_CACHE_HOME": str(folder / ".snakemake" / "cache"),
    }
    with (
        notes.with_suffix(".log").open("wb") as log,
        subprocess.Popen(
            [*command, "--logger", "onshell", "--logger-onshell-path", str(notes)],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
        ) as call,
    ):  # fmt: skip
        try:
            yield call
        finally:
            call.kill()


def _beside() -> str:
    """Return the folder that this package and the logger plugin lie in, unless Python looks there anyway."""
    folder = Path(onshell.__file__).parents[1]
    return "" if folder.name.endswith("-packages") else str(folder)


def _answer(call: subprocess.Popen, notes: Path, command: Sequence[str]) -> Answer:
    """Return what a dry-run said once it is over, or raise what it complained of."""
    call.wait()
    answer = Answer()
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.exists() else ():
        content = json.loads(line)
        event = content.pop("event")
        if event == "job":
            answer.jobs.append(content)
        elif event == "rules":
            answer.rules = content["local"]
        elif event == "stats":
            answer.counts = content["jobs"]
        elif event == "error":
            answer.errors.append(content)
    if call.returncode:
        raise OnshellError(_complaint(answer, notes.with_suffix(".log"), command, call))
    if len(answer.jobs) != answer.counts.get("total", 0):
        raise OnshellError(
            f"snakemake: counts {answer.counts.get('total', 0)} jobs but tells of {len(answer.jobs)};"
            " this version cannot be planned with"
        )
    return answer


def _complaint(answer: Answer, log: Path, command: Sequence[str], call: subprocess.Popen) -> str:
    """Return in one line why Snakemake refused a call: in its own words, with the nearest target for an unknown one."""
    if answer.errors:
        words = _line(answer.errors[0]["message"])
        if (unknown := re.search(r"No rule to produce (\S+)", words)) is not None:
            target = unknown[1]
            return f"{target!r} is not a target; {nearest(target, _targets(command, log.parents[2]))}"
        return f"snakemake: {words}"
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    for line in said:
        if line.startswith("onshell: error: "):
            return line.removeprefix("onshell: error: ")
    return f"snakemake: {_line(said[-1]) if said else f'ended with exit code {call.returncode}'}"


def _targets(command: Sequence[str], folder: Path) -> list[str]:
    """Return the names of all rules that can be asked for."""
    listing = [*command[: command.index("snakemake") + 1], "--list-target-rules", "--nocolor"]
    listing += command[command.index("--snakefile") : command.index("--snakefile") + 2]
    done = subprocess.run(listing, cwd=folder, capture_output=True, text=True, check=False)
    return [line.split()[0] for line in done.stdout.splitlines() if line[:1].strip()]


def _line(text: str) -> str:
    return " ".join(text.split())
