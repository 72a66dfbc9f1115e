"""The configuration: loaded, overridden, validated, and read as datasets and runs.

The file is `config.yaml`; a run of Snakemake may override any key. A faulty configuration gives one line with the
key's path, the bad value and the nearest valid one.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from onshell.config.compose import expand, read
from onshell.config.overrides import apply, merge
from onshell.config.studies import entry_of, studies, study_of, trained
from onshell.core.errors import OnshellError
from onshell.core.paths import expand_all

Config = dict[str, Any]
SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "config.schema.yaml"
IMPORT = {
    "particles": None,
    "shuffle": False,
    "massless": 1e-3,
    "any_energy": False,
    "unweighted": False,
    "skip_bad": False,
    "held_out": 0.2,
}
"""What a process with a source may say of its import, and what holds where it says nothing."""

EXPORT = {"independent_energy": False}
"""What it may say of the export of its models' events; no key of the import, whose events do not depend on it."""

RESOURCES = {"gpus": 1, "nodes": 1, "shards": 1, "runtime": 240, "mem_mb": 6000}
"""What a training's job gets on a cluster where nothing else is said."""

NO_RECIPE = ("recipe", "preset", "trajectory", "model", "samples")
"""Keys of a run that are no part of its recipe."""

RUN_NAME = re.compile(
    r"^(?P<dataset>.+?)-(?P<space>[pq])-(?P<family>diffusion|flow)(?:-(?P<variant>[A-Za-z0-9_-]+))?\Z"
)


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
    """A dataset of events that somebody else made; the numbers of events are the largest that are taken."""

    source: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """Those of `onshell import`, the keys of `IMPORT`, and `final` where events are set aside for published tables."""


def digest(leaf: Any) -> str:
    """Return twelve hexadecimal digits that depend on every value of `leaf`."""
    return hashlib.sha256(json.dumps(leaf, sort_keys=True).encode()).hexdigest()[:12]


def load(path: str | Path = "config.yaml", settings: Iterable[str] = ()) -> Config:
    """Return the validated configuration in `path`, with the overrides `settings` applied.

    Raises
    ------
    OnshellError
        When the file is missing, is not YAML, or does not validate.
    """
    return validate(expand(apply(read(path), settings), str(path)), str(path))


def own_figures(config: Config) -> dict[str, dict[str, Any]]:
    """Return the figure of each process with a source, by its name: truth against all models of it."""
    found = {}
    for name, entry in config["processes"].items():
        if runs := [run for run in config["runs"] if "source" in entry and RUN_NAME.match(run)["dataset"] == name]:
            title = f"all of {entry.get('title', name)}"
            found[f"fig_{name}"] = {
                "title": title, "draw": "process", "runs": {run: run for run in runs}, "events": [name]
            }  # fmt: skip
    return found


def missing_source(config: Config) -> str | None:
    """Return in one line which source of a process is not there, or None."""
    for name, entry in config["processes"].items():
        if "source" in entry and not os.path.isfile(entry["source"]):  # noqa: PTH113, as it answers for any text
            return (
                f"processes.{name}.source: {entry['source']!r}: no such file; give its path, from the folder of "
                "config.yaml on"
            )
    return None


def validate(config: Config, source: str = "config.yaml") -> Config:
    """Return `config` if it is valid, or raise `OnshellError` with one line for the first fault.

    Paths get `~` and variables in place, and each process with a source a figure, unless there is one of that name.
    """
    from onshell.config.validation import faults

    if not SCHEMA.is_file():
        raise OnshellError(f"{SCHEMA}: missing; install the package from a clone, with pip install -e .")
    for fault in faults(config, _schema(SCHEMA)):
        raise OnshellError(f"{source}: {fault}")
    if refusal := expand_all(config):
        raise OnshellError(f"{source}: {refusal}")
    for name, entry in own_figures(config).items():
        config["figures"].setdefault(name, entry)
    return config


@cache
def _schema(path: Path) -> dict[str, Any]:
    """Return the schema of the configuration; libyaml, where it is there, reads it seven times as fast as PyYAML."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def unwritable(folder: str) -> str | None:
    """Return why products cannot be written to `folder`, in one line, or None; nothing is made or touched."""
    path = Path(folder).absolute()
    try:
        while not path.exists():
            # A link that leads nowhere is no folder either, and none can be made in its place.
            if path.is_symlink():
                return f"results: {folder!r}: {path} is a link to nothing; name another folder, or remove the link"
            path = path.parent
    except OSError as error:
        return f"results: {folder!r}: cannot look into {path} ({error.strerror}); use --config results=..."
    if not path.is_dir():
        return f"results: {folder!r}: {path} is a file; name another folder with --config results=..."
    if not os.access(path, os.W_OK | os.X_OK):
        return f"results: {folder!r}: cannot write to {path}; change its permissions or use --config results=..."
    return None


def expand_process(name: str, process: Mapping) -> dict[str, tuple[int, float | None]]:
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
    found = {}
    for process, entry in config["processes"].items():
        for name, (n_particles, cutoff) in expand_process(process, entry).items():
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


def recipe_of(config: Config, run: str) -> dict[str, Any]:
    """Return the recipe of a run: that of its preset, overridden by the scale and then by the run itself.

    A run of a study that names another's `model` has the recipe of that one, overridden by itself.
    """
    entry = entry_of(config, "runs", run)
    own = {key: value for key, value in entry.items() if key not in NO_RECIPE}
    if "model" in entry:
        return merge(recipe_of(config, entry["model"]), own)
    name = entry["recipe"]
    preset = entry.get("preset", config["preset"])
    return merge(sized(config, config["scale"], preset, name), own)


def sized(config: Config, scale: str, preset: str, name: str) -> dict[str, Any]:
    """Return the recipe `name` of a preset at a scale, which overrides all, then this one, then the preset's."""
    sizes, recipe = config["scales"][scale], config["presets"][preset][name]
    everywhere = sizes.get("recipes", {})
    for over in (everywhere.get("default"), everywhere.get(name), sizes.get("presets", {}).get(preset, {}).get(name)):
        recipe = merge(recipe, over or {})
    return recipe


def network_of(config: Config, name: str) -> dict[str, Any]:
    """Return the network called `name`, with the sizes of the chosen scale."""
    return merge(config["networks"][name], config["scales"][config["scale"]].get("networks", {}).get(name, {}))


def run_spec(config: Config, run: str) -> dict[str, Any]:
    """Return everything that defines the model `run`: plain data, recipe, scale and overrides merged.

    Where the model is that of another run, it is that one's but for the sampling, its name included.
    """
    recipe, entry = recipe_of(config, run), entry_of(config, "runs", run)
    if "model" in entry:
        return {**run_spec(config, entry["model"]), "sampling": recipe["sampling"]}
    dataset = datasets(config)[RUN_NAME.match(run)["dataset"]]
    schedule = recipe.get("schedule")
    return {
        "run": run,
        "dataset": dataset.name,
        "process": dataset.process,
        "n_particles": dataset.n_particles,
        "space": recipe["space"],
        "family": recipe["family"],
        "augmentation": recipe.get("augmentation"),
        "unit": recipe.get("unit", 1.0),
        "seed": config["seed"],
        "preset": entry.get("preset", config["preset"]),
        "network": network_of(config, recipe["network"]),
        "schedule": None if schedule is None else config["schedules"][schedule],
        "prior": recipe.get("prior"),
        "loss": recipe["loss"],
        "training": recipe["training"],
        "sampling": recipe["sampling"],
    }


def resources_of(config: Config, run: str) -> dict[str, int]:
    """Return what a run's jobs get on a cluster: gpus, nodes, shards (of a sampling), runtime in minutes, mem_mb.

    Each entry of `resources` counts whose pattern fits the run, the run whose model it samples, or that one's
    <preset>/<recipe>; the last one that names a key decides it.
    """
    model = trained(config, run)
    entry = entry_of(config, "runs", model)
    names = {run, model, f"{entry.get('preset', config['preset'])}/{entry['recipe']}"}
    found = dict(RESOURCES)
    for pattern, given in config.get("resources", {}).items():
        found |= given if any(fnmatchcase(name, pattern) for name in names) else {}
    return found


def n_samples(config: Config, dataset: str) -> int:
    """Return how many events each model of a dataset generates at the chosen scale."""
    sizes = config["scales"][config["scale"]]["samples"]
    return sizes.get(datasets(config)[dataset].process, sizes["default"])


def n_events(config: Config, run: str) -> int:
    """Return how many events a run generates: those of a study as many as it says, if it does."""
    study, entry = study_of(config, "runs", run), entry_of(config, "runs", run)
    asked = entry.get("samples") or (study and studies(config)[study].get("samples"))
    return asked or n_samples(config, RUN_NAME.match(trained(config, run))["dataset"])


def judge_of(config: Config) -> str:
    """Return the part of truth that models are compared with: test, or final, which no choice of settings has seen."""
    return config.get("judge", "test")


def published(config: Config) -> dict[str, list[float]]:
    """Return the numbers that the paper prints of single runs, by run: those of the tables' entries, by role there."""
    return {
        entry["runs"][role]: numbers
        for entry in config["tables"].values()
        for role, numbers in entry.get("published", {}).items()
    }
