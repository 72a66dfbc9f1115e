"""What `onshell plan` does: asks Snakemake for the jobs, and prices them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from onshell import config as configuration
from onshell.config import Config
from onshell.config.yamlfile import parse, text_of
from onshell.core.errors import OnshellError
from onshell.planning.costs import assumed
from onshell.planning.dryrun import ask
from onshell.planning.plan import Plan


def make_plan(
    path: Path,
    settings: Sequence[str],
    targets: Sequence[str] = (),
    *,
    profile: Path | None = None,
    measured: bool = False,
) -> Plan:
    """Return the plan of `targets` (none: of everything) under the configuration in `path` with `settings` applied.

    Nothing is written. `profile` is a folder with a profile of Snakemake's; with `measured`, jobs are priced by earlier
    runs where there are comparable ones.
    """
    written = configuration.read(path)
    config = configuration.load(path, settings)
    if refusal := configuration.unwritable(config["results"]):
        raise OnshellError(refusal)
    executor = "local" if profile is None else executor_of(profile)
    jobs = ask(Path.cwd(), targets, changes(written, config), config["results"], profile and profile.resolve())
    notes, price = [], assumed
    if measured:
        from onshell.planning.measured import Measurements

        earlier = Measurements(config)
        notes, price = earlier.notes, earlier.cost
    return Plan(
        jobs=jobs,
        costs={job.name: price(job) for job in jobs},
        targets=targets,
        scale=config["scale"],
        preset=config["preset"],
        results=config["results"],
        profile=None if profile is None else str(profile),
        executor=executor,
        measured=measured,
        notes=notes,
    )


def changes(written: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """Return what differs from the written configuration: a mapping like it, which merged into it gives `config`."""
    found = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and isinstance(written.get(key), Mapping):
            if below := changes(written[key], value):
                found[key] = below
        elif key not in written or value != written[key]:
            found[key] = value
    return found


def executor_of(profile: Path) -> str:
    """Return who runs the jobs under a profile: `local`, or a batch system such as slurm."""
    names = [name for name in ("config.v9+.yaml", "config.v8+.yaml", "config.yaml") if (profile / name).is_file()]
    if not names:
        raise OnshellError(f"{profile}: is no profile; name a folder with a config.yaml, such as profiles/slurm")
    try:
        content = parse(text_of(profile / names[0]))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise OnshellError(f"{profile / names[0]}: not valid YAML: {' '.join(str(error).split())}") from error
    return str(content.get("executor", "local")) if isinstance(content, dict) else "local"
