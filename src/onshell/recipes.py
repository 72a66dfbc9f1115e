"""Recipes and runs: which settings belong together, and the faults of those that do not."""

from collections.abc import Iterator, Mapping
from typing import Any

from onshell.config import RUN_NAME, expand, network_of, recipe_of
from onshell.errors import nearest, unknown

NETWORKS = {
    "mlp": ("width", "depth", "time_dim"),
    "pet": ("width", "blocks", "heads", "local_layers", "neighbours", "mlp_ratio", "time_dim", "max_particles"),
    "transformer": ("width", "blocks", "heads", "mlp_ratio", "time_dim", "max_particles"),
}
LOSSES = {
    "ism": ("divergence", "preconditioning", "time_weight_power", "loss_weight_power", "time_floor"),
    "noise": ("target", "times_per_event"),
    "flow": (),
}
SAMPLING = {"diffusion": ("noise",), "flow": ("solver", "steps", "tolerance")}
"""The keys of each kind of network, loss and sampling, besides `type` and `precision`."""


def network_faults(path: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a network: keys of another type, and heads that do not divide its width."""
    kind = entry["type"]
    for key in entry:
        if key != "type" and key not in NETWORKS[kind]:
            yield f"{path}.{key}: a network of type {kind} has no such key; {nearest(key, NETWORKS[kind])}"
    width, heads = entry.get("width", 0), entry.get("heads", 1)
    if width % heads:
        yield f"{path}.heads: {heads} do not divide the width, {width}; choose a divisor"


def override_faults(path: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the names in a recipe, or in what overrides one."""
    for key in ("network", "schedule", "augmentation"):
        if key in entry:
            yield from unknown(f"{path}.{key}", entry[key], key, config[f"{key}s"])


def recipe_faults(path: str, recipe: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a whole recipe: its names, and keys that its space, family and loss lack or do not take."""
    yield from override_faults(path, recipe, config)
    space, family, loss = recipe["space"], recipe["family"], recipe["loss"]
    wanted = {"q": ["augmentation"], "p": ["unit"]}[space] + {"diffusion": ["schedule"], "flow": ["prior"]}[family]
    for key in ("augmentation", "unit", "schedule", "prior"):
        if key in wanted and key not in recipe:
            yield f"{path}.{key}: missing; a {space}-space {family} needs it"
        if key in recipe and key not in wanted:
            yield f"{path}.{key}: a {space}-space {family} has no such key; remove it"
    if (loss["type"] == "flow") != (family == "flow"):
        kinds = "flow" if family == "flow" else "ism or noise"
        yield f"{path}.loss.type: {loss['type']!r} does not train a {family}; use {kinds}"
    if space == "p" and recipe.get("prior") == "rambo":
        yield f"{path}.prior: 'rambo' is a law of q-space; use gaussian"
    if loss.get("target") == "chain" and space != "p":
        yield f"{path}.loss.target: 'chain' needs the closed form of p-space; use step"
    yield from _keys(f"{path}.loss", loss, LOSSES[loss["type"]], f"a loss of type {loss['type']}", "type")
    yield from _keys(
        f"{path}.sampling", recipe["sampling"], SAMPLING[family], f"the sampling of a {family}", "precision"
    )


def _keys(path: str, entry: Mapping[str, Any], known: tuple[str, ...], what: str, common: str) -> Iterator[str]:
    """Yield a fault for every key of `known` that is missing and every other one but `common`."""
    for key in known:
        if key not in entry:
            yield f"{path}.{key}: missing; {what} needs it"
    for key in entry:
        if key not in known and key != common:
            yield f"{path}.{key}: {what} has no such key; {nearest(key, known) if known else 'remove it'}"


def run_faults(run: str, entry: Mapping[str, Any], config: Mapping[str, Any], sets: Mapping[str, str]) -> Iterator[str]:
    """Yield the faults of one run: its name, what it refers to, and the recipe that comes of its overrides."""
    path, parsed = f"runs.{run}", RUN_NAME.match(run)
    if parsed is None:
        yield f"{path}: not a run's name; write <dataset>-<p|q>-<diffusion|flow>[-<variant>]"
        return
    yield from unknown(path, parsed["dataset"], "dataset", sets)
    preset = entry.get("preset", config["preset"])
    yield from unknown(f"{path}.preset", preset, "preset", config["presets"])
    recipes = config["presets"].get(preset, {})
    yield from unknown(f"{path}.recipe", entry["recipe"], f"recipe of preset {preset!r}", recipes)
    yield from override_faults(path, entry, config)
    if entry["recipe"] not in recipes or parsed["dataset"] not in sets or config["scale"] not in config["scales"]:
        return
    recipe = recipe_of(config, run)
    for key in ("space", "family"):
        if recipe[key] != parsed[key]:
            yield f"{path}: the name says {parsed[key]!r} but recipe {entry['recipe']!r} is of {key} {recipe[key]!r}"
            return
    yield from recipe_faults(path, recipe, config)
    resources = {**config["resources"], **recipe.get("resources", {})}
    if resources["gpus"] % resources["nodes"]:
        yield f"{path}.resources: {resources['gpus']} GPUs are not as many on each of {resources['nodes']} nodes"
    if recipe["network"] not in config["networks"]:
        return
    process = sets[parsed["dataset"]]
    n_particles, _ = expand(process, config["processes"][process])[parsed["dataset"]]
    largest = network_of(config, recipe["network"]).get("max_particles", n_particles)
    if n_particles > largest:
        yield (
            f"{path}.network: {recipe['network']!r} takes up to {largest} particles, {parsed['dataset']} has "
            f"{n_particles}; raise networks.{recipe['network']}.max_particles"
        )
