"""Faults of a configuration, one line each: the key's path, the bad value, the nearest valid one."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from onshell.config import DRAWN, GENERATORS, RUN_NAME, expand
from onshell.errors import nearest


def faults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of `config`: those of the schema first, and only without them those of the references."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import relevance

    yield from _not_finite("", config)
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=relevance)
    for error in errors:
        yield _line(_deepest(error))
    if not errors:
        yield from _references(config)


def _not_finite(path: str, value: Any) -> Iterator[str]:
    """Yield a fault for every number that is infinite or no number."""
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _not_finite(_join(path, key), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: {value!r} is not a finite number"


def _deepest(error):
    """Return the error inside an anyOf or oneOf that got furthest, or the error itself."""
    while error.context and error.validator != "oneOf":
        error = max(error.context, key=lambda inner: (len(inner.absolute_path), inner.validator != "type"))
    return error


def _line(error) -> str:
    """Return one line for a schema error."""
    path = ".".join(str(key) for key in error.absolute_path)
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in value if key not in known)
        return f"{_join(path, unknown)}: unknown key; {nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in rule if key not in value)
        return f"{_join(path, missing)}: missing; add it ({_description(error.schema, missing)})"
    if error.validator == "enum":
        return f"{path}: {value!r} is not valid; {nearest(value, rule)}"
    if error.validator == "type" and rule in ("number", "integer") and _looks_like_a_number(value):
        return f"{path}: {value!r} is text to YAML; write it with a dot, such as 1.0e-3 or 0.001"
    if error.validator == "type":
        return f"{path or 'the file'}: {value!r} is not of type {rule}"
    if error.validator in ("minimum", "exclusiveMinimum"):
        return f"{path}: {value!r} is too small; it must be {'>=' if error.validator == 'minimum' else '>'} {rule}"
    if error.validator in ("maximum", "exclusiveMaximum"):
        return f"{path}: {value!r} is too large; it must be {'<=' if error.validator == 'maximum' else '<'} {rule}"
    if error.validator == "pattern":
        return f"{path}: {value!r} does not match {rule}"
    if error.validator == "oneOf":
        choices = "; ".join(" with ".join(choice["required"]) for choice in rule)
        return f"{path}: {value!r} must give exactly one of: {choices}"
    return f"{path or 'the file'}: {' '.join(error.message.split())}"


def _looks_like_a_number(value: object) -> bool:
    """Return whether `value` is text that reads as a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _description(schema: Mapping, key: str) -> str:
    return schema.get("properties", {}).get(key, {}).get("description", "see workflow/schemas/config.schema.yaml")


def _unknown(path: str, value: object, kind: str, known) -> Iterator[str]:
    """Yield a fault if `value` is not among the names `known`."""
    if value not in known:
        article = "an" if kind[0] in "aeiou" else "a"
        yield f"{path}: {value!r} is not {article} {kind}; {nearest(value, known)}"


def _references(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the names that point from one part of the configuration to another."""
    yield from _unknown("scale", config["scale"], "scale", config["scales"])
    yield from _unknown("preset", config["preset"], "preset", config["presets"])
    sets: dict[str, str] = {}
    for process, entry in config["processes"].items():
        yield from _generator(f"processes.{process}", entry)
        if "cutoffs" in entry and isinstance(entry["n_particles"], list):
            yield f"processes.{process}.n_particles: a list does not go with cutoffs; make one process per number"
            continue
        for name in expand(process, entry):
            if name in sets:
                yield f"processes.{process}: dataset {name!r} is made by {sets[name]!r} too; rename one"
            sets[name] = process
    for name, entry in config["augmentations"].items():
        if "x" in entry and "b" not in entry:
            yield f"augmentations.{name}.x: goes with b; give both for a fixed frame, or neither"
        if "by_process" in entry and entry.get("copies") != 1:
            yield f"augmentations.{name}.by_process: names one frame, so it goes with copies: 1"
        for process in entry.get("by_process", {}):
            yield from _unknown(f"augmentations.{name}.by_process", process, "process", config["processes"])
    for name, entry in config["schedules"].items():
        if entry.get("gaussian_steps", 0) >= entry["steps"]:
            yield f"schedules.{name}.gaussian_steps: {entry['gaussian_steps']} must be below steps, {entry['steps']}"
    for preset, recipes in config["presets"].items():
        for name, recipe in recipes.items():
            yield from _recipe(f"presets.{preset}.{name}", recipe, config)
    for run, entry in config["runs"].items():
        yield from _run(run, entry, config, sets)
    training_sets = [f"{name}.{augmentation}" for name in sets for augmentation in config["augmentations"]]
    for name, entry in config.get("forward", {}).items():
        yield from _unknown(f"forward.{name}.training_set", entry["training_set"], "training set", training_sets)
        yield from _unknown(f"forward.{name}.schedule", entry["schedule"], "schedule", config["schedules"])
        steps = config["schedules"].get(entry["schedule"], {}).get("steps", 0)
        for step in entry["steps"]:
            if step > steps:
                yield f"forward.{name}.steps: {step} is beyond the last step of {entry['schedule']!r}, {steps}"
    known = {"runs": config["runs"], "events": sets, "embedded": training_sets, "forward": config.get("forward", {})}
    kinds = {"runs": "run", "events": "dataset", "embedded": "training set", "forward": "forward process"}
    for group in ("figures", "tables"):
        for name, entry in config[group].items():
            yield from _drawn(group, name, entry)
            for role, run in entry.get("runs", {}).items():
                yield from _unknown(f"{group}.{name}.runs.{role}", run, "run", known["runs"])
            for key in ("events", "embedded", "forward"):
                for value in entry.get(key, []):
                    yield from _unknown(f"{group}.{name}.{key}", value, kinds[key], known[key])
    for name, scale in config["scales"].items():
        for process in scale["events"]:
            yield from _unknown(f"scales.{name}.events", process, "process", ["default", *config["processes"]])
        recipes = [recipe for preset in config["presets"].values() for recipe in preset]
        for recipe, entry in scale.get("recipes", {}).items():
            yield from _unknown(f"scales.{name}.recipes", recipe, "recipe", recipes)
            yield from _recipe(f"scales.{name}.recipes.{recipe}", entry, config)
        for network in scale.get("networks", {}):
            yield from _unknown(f"scales.{name}.networks", network, "network", config["networks"])


def _generator(path: str, entry: Mapping) -> Iterator[str]:
    """Yield the faults of a process: the name of its generator, its number of particles, parameters and cutoffs."""
    name, numbers, parameters = entry["generator"], entry["n_particles"], entry.get("parameters", {})
    if ":" in name:
        return
    yield from _unknown(f"{path}.generator", name, "generator", GENERATORS)
    allowed = {"uniform": (), "muon": (), "qqg": ("sqrt_s",), "sarge": ()}.get(name, parameters)
    for key in parameters:
        yield from _unknown(f"{path}.parameters", key, f"parameter of {name}", allowed)
    sqrt_s = parameters.get("sqrt_s", 1)
    if not isinstance(sqrt_s, int | float) or not sqrt_s > 0:
        yield f"{path}.parameters.sqrt_s: {parameters['sqrt_s']!r} must be a positive energy in GeV"
    if name in ("muon", "qqg") and numbers != 3:
        yield f"{path}.n_particles: {numbers!r}, but {name} has 3"
    if name == "sarge" and min(numbers if isinstance(numbers, list) else [numbers]) < 3:
        yield f"{path}.n_particles: {numbers!r} is too small for sarge; it takes 3 or more"
    if name in ("qqg", "sarge") and "cutoffs" not in entry:
        yield f"{path}.cutoffs: missing; {name} needs at least one"
    if name in ("uniform", "muon") and "cutoffs" in entry:
        yield f"{path}.cutoffs: {name} takes none; remove them"
    for cutoff in entry.get("cutoffs", []):
        if name == "qqg" and not float(cutoff) < 1 / 3:
            yield f"{path}.cutoffs: {cutoff!r} leaves no phase space; m^2_cut/s must be below 1/3"
        if name == "sarge" and not float(cutoff) > 1:
            yield f"{path}.cutoffs: {cutoff!r} is xi, which must be above 1"


def _drawn(group: str, name: str, entry: Mapping) -> Iterator[str]:
    """Yield the faults of a figure or table that nothing draws, or that has not the roles that it is drawn from."""
    yield from _unknown(f"{group}", name, group.removesuffix("s"), DRAWN[group])
    roles, given = DRAWN[group].get(name), list(entry.get("runs", {}))
    if name in DRAWN[group] and roles is None and not given:
        yield f"{group}.{name}.runs: names no run; give it one at least"
    for role in given if roles is not None else ():
        yield from _unknown(f"{group}.{name}.runs", role, f"role of {name}", roles)
    for role in roles or ():
        if role not in given:
            yield f"{group}.{name}.runs.{role}: missing; name the run that plays this role"


def _recipe(path: str, entry: Mapping, config: Mapping) -> Iterator[str]:
    """Yield the faults of a recipe's, or an overriding run's, references."""
    for key, kind in (("network", "network"), ("schedule", "schedule")):
        if key in entry:
            yield from _unknown(f"{path}.{key}", entry[key], kind, config[f"{kind}s"])


def _run(run: str, entry: Mapping, config: Mapping, sets: Mapping) -> Iterator[str]:
    """Yield the faults of one run: its name, and what it refers to."""
    path, parsed = f"runs.{run}", RUN_NAME.match(run)
    if parsed is None:
        yield f"{path}: not a run's name; write <dataset>-<p|q>-<diffusion|flow>[-<variant>]"
        return
    yield from _unknown(path, parsed["dataset"], "dataset", sets)
    yield from _unknown(f"{path}.augmentation", entry["augmentation"], "augmentation", config["augmentations"])
    preset = entry.get("preset", config["preset"])
    yield from _unknown(f"{path}.preset", preset, "preset", config["presets"])
    recipes = config["presets"].get(preset, {})
    yield from _unknown(f"{path}.recipe", entry["recipe"], f"recipe of preset {preset!r}", recipes)
    yield from _recipe(path, entry, config)
    recipe = recipes.get(entry["recipe"])
    if recipe is None:
        return
    for key in ("space", "family"):
        if recipe[key] != parsed[key]:
            yield f"{path}: the name says {parsed[key]!r} but recipe {entry['recipe']!r} is of {key} {recipe[key]!r}"
    schedule = config["schedules"].get(entry.get("schedule", recipe["schedule"]), {})
    for step in entry.get("trajectory", []):
        if step > schedule.get("steps", 0):
            yield f"{path}.trajectory: {step} is beyond the last step, {schedule.get('steps')}, of its schedule"
