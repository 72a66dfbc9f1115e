"""The verb that looks for what would make a run fail."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import DEFAULT, ConfigFile, Preset, Scale, Settings, app, load
from onshell.core.console import say
from onshell.core.errors import OnshellError
from onshell.core.errors import unknown as faults


@app.command()
def doctor(
    profile: Annotated[
        Path | None, typer.Option(help="A profile of Snakemake, such as profiles/slurm; none: this machine alone.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, or cuda: a GPU must be here.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Check what a run needs before it is queued: software, GPUs, disks, Slurm; exit code 1 if there is a fault."""
    for line in faults("--device", device, "kind of device", ("auto", "cpu", "cuda")):
        raise OnshellError(line)
    loaded = load(config, settings, scale=scale, preset=preset)

    from onshell.config.profile import Profile, read_profile
    from onshell.doctor.check import FAULT, WARNING, Context, run_checks

    here = config[0].absolute().parent
    chosen = Profile() if profile is None else read_profile(profile, here)
    found = []
    for one in run_checks(Context(loaded, here, chosen, device)):
        found.append(one)
        if not as_json:
            say(one.line())
    number = {level: sum(one.level == level for one in found) for level in (WARNING, FAULT)}
    if as_json:
        say(json.dumps({"checks": [asdict(one) for one in found], **number}, indent=2))
    else:
        say(f"{len(found)} checks, {number[WARNING]} warnings, {number[FAULT]} faults")
    if number[FAULT]:
        sys.exit(1)
