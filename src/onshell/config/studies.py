"""Studies: comparisons and ablations beside the paper, of models of their own, which `all` leaves out.

An entry of `studies` in the configuration holds runs, figures and tables as those outside of any study are written;
whoever knows a name finds its entry here. No name may stand twice, inside or outside.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Config = dict[str, Any]
Entries = Mapping[str, Any]
RUN_NAME = re.compile(
    r"^(?P<dataset>.+?)-(?P<space>[pq])-(?P<family>diffusion|flow)(?:-(?P<variant>[A-Za-z0-9_-]+))?\Z"
)
GROUPS = ("runs", "figures", "tables")


def dataset_of(run: str) -> str:
    """Return the dataset that the name of a run begins with; all of it if it is no run's name."""
    match = RUN_NAME.match(run)
    return match["dataset"] if match else run


def studies(config: Entries) -> Entries:
    """Return the studies of a configuration by name."""
    found: Entries = config.get("studies", {})
    return found


def study_of(config: Entries, group: str, name: str) -> str | None:
    """Return the study that a run, figure or table (`group`) belongs to; None for one that `all` builds."""
    return next((study for study, entry in studies(config).items() if name in entry.get(group, {})), None)


def named(config: Entries, group: str) -> dict[str, Any]:
    """Return every entry of a group by name: those outside of any study first."""
    every = dict(config[group])
    for entry in studies(config).values():
        every |= {name: entry_of(config, group, name) for name in entry.get(group, {})}
    return every


def entry_of(config: Entries, group: str, name: str) -> dict[str, Any]:
    """Return the entry of a run, figure or table, of a study or not.

    A figure or table of a study that names no runs is made of all of them, or of those of the datasets that it names
    under `events`, each in the role of its own name.
    """
    study = study_of(config, group, name)
    entry: dict[str, Any] = (config if study is None else studies(config)[study])[group][name]
    if study is None:
        return entry
    if group == "runs" or entry.get("runs"):
        return entry
    begin = tuple(f"{dataset}-{space}-" for dataset in entry.get("events", ()) for space in "pq") or ""
    return {**entry, "runs": {run: run for run in studies(config)[study]["runs"] if run.startswith(begin)}}


def trained(config: Entries, run: str) -> str:
    """Return the run whose model the events of `run` are drawn from: itself, unless it names another as its `model`."""
    study = study_of(config, "runs", run)
    return run if study is None else str(studies(config)[study]["runs"][run].get("model", run))


def trainings(config: Entries) -> Iterator[str]:
    """Yield the runs of studies that are trained, and not only sampled."""
    for entry in studies(config).values():
        yield from (run for run, one in entry["runs"].items() if "model" not in one)


def title_of(config: Entries, study: str) -> str:
    """Return the title of a study."""
    return str(studies(config)[study].get("title", study))


def anchor(config: Entries) -> str:
    """Return the first preset under which the runs outside of studies can be read.

    The models of studies name their own presets, so what they are must not depend on the one that is chosen.
    """
    wanted = {entry["recipe"] for entry in config["runs"].values() if "preset" not in entry}
    return str(
        next((name for name, recipes in config["presets"].items() if wanted <= recipes.keys()), config["preset"])
    )
