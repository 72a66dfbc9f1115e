"""Datasets: what the processes of a configuration make, by name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from onshell.config.studies import Config, dataset_of

IMPORT = {
    "particles": None,
    "shuffle": False,
    "massless": 1e-3,
    "any_energy": False,
    "unweighted": False,
    "skip_bad": False,
    "held_out": 0.2,
}
"""The options of an import, and what holds where a process says nothing of them."""


@dataclass(frozen=True)
class Dataset:
    """A sample of exact truth: one process at one cutoff."""

    name: str
    process: str
    generator: str
    n_particles: int
    cutoff: float | None
    parameters: dict[str, Any]
    n_train: int
    n_test: int

    source: ClassVar[str | None] = None
    """The Les Houches file that the events come from; none for a sample of a generator."""


@dataclass(frozen=True)
class Imported(Dataset):
    """A dataset of imported events; the numbers of events are the largest that are taken."""

    source: str | None = None  # type: ignore[misc]
    options: dict[str, Any] = field(default_factory=dict)
    """Those of `onshell import`, the keys of `IMPORT`, and `final` where events are kept for published tables."""


def dataset_names(name: str, process: Mapping[str, Any]) -> dict[str, tuple[int, float | None]]:
    """Return the datasets of a process: name -> (number of particles, cutoff)."""
    numbers = process["n_particles"]
    if "cutoffs" in process:
        return {f"{name}_{cutoff}": (numbers, float(cutoff)) for cutoff in process["cutoffs"]}
    if isinstance(numbers, list):
        return {f"{name}_{number}": (number, None) for number in numbers}
    return {name: (numbers, None)}


def datasets(config: Config) -> dict[str, Dataset]:
    """Return every dataset of the configuration by name, with the sizes of the chosen scale."""
    sizes = config["scales"][config["scale"]]["events"]
    found: dict[str, Dataset] = {}
    for process, entry in config["processes"].items():
        for name, (n_particles, cutoff) in dataset_names(process, entry).items():
            size = sizes.get(process, sizes["default"])
            parameters = {"n_particles": n_particles, **entry.get("parameters", {})}
            if cutoff is not None:
                parameters["cutoff"] = cutoff
            known = {"name": name, "process": process, "n_particles": n_particles, "cutoff": cutoff}
            known |= {"parameters": parameters, "n_train": size["train"], "n_test": size["test"]}
            if "source" in entry:
                options = {key: entry.get(key, default) for key, default in IMPORT.items()}
                # A share of 0 is no option: it would change what the import of every other file is.
                options |= {"final": entry["final"]} if entry.get("final") else {}
                found[name] = Imported(**known, generator="", source=entry["source"], options=options)
            else:
                found[name] = Dataset(**known, generator=entry["generator"])
    return found


def import_options(entry: Imported) -> dict[str, Any]:
    """Return how the file of a dataset is imported: its `options`, and the numbers of particles and events."""
    particles = entry.options["particles"]
    chosen = {"particles": particles and ",".join(map(str, particles)), "n_particles": entry.n_particles}
    return {**entry.options, **chosen, "train": entry.n_train, "test": entry.n_test}


def missing_source(config: Config) -> str | None:
    """Return in one line which source of a process is not there, or None."""
    for name, entry in config["processes"].items():
        if "source" in entry and not os.path.isfile(entry["source"]):  # noqa: PTH113, as it answers for any text
            return (
                f"processes.{name}.source: {entry['source']!r}: no such file; give its path, from the folder of "
                "config.yaml on"
            )
    return None


def imported_figures(config: Config) -> dict[str, dict[str, Any]]:
    """Return the figure of each process with a source, by its name: truth against all models of it."""
    found = {}
    for name, entry in config["processes"].items():
        if runs := [run for run in config["runs"] if "source" in entry and dataset_of(run) == name]:
            title = f"all of {entry.get('title', name)}"
            found[f"fig_{name}"] = {
                "title": title, "draw": "process", "runs": {run: run for run in runs}, "events": [name]
            }  # fmt: skip
    return found
