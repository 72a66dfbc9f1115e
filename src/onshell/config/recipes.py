"""Recipes and runs: which settings belong together, and the faults of those that do not."""

from collections.abc import Iterator, Mapping
from typing import Any

from onshell.config import RUN_NAME, expand_process, network_of, recipe_of, resources_of
from onshell.core.custom import IMPORT_PATH
from onshell.core.errors import nearest, unknown
from onshell.models.networks.options import NETWORKS, problems

LOSSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ism": (("divergence", "preconditioning", "time_weight_power", "loss_weight_power", "time_floor"), ()),
    "noise": (("target", "times_per_event"), ("chart",)),
    "velocity": (("chart",), ("times",)),
    "flow": ((), ("chart", "times", "coupling")),
}
SAMPLING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "steps": (("noise",), ()),
    "solver": (("solver", "steps", "tolerance"), ("grid", "order", "eta", "langevin")),
}
"""The keys that each kind of loss, and of sampling, must have and may have, besides `type` and `precision`.

A diffusion is sampled by the steps of its schedule, or as a flow is, by a solver, if its loss is `velocity`.
"""
CHARTS = {"ism": ("q",), "noise": ("q", "log-polar"), "velocity": ("spinor",), "flow": ("q", "log-polar", "spinor")}
"""The charts that each kind of loss is made for."""


def symmetric(network: Mapping[str, Any]) -> bool:
    """Return whether a network of the package treats all particles alike: permuting them permutes its output."""
    options = NETWORKS.get(network["type"])
    return options is not None and options(**network).symmetric


def network_faults(path: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a network.

    A class of one's own is not imported here: what it takes shows when it is made.
    """
    kind = entry["type"]
    if ":" in kind:
        if not IMPORT_PATH.match(kind) or kind.partition(":")[0].endswith(".py"):
            example = "module:Class, such as my_networks:DeepSet for a class in my_networks.py"
            yield f"{path}.type: {kind!r} is not an import path; write {example}"
        for key in entry:
            if not str(key).isidentifier():
                yield f"{path}.{key}: is not the name of an argument of a class; rename it"
        if "n_particles" in entry:
            yield f"{path}.n_particles: is that of the dataset, which every network is told; remove it"
        return
    yield from (f"{path}.{problem}" for problem in problems(entry))


def override_faults(path: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the names in a recipe, or in what overrides one."""
    for key in ("network", "schedule", "augmentation"):
        if key in entry:
            yield from unknown(f"{path}.{key}", entry[key], key, config[f"{key}s"])


def recipe_faults(path: str, recipe: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a whole recipe: its names, and keys that its space, family and loss lack or do not take."""
    yield from override_faults(path, recipe, config)
    space, family, loss = recipe["space"], recipe["family"], recipe["loss"]
    solved = family == "flow" or loss["type"] == "velocity"
    wanted = {"q": ["augmentation"], "p": ["unit"]}[space]
    wanted += ["prior"] if family == "flow" else [] if solved else ["schedule"]
    kind = family + (" with a loss of type velocity" if solved and family == "diffusion" else "")
    for key in ("augmentation", "unit", "schedule", "prior"):
        if key in wanted and key not in recipe:
            yield f"{path}.{key}: missing; a {space}-space {kind} needs it"
        if key in recipe and key not in wanted:
            yield f"{path}.{key}: a {space}-space {kind} has no such key; remove it"
    if (loss["type"] == "flow") != (family == "flow"):
        kinds = "flow" if family == "flow" else "ism, noise or velocity"
        yield f"{path}.loss.type: {loss['type']!r} does not train a {family}; use {kinds}"
    if space == "p" and recipe.get("prior") == "rambo":
        yield f"{path}.prior: 'rambo' is a law of q-space; use gaussian"
    if loss.get("target") == "chain" and space != "p":
        yield f"{path}.loss.target: 'chain' needs the closed form of p-space; use step"
    yield from _keys(f"{path}.loss", loss, *LOSSES[loss["type"]], f"a loss of type {loss['type']}", "type")
    rule, sampling = SAMPLING["solver" if solved else "steps"], recipe["sampling"]
    yield from _keys(f"{path}.sampling", sampling, *rule, f"the sampling of a {kind}", "precision")
    training = recipe["training"]
    if training.get("optimizer") == "muon" and "muon_lr" not in training:
        yield f"{path}.training.muon_lr: missing; the optimiser muon needs it, such as 0.005"
    yield from chart_faults(path, recipe, config)


def coupled_in(loss: Mapping[str, Any]) -> list[str]:
    """Return what the two ends of the paths of a `loss` agree in: keys of its coupling that are not independent."""
    return [key for key, value in loss.get("coupling", {}).items() if value != "independent"]


def chart_faults(path: str, recipe: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a recipe's chart, and of what only some charts have."""
    loss, sampling = recipe["loss"], recipe["sampling"]
    chart, agreed = loss.get("chart", "q"), coupled_in(loss)
    if chart != "q" and recipe["space"] == "p":
        yield f"{path}.loss.chart: {chart!r} is a chart of q-space; use q"
    elif chart not in CHARTS[loss["type"]]:
        known = " or ".join(CHARTS[loss["type"]])
        yield f"{path}.loss.chart: a loss of type {loss['type']} is not made for {chart!r}; use {known}"
    if chart == "log-polar" and loss["type"] == "noise":
        schedule = config["schedules"].get(recipe.get("schedule"), {})
        for key in ("gaussian_steps", "softening"):
            if schedule.get(key):
                yield f"{path}.schedule: {recipe['schedule']!r} has {key}, the chart log-polar has none; choose another"
    if "phases" in agreed and chart != "spinor":
        yield f"{path}.loss.coupling.phases: the chart {chart!r} has no phases; use independent"
    if "rotation" in agreed and _has_direction(config["augmentations"].get(recipe.get("augmentation"), {})):
        yield (
            f"{path}.loss.coupling.rotation: the augmentation {recipe['augmentation']!r} boosts all events alike, so "
            "q-space has a direction; use one with b = 0 or per_event, or independent"
        )
    if agreed and recipe["space"] == "p":
        yield f"{path}.loss.coupling.{agreed[0]}: is made for q-space; use independent"
    if "grid" in sampling and sampling.get("steps", 2) < 2:
        yield f"{path}.sampling.steps: 1 has no room for the last step of a grid; use 2 or more"
    spacing = sampling.get("grid", {})
    if "tail" in spacing and spacing["tail"]["below"] <= spacing["smallest"]:
        yield (
            f"{path}.sampling.grid.tail.below: {spacing['tail']['below']:g} is not above the smallest time, "
            f"{spacing['smallest']:g}; choose a larger one"
        )
    solver = sampling.get("solver")
    if sampling.get("langevin") and solver not in ("euler", "midpoint", "rk4", "ancestral"):
        others = "euler, midpoint, rk4 or ancestral"
        yield f"{path}.sampling.langevin: {solver!r} takes no steps between its own; use {others}"
    fresh = [("langevin", "0")] if sampling.get("langevin") else []
    for key, other in [*fresh, *([("solver", "multistep")] if solver == "ancestral" else [])]:
        if chart != "spinor" or recipe.get("prior") == "gaussian":
            yield f"{path}.sampling.{key}: needs the chart spinor and the prior rambo, of known score; use {other}"
        for name in agreed:
            yield (
                f"{path}.sampling.{key}: needs ends that know nothing of each other; use {other}, or "
                f"loss.coupling.{name}: independent"
            )


def _has_direction(augmentation: Mapping[str, Any]) -> bool:
    """Return whether an augmentation boosts the events of a training set in the same few directions."""
    places = [augmentation, *augmentation.get("by_process", {}).values()]
    return "copies" in augmentation or any(any(place.get("b", ())) for place in places)


def _keys(
    path: str, entry: Mapping[str, Any], must: tuple[str, ...], may: tuple[str, ...], what: str, common: str
) -> Iterator[str]:
    """Yield a fault for every key of `must` that is missing, and every one but these, those of `may` and `common`."""
    known = (*must, *may)
    for key in must:
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
    resources = resources_of(config, run)
    if resources["gpus"] % resources["nodes"]:
        yield f"{path}.resources: {resources['gpus']} GPUs are not as many on each of {resources['nodes']} nodes"
    if recipe["network"] not in config["networks"]:
        return
    process = sets[parsed["dataset"]]
    n_particles, _ = expand_process(process, config["processes"][process])[parsed["dataset"]]
    network = network_of(config, recipe["network"])
    largest = n_particles if ":" in network["type"] else network.get("max_particles", n_particles)
    if n_particles > largest:
        yield (
            f"{path}.network: {recipe['network']!r} takes up to {largest} particles, {parsed['dataset']} has "
            f"{n_particles}; raise networks.{recipe['network']}.max_particles"
        )
