"""Runs resolved: recipe, scale and overrides merged, and what else is asked of a run by its name."""

import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from onshell.config.datasets import datasets
from onshell.config.overrides import merge
from onshell.config.studies import Config, dataset_of, entry_of, studies, study_of, trained

RESOURCES = {"gpus": 1, "nodes": 1, "shards": 1, "runtime": 240, "mem_mb": 6000}
"""What a training's job gets on a cluster where nothing else is said."""

NO_RECIPE = ("recipe", "preset", "trajectory", "model", "samples")
"""Keys of a run that are no part of its recipe."""


def digest(leaf: Any) -> str:
    """Return twelve hexadecimal digits that depend on every value of `leaf`."""
    return hashlib.sha256(json.dumps(leaf, sort_keys=True).encode()).hexdigest()[:12]


def sizes_of(config: Config, scale: str, preset: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a recipe as a scale overrides it, step by step: for all, for this one, for the preset; and where."""
    sizes, recipe = config["scales"][scale], config["presets"][preset][name]
    steps = {
        "recipes.default": sizes.get("recipes", {}).get("default"),
        f"recipes.{name}": sizes.get("recipes", {}).get(name),
        f"presets.{preset}.{name}": sizes.get("presets", {}).get(preset, {}).get(name),
    }
    for place, over in steps.items():
        if over:
            recipe = merge(recipe, over)
            yield place, recipe


def sized(config: Config, scale: str, preset: str, name: str) -> dict[str, Any]:
    """Return the recipe `name` of a preset with the sizes of a scale."""
    steps = [recipe for _, recipe in sizes_of(config, scale, preset, name)]
    return steps[-1] if steps else config["presets"][preset][name]


def recipe_of(config: Config, run: str) -> dict[str, Any]:
    """Return the recipe of a run: that of its preset, overridden by the scale and then by the run itself.

    A run of a study that names another's `model` has the recipe of that one, overridden by itself.
    """
    entry = entry_of(config, "runs", run)
    preset = str(entry.get("preset", config["preset"]))
    overrides = {key: value for key, value in entry.items() if key not in NO_RECIPE}
    if "model" in entry:
        return merge(recipe_of(config, entry["model"]), overrides)
    return merge(sized(config, config["scale"], preset, entry["recipe"]), overrides)


def network_of(config: Config, name: str) -> dict[str, Any]:
    """Return the network called `name`, with the sizes of the chosen scale."""
    return merge(config["networks"][name], config["scales"][config["scale"]].get("networks", {}).get(name, {}))


def run_spec(config: Config, run: str) -> dict[str, Any]:
    """Return everything that defines the model `run`, a `RunSpec` as plain data: recipe, scale and overrides merged.

    Where the model is that of another run, it is that one's but for the sampling, its name included.
    """
    recipe, entry = recipe_of(config, run), entry_of(config, "runs", run)
    if "model" in entry:
        return {**run_spec(config, entry["model"]), "sampling": recipe["sampling"]}
    dataset = datasets(config)[dataset_of(run)]
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
    return int(sizes.get(datasets(config)[dataset].process, sizes["default"]))


def n_events(config: Config, run: str) -> int:
    """Return how many events a run generates: those of a study as many as it says, if it does."""
    study, entry = study_of(config, "runs", run), entry_of(config, "runs", run)
    asked = entry.get("samples") or (study and studies(config)[study].get("samples"))
    return asked or n_samples(config, dataset_of(trained(config, run)))


def judge_of(config: Config) -> str:
    """Return the part of truth that models are compared with: test, or final, which no choice of settings has seen."""
    return str(config.get("judge", "test"))


def published(config: Config) -> dict[str, list[float]]:
    """Return the numbers that the paper prints of single runs, by run: those of the tables' entries, by role there."""
    return {
        entry["runs"][role]: numbers
        for entry in config["tables"].values()
        for role, numbers in entry.get("published", {}).items()
    }
