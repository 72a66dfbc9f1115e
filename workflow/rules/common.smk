"""The only helper functions of the workflow: what the rules ask of the configuration.

Makes: nothing. Needs: config.yaml, validated here, before any rule is read.
"""

import json
import os
import re
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

from onshell import config as configuration
from onshell.errors import OnshellError
from onshell.layout import Layout

try:
    WRITTEN = configuration.read("config.yaml")
    # Snakemake overrides what two YAML aliases share in both places; here only the one that was named changes.
    asked = workflow.config_settings.overwrite_config
    config.update(configuration.merge(WRITTEN, asked))
    configuration.validate(
        config, "the configuration" if workflow.configfiles[1:] else "config.yaml"
    )
except OnshellError as error:
    sys.exit(f"onshell: error: {error}")

refusal = configuration.unwritable(config["results"])
if refusal:
    sys.exit(f"onshell: error: {refusal}")

L = Layout(config)
DATASETS = configuration.datasets(config)
SIZES = config["scales"][config["scale"]]
CONDA = str(Path(workflow.basedir) / "envs" / "environment.yaml")

# Editing the drawing code draws again; editing any other code of the package runs nothing by itself.
DRAWING = sorted(map(str, Path(configuration.__file__).parent.glob("figures/*.[pm]*")))

# The commands read config.yaml by themselves: what was changed on Snakemake's command line must reach them too. Scale and
# preset stand in the shell lines; the rest travels in the environment, where it is no parameter of every job.
CHANGED = configuration.differences(WRITTEN, config)
os.environ.update(
    ONSHELL_SET=json.dumps(
        [line for line in CHANGED if not line.startswith(("scale=", "preset="))]
    )
)


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


def forwarded(name):
    """Return the run whose forward process is called `name`."""
    return spec(config["forward"][name]["run"])


def embedding(wildcards):
    """Return everything, besides the truth itself, that defines a training set."""
    augmentation = config["augmentations"][wildcards.augmentation]
    return leaf({"augmentation": augmentation, "seed": config["seed"]})


def trajectories():
    """Return the runs that keep snapshots of their reverse process."""
    return [run for run, entry in config["runs"].items() if "trajectory" in entry]


def products(group):
    """Return the paths of every figure or table."""
    return [path for name in config[group] for path in L.product(group, name).values()]


def outputs(group, name):
    """Return the paths of a figure or table by format; the PNG, or the CSV of a table, goes into the report."""
    paths = L.product(group, name)
    caption = Path(workflow.basedir, "workflow", "report", f"{name}.rst")
    shown = "png" if group == "figures" else "csv"
    if caption.exists():
        paths[shown] = report(
            paths[shown],
            caption=str(caption),
            category=group.capitalize(),
            labels={"name": name},
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
    ]


def inputs(group, name):
    """Return the paths that a figure or table needs."""
    return [path for files in L.inputs(group, name).values() for path in files.values()]
