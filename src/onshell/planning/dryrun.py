"""Snakemake asked what it would do: two dry-runs at once, read through the logger plugin."""

import contextlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

import onshell
from onshell.config import PROJECT
from onshell.core.errors import OnshellError, nearest
from onshell.planning.jobs import Job, jobs
from onshell.planning.sandbox import sandbox

CORES = 1_000_000
"""So many that no job's threads are capped."""

Lines = dict[str, list[dict[str, Any]]]
"""What one dry-run wrote, by kind: job, rules, stats, error."""


def ask(folder: Path, targets: Sequence[str], changes: dict[str, Any], results: str, profile: Path | None) -> list[Job]:
    """Return all jobs behind `targets` of the workflow in `folder`; nothing is written there.

    `changes` holds what differs from the written configuration, a mapping like it; `results` is its results folder.

    Raises
    ------
    OnshellError
        When Snakemake is not installed, or refuses the call; in its own words.
    """
    if importlib.util.find_spec("snakemake") is None:
        raise OnshellError("snakemake: not installed here; make setup")
    # A folder without a workflow is planned for with that of the package, as `snakemake --snakefile` runs it.
    snakefile = next(path for path in (folder / "Snakefile", PROJECT / "Snakefile") if path.is_file()).resolve()
    with sandbox(folder, results) as view, contextlib.ExitStack() as calls:
        notes = view / ".snakemake" / "plan"
        notes.mkdir()
        program = [sys.executable, "-P", "-m", "snakemake", "--snakefile", str(snakefile), "--nocolor"]
        command = [*program, *targets, "--dry-run", "--cores", str(CORES), "--scheduler", "greedy", "--quiet", "rules"]
        if profile is not None:
            command += ["--workflow-profile", str(profile)]
        if changes:
            (notes / "changes.yaml").write_text(yaml.safe_dump(changes))
            command += ["--configfile", str(notes / "changes.yaml")]
        forced = calls.enter_context(_running([*command, "--forceall", "--debug-dag"], view, notes / "every.jsonl"))
        plain = calls.enter_context(_running(command, view, notes / "needed.jsonl"))
        needed = _lines(plain, notes / "needed.jsonl", program)
        every = _lines(forced, notes / "every.jsonl", program)
    if not every["rules"]:
        raise OnshellError("snakemake: does not say which rules are local; this version cannot be planned with")
    return jobs(every["job"], needed["job"], every["rules"][-1]["local"])


@contextlib.contextmanager
def _running(command: Sequence[str], folder: Path, notes: Path) -> Iterator[subprocess.Popen]:
    """Yield a started call of Snakemake in `folder`, which is ended with the block whatever happens."""
    # The logger plugin lies beside this package; where Python looks anyway, its folder need not be named.
    beside = Path(onshell.__file__).parents[1]
    named = "" if beside.name.endswith("-packages") else str(beside)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in (named, os.environ.get("PYTHONPATH")) if path),
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


def _lines(call: subprocess.Popen, notes: Path, program: Sequence[str]) -> Lines:
    """Return what a dry-run wrote once it is over, or raise what it complained of."""
    call.wait()
    found: Lines = {kind: [] for kind in ("job", "rules", "stats", "error")}
    for line in notes.read_text(encoding="utf-8").splitlines() if notes.exists() else ():
        content = json.loads(line)
        found[content.pop("event")].append(content)
    if call.returncode:
        raise OnshellError(_complaint(found["error"], notes.with_suffix(".log"), program, call))
    counted = found["stats"][-1]["jobs"].get("total", 0) if found["stats"] else 0
    if len(found["job"]) != counted:
        raise OnshellError(
            f"snakemake: counts {counted} jobs but names {len(found['job'])}; this version cannot be planned with"
        )
    return found


def _complaint(errors: Sequence[dict], log: Path, program: Sequence[str], call: subprocess.Popen) -> str:
    """Return in one line why Snakemake refused a call: in its own words, with the nearest target for an unknown one."""
    if errors:
        words = " ".join(errors[0]["message"].split())
        if (unknown := re.search(r"No rule to produce (\S+)", words)) is None:
            return f"snakemake: {words}"
        listing = [*program, "--list-target-rules"]
        done = subprocess.run(listing, cwd=log.parents[2], capture_output=True, text=True, check=False)
        targets = [line.split()[0] for line in done.stdout.splitlines() if line[:1].strip()]
        return f"{unknown[1]!r} is not a target; {nearest(unknown[1], targets)}"
    written = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    for line in written:
        if line.startswith("onshell: error: "):
            return line.removeprefix("onshell: error: ")
    return f"snakemake: {' '.join(written[-1].split()) if written else f'ended with exit code {call.returncode}'}"
