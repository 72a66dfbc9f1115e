"""Faults of studies: names that stand twice, and runs that sample the model of another."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from onshell.config import RUN_NAME, recipe_of
from onshell.config.recipes import recipe_faults, run_faults
from onshell.config.studies import GROUPS, studies, trainings
from onshell.core.errors import unknown

SAMPLED = ("model", "sampling", "samples")
"""What a run may say whose model is another's."""


def study_faults(config: Mapping[str, Any], sets: Mapping[str, str]) -> Iterator[str]:
    """Yield the faults of the runs of all studies."""
    trained, sound = set(trainings(config)), set()
    for study, entry in studies(config).items():
        for run in (run for run in entry["runs"] if run in trained):
            found = list(run_faults(run, entry["runs"][run], config, sets))
            yield from (f"studies.{study}.{fault}" for fault in found)
            sound |= set() if found else {run}
    for study, entry in studies(config).items():
        for run, one in entry["runs"].items():
            path = f"studies.{study}.runs.{run}"
            if "model" in one:
                yield from unknown(f"{path}.model", one["model"], "trained run of a study", sorted(trained))
                yield from _sampled(path, run, one, config) if one["model"] in sound else ()


def names_twice(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of names that would be one target, or one path, of two things."""
    for group in GROUPS:
        for study, entry in studies(config).items():
            for name in entry.get(group, {}):
                if name in config[group]:
                    yield f"studies.{study}.{group}.{name}: stands under {group} too; rename one"
    counts = Counter(name for entry in studies(config).values() for group in GROUPS for name in entry.get(group, {}))
    counts.update(list(studies(config)))
    products = {name for group in GROUPS[1:] for name in config[group]}
    for name, count in counts.items():
        if count > 1 or (name in products and name in studies(config)):
            yield f"studies: {name!r} names two things; each study, and every run, figure and table needs its own name"


def _sampled(path: str, run: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a run that draws from the model of another."""
    for key in entry:
        if key not in SAMPLED:
            yield f"{path}.{key}: the model is that of {entry['model']!r}, only its sampling is this run's; remove it"
            return
    ours, theirs = RUN_NAME.match(run), RUN_NAME.match(entry["model"])
    if ours is None:
        yield f"{path}: not a run's name; write <dataset>-<p|q>-<diffusion|flow>[-<variant>]"
    elif theirs and ours.group("dataset", "space", "family") != theirs.group("dataset", "space", "family"):
        kind = "-".join(theirs.group("dataset", "space", "family"))
        yield f"{path}: draws from {entry['model']!r}, so its name must begin with {kind}"
    elif theirs and config["scale"] in config["scales"]:
        yield from recipe_faults(path, recipe_of(config, run), config)
