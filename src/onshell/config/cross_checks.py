"""Faults of the names that point from one part of a configuration to another, and of what a process is made of."""

from collections.abc import Iterator, Mapping
from typing import Any

from onshell.config import EXPORT, IMPORT, RUN_NAME, expand_process, judge_of, recipe_of
from onshell.config.drawn import DRAWN
from onshell.config.recipes import (
    coupled_in,
    network_faults,
    override_faults,
    recipe_faults,
    run_faults,
    symmetric,
)
from onshell.config.studies import entry_of, studies, study_of, trainings
from onshell.config.study_checks import names_twice, study_faults
from onshell.core.errors import unknown
from onshell.models.limits import schedule_faults
from onshell.models.networks.options import NO_SIZES
from onshell.physics.process import PROCESSES, labelled


def references(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a configuration that its schema cannot see, one line each."""
    yield from unknown("scale", config["scale"], "scale", config["scales"])
    yield from unknown("preset", config["preset"], "preset", config["presets"])
    sets: dict[str, str] = {}
    for process, entry in config["processes"].items():
        yield from (_source if "source" in entry else _generator)(f"processes.{process}", entry)
        if judge_of(config) == "final" and "source" in entry and not entry.get("final"):
            yield f"processes.{process}: has no part 'final' to judge by; give it `final: 0.5`, or use judge: test"
        if "cutoffs" in entry and isinstance(entry["n_particles"], list):
            yield f"processes.{process}.n_particles: a list does not go with cutoffs; make one process per number"
            continue
        for name in expand_process(process, entry):
            if name in sets:
                yield f"processes.{process}: dataset {name!r} is made by {sets[name]!r} too; rename one"
            sets[name] = process
    yield from _augmentations(config)
    for name, entry in config["networks"].items():
        yield from network_faults(f"networks.{name}", entry)
    for name, entry in config["schedules"].items():
        yield from (f"schedules.{name}.{fault}" for fault in schedule_faults(entry))
    for preset, recipes in config["presets"].items():
        for name, recipe in recipes.items():
            yield from recipe_faults(f"presets.{preset}.{name}", recipe, config)
    yield from names_twice(config)
    for run, entry in config["runs"].items():
        found = list(run_faults(run, entry, config, sets))
        yield from found or _too_symmetric(run, config, sets)
    found = list(study_faults(config, sets))
    yield from found
    for run in trainings(config) if not found else ():
        yield from (f"studies.{study_of(config, 'runs', run)}.{fault}" for fault in _too_symmetric(run, config, sets))
    for name, entry in config.get("forward", {}).items():
        path = f"forward.{name}.run"
        yield from unknown(path, entry["run"], "run", config["runs"])
        if "-diffusion" not in entry["run"]:
            yield f"{path}: {entry['run']!r} is a flow, which has no forward process; name a diffusion"
    yield from _products("", config, config["runs"], config, sets)
    inside = {run: one for entry in studies(config).values() for run, one in entry["runs"].items()}
    for study, entry in studies(config).items():
        yield from _products(f"studies.{study}.", entry, inside, config, sets)
    yield from _scales(config)


def _augmentations(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the augmentations: which keys go together, and the processes they name."""
    for name, entry in config["augmentations"].items():
        if "x" in entry and "b" not in entry:
            yield f"augmentations.{name}.x: goes with b; give both for a fixed frame, or neither"
        if "by_process" in entry and (entry.get("copies", 1) != 1 or "per_event" in entry):
            yield f"augmentations.{name}.by_process: names one frame, so it goes with copies: 1, or with b and x"
        for process in entry.get("by_process", {}):
            yield from unknown(f"augmentations.{name}.by_process", process, "process", config["processes"])


def _products(
    prefix: str,
    products: Mapping[str, Any],
    runs: Mapping[str, Any],
    config: Mapping[str, Any],
    sets: Mapping[str, str],
) -> Iterator[str]:
    """Yield the faults of figures and tables, at paths that begin with `prefix`: what they are drawn from.

    `runs` are those that they may be drawn from: a study's of those of studies alone, which `all` leaves out.
    """
    training_sets = [f"{name}.{augmentation}" for name in sets for augmentation in config["augmentations"]]
    known = {"events": sets, "embedded": training_sets, "forward": config.get("forward", {})}
    kinds = {"events": "dataset", "embedded": "training set", "forward": "forward process"}
    for group in ("figures", "tables"):
        for name in products.get(group, {}):
            entry = entry_of(config, group, name)
            yield from (f"{prefix}{fault}" for fault in _drawn(group, name, entry))
            for role, run in entry.get("runs", {}).items():
                path = f"{prefix}{group}.{name}.runs.{role}"
                yield from unknown(path, run, "run of a study" if prefix else "run", runs)
                if "trajectories" in entry.get("needs", ()) and "trajectory" not in runs.get(run, {}):
                    yield f"{path}: {run!r} keeps no snapshots; give runs.{run} a trajectory, such as [1, 0.5, 0]"
            for role in entry.get("published", {}):
                yield from unknown(f"{prefix}{group}.{name}.published", role, f"role of {name}", entry.get("runs", {}))
            for key, names in known.items():
                for value in entry.get(key, []):
                    yield from unknown(f"{prefix}{group}.{name}.{key}", value, kinds[key], names)


def _scales(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the scales: the processes, recipes and networks that they name."""
    recipes = list(dict.fromkeys(recipe for preset in config["presets"].values() for recipe in preset))
    for name, scale in config["scales"].items():
        for key in ("events", "samples"):
            for process in scale[key]:
                yield from unknown(f"scales.{name}.{key}", process, "process", ["default", *config["processes"]])
        overrides = {"recipes": (["default", *recipes], scale.get("recipes", {}))}
        for preset, entries in scale.get("presets", {}).items():
            yield from unknown(f"scales.{name}.presets", preset, "preset", config["presets"])
            overrides[f"presets.{preset}"] = (list(config["presets"].get(preset, ())), entries)
        for part, (known, entries) in overrides.items():
            for recipe, entry in entries.items():
                yield from unknown(f"scales.{name}.{part}", recipe, "recipe", known)
                yield from override_faults(f"scales.{name}.{part}.{recipe}", entry, config)
        for network, entry in scale.get("networks", {}).items():
            yield from unknown(f"scales.{name}.networks", network, "network", config["networks"])
            base, path = config["networks"].get(network, {}), f"scales.{name}.networks.{network}"
            for key in ("type",) if ":" in base.get("type", "") else NO_SIZES:
                if key in entry:
                    yield f"{path}.{key}: is no size; set it under networks.{network}"
            yield from network_faults(path, {**base, **entry})


def _generator(path: str, entry: Mapping) -> Iterator[str]:
    """Yield the faults of a process: the name of its generator, its number of particles, parameters and cutoffs."""
    name, numbers, parameters = entry["generator"], entry["n_particles"], entry.get("parameters", {})
    for key in (*IMPORT, *EXPORT, "final"):
        if key in entry:
            yield f"{path}.{key}: is for a source, a Les Houches file; remove it"
    if ":" in name:
        return
    yield from unknown(f"{path}.generator", name, "generator", PROCESSES)
    if (process := PROCESSES.get(name)) is None:
        return
    for key in parameters:
        yield from unknown(f"{path}.parameters", key, f"parameter of {name}", process.parameters)
    known = {key: value for key, value in parameters.items() if key in process.parameters}
    yield from (f"{path}.parameters.{key}: {problem}" for key, problem in process.problems(**known))
    for number in numbers if isinstance(numbers, list) else [numbers]:
        yield from (f"{path}.{key}: {problem}" for key, problem in process.problems(n_particles=number))
    if process.cut and "cutoffs" not in entry:
        yield f"{path}.cutoffs: missing; {name} needs at least one"
    if not process.cut and "cutoffs" in entry:
        yield f"{path}.cutoffs: {name} takes none; remove them"
    for cutoff in entry.get("cutoffs", []):
        yield from (f"{path}.cutoffs: {problem}" for _, problem in process.problems(cutoff=float(cutoff)))


def _source(path: str, entry: Mapping) -> Iterator[str]:
    """Yield the faults of a process whose events come from a Les Houches file."""
    for key in ("cutoffs", "parameters"):
        if key in entry:
            yield f"{path}.{key}: is for a generator; the events of a source are what they are: remove it"
    numbers, particles = entry["n_particles"], entry.get("particles")
    if isinstance(numbers, list):
        yield f"{path}.n_particles: a list, but a file holds events of one number; make one process per file"
    elif particles is not None and len(particles) != numbers:
        yield f"{path}.particles: {len(particles)} of them where n_particles is {numbers}"


def _too_symmetric(run: str, config: Mapping[str, Any], sets: Mapping[str, str]) -> Iterator[str]:
    """Yield the faults of networks and couplings that take a run's events for more symmetric than they are."""
    if config["scale"] not in config["scales"]:
        return
    process, recipe = sets[RUN_NAME.match(run)["dataset"]], recipe_of(config, run)
    yield from _alike(run, recipe, process, config)
    known = PROCESSES.get(config["processes"][process].get("generator"))
    if known is not None and known.oriented and "rotation" in coupled_in(recipe["loss"]):
        yield (
            f"runs.{run}.loss.coupling.rotation: events of {process} know the direction of the beam, and uniform phase "
            "space turned towards them would know it too; give the run rotation: independent"
        )


def _alike(run: str, recipe: Mapping[str, Any], process: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of what cannot tell particles apart, a network or a coupling, where these have an order."""
    entry, network = config["processes"][process], recipe["network"]
    filed = "source" in entry and not entry.get("shuffle", False)
    if not filed and not labelled(entry.get("generator", "")):
        return
    kind = config["networks"][network]["type"]
    order = "are in the order of the file" if filed else "have names"
    why = f"treats all particles alike, but those of {process} {order}"
    shuffled = f"processes.{process} shuffle: true, or " if filed else ""
    if symmetric(config["networks"][network]):
        yield f"runs.{run}.network: {network!r} ({kind}) {why}; give {shuffled}the run a network of type mlp"
    if "particles" in coupled_in(recipe["loss"]):
        yield f"runs.{run}.loss.coupling.particles: matching {why}; give {shuffled}the run particles: independent"


def _drawn(group: str, name: str, entry: Mapping) -> Iterator[str]:
    """Yield the faults of a figure or table that nothing draws, or that has not the roles that it is drawn from."""
    path, name = f"{group}.{name}", entry.get("draw", name)
    yield from unknown(f"{path}.draw" if "draw" in entry else group, name, group.removesuffix("s"), DRAWN[group])
    roles, given = DRAWN[group].get(name), list(entry.get("runs", {}))
    if name in DRAWN[group] and roles is None and not given:
        yield f"{path}.runs: names no run; give it one at least"
    for role in given if roles is not None else ():
        yield from unknown(f"{path}.runs", role, f"role of {name}", roles)
    for role in roles or ():
        if role not in given:
            yield f"{path}.runs.{role}: missing; name the run that plays this role"
