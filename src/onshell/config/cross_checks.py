"""Problems of what points from one part of a configuration to another; those of single parts are their types' own."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from onshell.config.datasets import dataset_names
from onshell.config.document import Configuration, Product, Run, SampledRun, TrainedRun
from onshell.config.drawn import DRAWN
from onshell.config.network import CustomNetwork, Network
from onshell.config.recipe import AnyRecipe, Flow, SteppedDiffusion
from onshell.config.resolve import recipe_of, resources_of, run_spec, sizes_of
from onshell.config.spec import RunSpec
from onshell.config.studies import GROUPS, RUN_NAME, entry_of, studies
from onshell.config.truth import GeneratedProcess, ImportedProcess
from onshell.core.errors import unknown
from onshell.core.validation import not_finite, parsed
from onshell.models.networks.options import NO_SIZES
from onshell.physics.process import PROCESSES, labelled

WHOLE = TypeAdapter(Configuration)
RECIPE: TypeAdapter[Any] = TypeAdapter(AnyRecipe)
NETWORK: TypeAdapter[Any] = TypeAdapter(Network)
PRODUCT = TypeAdapter(Product)
SPEC = TypeAdapter(RunSpec)
FORM = "<dataset>-<p|q>-<diffusion|flow>[-<variant>]"


def problems(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a configuration, one line each: first of its parts, then of the whole."""
    yield from not_finite("", config)
    whole, lines = parsed(WHOLE, config)
    yield from lines
    if whole is not None:
        yield from CrossChecks(config, whole).all()


class CrossChecks:
    """A configuration as it stands, and as types."""

    def __init__(self, config: Mapping[str, Any], whole: Configuration):
        self.config = dict(config)
        self.whole = whole

    def all(self) -> Iterator[str]:
        """Yield every problem."""
        whole = self.whole
        yield from unknown("scale", whole.scale, "scale", whole.scales)
        yield from unknown("preset", whole.preset, "preset", whole.presets)
        yield from self._datasets()
        for preset, recipes in whole.presets.items():
            for name, recipe in recipes.items():
                yield from self._recipe(f"presets.{preset}.{name}", recipe)
        yield from self._scales()
        yield from self._names_twice()
        for path, run, entry in self._runs():
            if isinstance(entry, SampledRun):
                yield from self._sampled(path, run, entry)
            else:
                yield from self._run(path, run, entry)
        for name, forward in whole.forward.items():
            yield from unknown(f"forward.{name}.run", forward.run, "run", whole.runs)
        yield from self._products("", self.config, whole.runs)
        inside = {run: entry for study in whole.studies.values() for run, entry in study.runs.items()}
        for name, study in studies(self.config).items():
            yield from self._products(f"studies.{name}.", study, inside)

    @cached_property
    def sets(self) -> dict[str, str]:
        """The process of every dataset."""
        return {
            name: process
            for process, entry in self.config["processes"].items()
            for name in dataset_names(process, entry)
        }

    @cached_property
    def trained(self) -> list[str]:
        """The runs of studies that are trained."""
        return sorted(run for _, run, entry in self._runs() if isinstance(entry, TrainedRun))

    def _runs(self) -> Iterator[tuple[str, str, Run | TrainedRun | SampledRun]]:
        """Yield the path, name and entry of every run."""
        yield from ((f"runs.{run}", run, entry) for run, entry in self.whole.runs.items())
        for name, study in self.whole.studies.items():
            yield from ((f"studies.{name}.runs.{run}", run, entry) for run, entry in study.runs.items())

    def _datasets(self) -> Iterator[str]:
        """Yield datasets of two processes, processes without final truth, and frames of no process."""
        counts = Counter(
            name for process, entry in self.config["processes"].items() for name in dataset_names(process, entry)
        )
        for process, entry in self.whole.processes.items():
            if self.whole.judge == "final" and isinstance(entry, ImportedProcess) and not entry.final:
                yield f"processes.{process}: has no part 'final' to judge by; give it `final: 0.5`, or use judge: test"
            for name in dataset_names(process, self.config["processes"][process]):
                if counts[name] > 1 and self.sets[name] != process:
                    yield f"processes.{process}: dataset {name!r} is made by {self.sets[name]!r} too; rename one"
        for name, augmentation in self.whole.augmentations.items():
            for process in augmentation.by_process:
                yield from unknown(f"augmentations.{name}.by_process", process, "process", self.whole.processes)

    def _names(self, path: str, entry: Any) -> Iterator[str]:
        """Yield the names in a recipe, or in what overrides one, that name nothing."""
        for kind in ("network", "schedule", "augmentation"):
            if (name := getattr(entry, kind, None)) is not None:
                yield from unknown(f"{path}.{kind}", name, kind, getattr(self.whole, f"{kind}s"))

    def _recipe(self, path: str, recipe: Any) -> Iterator[str]:
        """Yield what does not go with a recipe's schedule and augmentation."""
        found = list(self._names(path, recipe))
        yield from found
        if found:
            return
        if isinstance(recipe, SteppedDiffusion) and recipe.loss.chart == "log-polar":
            schedule = self.whole.schedules[recipe.schedule]
            for name in ("gaussian_steps", "softening"):
                if getattr(schedule, name):
                    why = f"has {name}, the chart log-polar has none; choose another"
                    yield f"{path}.schedule: {recipe.schedule!r} {why}"
        turned = isinstance(recipe, Flow) and recipe.space == "q" and "rotation" in recipe.loss.coupled
        if turned and self.whole.augmentations[recipe.augmentation].has_direction:
            yield (
                f"{path}.loss.coupling.rotation: the augmentation {recipe.augmentation!r} boosts all events alike, "
                "so q-space has a direction; use one with b = 0 or per_event, or independent"
            )

    def _merged(self, path: str, recipe: Mapping[str, Any]) -> Iterator[str]:
        """Yield the problems of a recipe that was put together, or nothing."""
        found, lines = parsed(RECIPE, recipe, path)
        yield from lines or self._recipe(path, found)

    def _run(self, path: str, run: str, entry: Run | TrainedRun) -> Iterator[str]:
        """Yield the problems of a run: its name, what it refers to, and the model that comes of its overrides."""
        name = RUN_NAME.match(run)
        if name is None:
            yield f"{path}: not a run's name; write {FORM}"
            return
        preset = entry.preset or self.whole.preset
        recipes: Mapping[str, Any] = self.whole.presets.get(preset, {})
        found = [
            *unknown(path, name["dataset"], "dataset", self.sets),
            *unknown(f"{path}.preset", preset, "preset", self.whole.presets),
            *unknown(f"{path}.recipe", entry.recipe, f"recipe of preset {preset!r}", recipes),
            *self._names(path, entry),
        ]
        yield from found
        if found or self.whole.scale not in self.whole.scales:
            return
        for key in ("space", "family"):
            if (given := getattr(recipes[entry.recipe], key)) != name[key]:
                yield f"{path}: the name says {name[key]!r} but recipe {entry.recipe!r} is of {key} {given!r}"
                return
        recipe = recipe_of(self.config, run)
        found = list(self._merged(path, recipe))
        yield from found
        if found:
            return
        yield from parsed(SPEC, run_spec(self.config, run), path)[1]
        yield from self._asymmetric(path, recipe, self.sets[name["dataset"]])
        resources = resources_of(self.config, run)
        if resources["gpus"] % resources["nodes"]:
            gpus, nodes = resources["gpus"], resources["nodes"]
            yield f"resources: {gpus} GPUs are not as many on each of {nodes} nodes; change those of {run!r}"

    def _asymmetric(self, path: str, recipe: Mapping[str, Any], name: str) -> Iterator[str]:
        """Yield networks and couplings that take events for more symmetric than those of the process are."""
        process, network = self.whole.processes[name], self.whole.networks[recipe["network"]]
        coupled = parsed(RECIPE, recipe)[0].loss.coupled
        if isinstance(process, GeneratedProcess):
            ordered, order, shuffled = labelled(process.generator), "have names", ""
            known = PROCESSES.get(process.generator)
            if known and known.oriented and "rotation" in coupled:
                yield (
                    f"{path}.loss.coupling.rotation: events of {name} know the direction of the beam, and uniform "
                    "phase space turned towards them would know it too; give the run rotation: independent"
                )
        else:
            ordered, order = not process.shuffle, "are in the order of the file"
            shuffled = f"processes.{name} shuffle: true, or "
        why = f"treats all particles alike, but those of {name} {order}; give {shuffled}the run"
        if ordered and network.symmetric:
            yield f"{path}.network: {recipe['network']!r} ({network.type}) {why} a network of type mlp"
        if ordered and "particles" in coupled:
            yield f"{path}.loss.coupling.particles: matching {why} particles: independent"

    def _sampled(self, path: str, run: str, entry: SampledRun) -> Iterator[str]:
        """Yield the problems of a run that draws from the model of another."""
        found = list(unknown(f"{path}.model", entry.model, "trained run of a study", self.trained))
        yield from found
        ours, theirs = RUN_NAME.match(run), RUN_NAME.match(entry.model)
        if ours is None:
            yield f"{path}: not a run's name; write {FORM}"
        elif theirs and not found and self.whole.scale in self.whole.scales:
            if ours.group("dataset", "space", "family") != theirs.group("dataset", "space", "family"):
                kind = "-".join(theirs.group("dataset", "space", "family"))
                yield f"{path}: draws from {entry.model!r}, so its name must begin with {kind}"
                return
            model = next(one for _, name, one in self._runs() if name == entry.model)
            if isinstance(model, TrainedRun) and model.recipe in self.whole.presets.get(model.preset, {}):
                yield from self._merged(path, recipe_of(self.config, run))

    def _names_twice(self) -> Iterator[str]:
        """Yield names that would be one target, or one path, of two things."""
        given = studies(self.config)
        inside = [
            (study, group, name) for study, entry in given.items() for group in GROUPS for name in entry.get(group, {})
        ]
        for study, group, name in inside:
            if name in self.config[group]:
                yield f"studies.{study}.{group}.{name}: stands under {group} too; rename one"
        counts = Counter([*(name for *_, name in inside), *given])
        products = {*self.whole.figures, *self.whole.tables}
        for name, count in counts.items():
            if count > 1 or (name in products and name in given):
                yield f"studies: {name!r} names two things; each study, run, figure and table needs its own name"

    def _products(self, prefix: str, given: Mapping[str, Any], runs: Mapping[str, Any]) -> Iterator[str]:
        """Yield the problems of figures and tables at `prefix`, drawn from some of these `runs`.

        Those of a study are drawn from runs of studies alone, which `all` leaves out.
        """
        training_sets = [f"{name}.{augmentation}" for name in self.sets for augmentation in self.whole.augmentations]
        known: dict[str, tuple[str, Collection[str]]] = {
            "events": ("dataset", self.sets),
            "embedded": ("training set", training_sets),
            "forward": ("forward process", self.whole.forward),
        }
        for group in ("figures", "tables"):
            for name in given.get(group, {}):
                path = f"{prefix}{group}.{name}"
                entry: Product = PRODUCT.validate_python(entry_of(self.config, group, name))
                yield from _drawn(path, f"{prefix}{group}", group, name, entry)
                for role, run in entry.runs.items():
                    yield from unknown(f"{path}.runs.{role}", run, "run of a study" if prefix else "run", runs)
                    kept = getattr(runs.get(run), "trajectory", None)
                    if "trajectories" in entry.needs and not kept:
                        remedy = f"give runs.{run} a trajectory, such as [1, 0.5, 0]"
                        yield f"{path}.runs.{role}: {run!r} keeps no snapshots; {remedy}"
                for role in entry.published:
                    yield from unknown(f"{path}.published", role, f"role of {name}", entry.runs)
                for key, (kind, names) in known.items():
                    for value in getattr(entry, key):
                        yield from unknown(f"{path}.{key}", value, kind, names)

    def _scales(self) -> Iterator[str]:
        """Yield the problems of the scales: what they name, and recipes and networks as they override them."""
        presets = self.whole.presets
        recipes = list(dict.fromkeys(recipe for preset in presets.values() for recipe in preset))
        for name, scale in self.whole.scales.items():
            path = f"scales.{name}"
            for key in ("events", "samples"):
                for process in getattr(scale, key):
                    yield from unknown(f"{path}.{key}", process, "process", ["default", *self.whole.processes])
            for recipe, entry in scale.recipes.items():
                yield from unknown(f"{path}.recipes", recipe, "recipe", ["default", *recipes])
                yield from self._names(f"{path}.recipes.{recipe}", entry)
            for preset, entries in scale.presets.items():
                yield from unknown(f"{path}.presets", preset, "preset", presets)
                for recipe, entry in entries.items():
                    yield from unknown(f"{path}.presets.{preset}", recipe, "recipe", presets.get(preset, {}))
                    yield from self._names(f"{path}.presets.{preset}.{recipe}", entry)
            for preset, found in presets.items():
                for recipe in found:
                    for place, sized in sizes_of(self.config, name, preset, recipe):
                        yield from parsed(RECIPE, sized, f"{path}.{place}")[1]
            for network, over in scale.networks.items():
                yield from self._sized_network(f"{path}.networks", network, over)

    def _sized_network(self, path: str, name: str, over: Mapping[str, Any]) -> Iterator[str]:
        """Yield the problems of a network as a scale overrides it."""
        yield from unknown(path, name, "network", self.whole.networks)
        if name in self.whole.networks:
            for key in ("type",) if isinstance(self.whole.networks[name], CustomNetwork) else NO_SIZES:
                if key in over:
                    yield f"{path}.{name}.{key}: is no size; set it under networks.{name}"
            yield from parsed(NETWORK, {**self.config["networks"][name], **over}, f"{path}.{name}")[1]


def _drawn(path: str, above: str, group: str, name: str, entry: Product) -> Iterator[str]:
    """Yield the problems of a figure or table that nothing draws, or that has not the roles that it is drawn from."""
    drawn, given = DRAWN[group], entry.draw or name
    yield from unknown(f"{path}.draw" if entry.draw else above, given, group.removesuffix("s"), drawn)
    if given not in drawn:
        return
    roles = drawn[given]
    if roles is None and not entry.runs:
        yield f"{path}.runs: names no run; give it one at least"
    for role in entry.runs if roles is not None else ():
        yield from unknown(f"{path}.runs", role, f"role of {given}", roles or ())
    for role in roles or ():
        if role not in entry.runs:
            yield f"{path}.runs.{role}: missing; name the run that plays this role"
