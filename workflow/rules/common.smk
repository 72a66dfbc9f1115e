"""The only helper functions of the workflow: what the rules ask of the configuration.

Makes: nothing. Needs: config.yaml (or the package's own, in a folder without), validated here, before any rule is read.
"""

import json
import os
import re
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

from onshell import config as configuration
from onshell.core import paths
from onshell.config import overrides as settings
from onshell.core.errors import OnshellError
from onshell.config.layout import Layout
from onshell.report.text import capital, subject_of
from onshell.figures.sources import digest
from onshell.config.studies import (
    anchor,
    entry_of,
    studies,
    study_of,
    title_of,
    trainings,
)

# The folder of the workflow, which need not be that of the Snakefile that is run: it may be a module of another.
HERE = Path(workflow.source_path("../../envs/environment.yaml")).parents[1]

try:
    # Before Snakemake reads it, which knows no bound and needs a page for an error.
    WRITTEN = configuration.read("config.yaml")
except OnshellError as error:
    sys.exit(f"onshell: error: {error}")


if Path("config.yaml").exists():

    configfile: "config.yaml"


try:
    # Snakemake knows nothing of `include` and `extends`.
    asked = configuration.read(
        "config.yaml", *(workflow.config_settings.configfiles or ())
    )
    over = dict(workflow.config_settings.overwrite_config)
    over.pop("include", None)
    asked = configuration.merge(asked, over)
    # It makes text of all numbers within --config.
    named = settings.typed(workflow.config_settings.config, WRITTEN)
    config.clear()
    config.update(configuration.expand(configuration.merge(asked, named)))
    CHANGED = settings.differences(WRITTEN, config)
    configuration.validate(
        config,
        "the configuration" if workflow.config_settings.configfiles else "config.yaml",
    )
except OnshellError as error:
    sys.exit(f"onshell: error: {error}")

refusal = configuration.unwritable(config["results"])
refusal = refusal or configuration.missing_source(config)
if refusal:
    sys.exit(f"onshell: error: {refusal}")

L = Layout(config)
DATASETS = configuration.datasets(config)
IMPORTED = [name for name, entry in DATASETS.items() if entry.source]
JUDGE = configuration.judge_of(config)
SIZES = config["scales"][config["scale"]]
CONDA = str(HERE / "envs" / "environment.yaml")


def sources(*patterns):
    """Return code of the package that products are made again for; as paths that the whole folder may move with."""
    package = Path(configuration.__file__).parents[1]
    found = sorted(path for pattern in patterns for path in package.glob(pattern))
    here = Path.cwd()
    return [
        str(path.relative_to(here) if path.is_relative_to(here) else path)
        for path in found
        if path.is_file() and path.suffix != ".pyc"
    ]


# Editing the code of the page or a caption makes the page again, editing that of a figure draws it again (`drawing`);
# editing any other code of the package runs nothing by itself.
PAGES = sources(
    "report/**/*", "core/format.py", "evaluation/summary.py", "planning/benchmarks.py"
)
CAPTIONS = sorted(map(str, Path(HERE, "workflow", "report").glob("*.rst")))


class Words(list):
    """Words of shell lines that look the same to Snakemake whatever they are: no job is planned again for them alone."""

    def __repr__(self):
        return "words"


def overrides(wildcards):
    """Return what was changed on Snakemake's command line: the commands read config.yaml by themselves.

    What of it a job depends on is among its other parameters.
    """
    elsewhere = ("scale=", "preset=", "resources=", "resources.")
    return Words(f"--set={line}" for line in CHANGED if not line.startswith(elsewhere))


onstart:
    sources = [entry.source for entry in DATASETS.values() if entry.source]
    for refusal in filter(None, map(paths.remote, [config["results"], *sources])):
        if not workflow.local_exec:
            sys.exit(f"onshell: error: {refusal}")


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    augmentation="|".join(map(re.escape, config["augmentations"])),
    run="|".join(map(re.escape, config["runs"])) or "(?!)",
    forward="|".join(map(re.escape, config.get("forward", {}))) or "(?!)",


def leaf(value):
    """Return a parameter as one line of JSON: the job is planned again when it changes, and only then."""
    return json.dumps(value, sort_keys=True)


@cache
def spec(run):
    """Return everything that defines a model; asked for many times a job, and never changed."""
    return configuration.run_spec(config, run)


def training_set(run):
    """Return the path of what a run trains on."""
    return L.training_data(spec(run))


@cache
def granted(run):
    """Return what the jobs of a run get on a cluster: gpus, gpus_per_node, nodes, shards, runtime (min), mem_mb."""
    resources = configuration.resources_of(config, run)
    return {**resources, "gpus_per_node": resources["gpus"] // resources["nodes"]}


def across(run, value):
    """Return a resource that only a training on several nodes has; Snakemake drops what is None."""
    return value if granted(run)["nodes"] > 1 else None


def titles():
    """Return the title of every process: the chapters of the page."""
    return {
        name: entry.get("title", name) for name, entry in config["processes"].items()
    }


def history(run):
    """Return the path of a training's epochs."""
    return str(Path(L.record(run)).with_name("history.csv"))


def forwarded(name):
    """Return the run whose forward process is called `name`."""
    return spec(config["forward"][name]["run"])


def embedding(wildcards):
    """Return everything, besides the truth itself, that defines a training set."""
    augmentation = config["augmentations"][wildcards.augmentation]
    return leaf({"augmentation": augmentation, "seed": config["seed"]})


@cache
def used_training_sets():
    """Return the paths of the training sets that a run learns from, under any preset, or that a figure shows."""
    every = [
        *(
            configuration.run_spec({**config, "preset": preset}, run)
            for preset, recipes in config["presets"].items()
            for run, entry in config["runs"].items()
            if entry["recipe"] in recipes
        ),
        *(
            configuration.run_spec(config, run)
            for about in studies(config).values()
            for run in about["runs"]
        ),
    ]
    shown = [
        training_set
        for group in ("figures", "tables")
        for entry in config[group].values()
        for training_set in entry.get("embedded", [])
    ]
    return {*map(L.training_data, every), *map(L.embedded, shown)}


def pool_part(dataset):
    """Return the part of truth whose size a floor is for: of a generator's all are of one size, and share the floor."""
    return JUDGE if dataset in IMPORTED else "test"


def trajectories():
    """Return the runs that keep snapshots of their reverse process."""
    return [run for run, entry in config["runs"].items() if "trajectory" in entry]


def alternatives(names):
    """Return a pattern that any of `names` matches, and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


def exported():
    """Return the runs whose events are handed back as Les Houches files: those of imported processes."""
    return [run for run in config["runs"] if spec(run)["dataset"] in IMPORTED]


def products(group):
    """Return the paths of every figure or table."""
    return [path for name in config[group] for path in L.product(group, name).values()]


def outputs(group, name):
    """Return the paths of a figure or table by format; the PNG, or the CSV of a table, goes into the report."""
    paths, study = L.product(group, name), study_of(config, group, name)
    caption = Path(HERE, "workflow", "report", f"{name}.rst")
    shown = "png" if group == "figures" else "csv"
    about = config["processes"].get(subject_of(config, group, name), {})
    if caption.exists():
        paths[shown] = report(
            paths[shown],
            caption=str(caption),
            category=capital(
                title_of(config, study) if study else about.get("title", "other")
            ),
            subcategory=group.capitalize(),
            labels={
                "name": name,
                "shows": entry_of(config, group, name).get("title", name),
            },
        )
    return paths


def everything():
    """Return the paths of all products."""
    return [
        *map(L.events, DATASETS),
        *map(L.embedded, L.training_sets()),
        *map(L.samples, config["runs"]),
        *map(L.trajectory, trajectories()),
        *map(L.metrics, config["runs"]),
        *map(L.forward, config.get("forward", {})),
        *L.summary().values(),
        *products("figures"),
        *products("tables"),
        *map(L.exported, exported()),
        L.page(),
    ]


def belongs(paths):
    """Return a function of the wildcards that returns what `paths` does, if the run is of the study."""

    def checked(wildcards):
        home = study_of(config, "runs", wildcards.run)
        if home != wildcards.study:
            raise OnshellError(f"{wildcards.run}: is of the study {home}")
        return paths(wildcards.run)

    return checked


def inputs(group, name):
    """Return the paths that a figure or table needs."""
    return [path for files in L.inputs(group, name).values() for path in files.values()]


def drawing(group, name):
    """Return a digest of the code that draws a figure or writes a table: a job is planned again when it changes."""
    return digest(entry_of(config, group, name).get("draw", name))


def describe(name, text):
    """Say in `snakemake --list-rules` what a rule without a text of its own makes."""
    # In a module of another workflow rules have other names, and some may be left out.
    rule_name = workflow.modifier.modify_rulename(name)
    if workflow.is_rule(rule_name):
        workflow.get_rule(rule_name).docstring = text


def title_line(group, name):
    """Return what a figure or table shows, as a sentence."""
    return f"{capital(entry_of(config, group, name).get('title', name))}."
