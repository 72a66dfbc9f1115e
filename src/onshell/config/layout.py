"""Where every product lives: the one place that the command line and the workflow ask."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onshell.config.datasets import datasets
from onshell.config.drawn import DRAWN_FROM
from onshell.config.resolve import judge_of, resources_of
from onshell.config.studies import Config, entry_of, study_of, trained

FORMATS = {"figures": ("pdf", "png", "csv"), "tables": ("csv", "tex", "md")}


class Layout:
    """Paths of products under one configuration: its results folder, scale and preset.

    What belongs to a study lies in a folder of the study, whatever the preset. With `study`, such as "{study}" in a
    pattern, that is where everything lies whose name is not known.
    """

    def __init__(self, config: Config, study: str | None = None):
        self.config = config
        self.scale = Path(config["results"], config["scale"])
        self.preset = self.scale / config["preset"] if study is None else self._study(study)

    def _study(self, study: str) -> Path:
        return self.scale / "studies" / study

    def home(self, group: str, name: str) -> Path:
        """Return the folder that the products of a run, figure or table (`group`) lie in: its preset's or study's."""
        study = study_of(self.config, group, name)
        return self.preset if study is None else self._study(study)

    def events(self, dataset: str) -> str:
        """Return the path of a dataset's exact truth."""
        return str(self.scale / "events" / f"{dataset}.parquet")

    def final(self, dataset: str) -> str:
        """Return the path of the exact truth that no choice of settings has seen, a table of its own."""
        return str(self.scale / "events" / f"{dataset}.final.parquet")

    def judged(self, dataset: str) -> str:
        """Return the path of the truth that models of a dataset are compared with; imports have all parts in one."""
        if judge_of(self.config) == "final" and datasets(self.config)[dataset].source is None:
            return self.final(dataset)
        return self.events(dataset)

    def embedded(self, training_set: str) -> str:
        """Return the path of a training set, named <dataset>.<augmentation>."""
        return str(self.scale / "embedded" / f"{training_set}.parquet")

    def training_data(self, spec: Mapping[str, Any]) -> str:
        """Return the path of what the run `spec` trains on: a training set, or the truth itself in p-space."""
        if spec["space"] == "p":
            return self.events(spec["dataset"])
        return self.embedded(f"{spec['dataset']}.{spec['augmentation']}")

    def run(self, run: str) -> str:
        """Return the folder of a run's training; of one that has none of its own, that of the model it samples."""
        run = trained(self.config, run)
        return str(self.home("runs", run) / "runs" / run)

    def model(self, run: str) -> str:
        """Return the path of a trained model."""
        return str(Path(self.run(run)) / "model.pt")

    def record(self, run: str) -> str:
        """Return the path of what a model was trained with, on and for how long."""
        return str(Path(self.run(run)) / "run.json")

    def samples(self, run: str) -> str:
        """Return the path of the events that a model generated."""
        return str(self.home("runs", run) / "samples" / f"{run}.parquet")

    def shard(self, run: str, number: int | str, of: int | str) -> str:
        """Return the path of the table of shard `number` of those that a model's events are drawn in."""
        return str(self.home("runs", run) / "samples" / f"{run}.shard-{number}of{of}.parquet")

    def shards(self, run: str) -> list[str]:
        """Return the paths of the tables of all shards of a run's events; none if a single job draws them."""
        number = resources_of(self.config, run)["shards"]
        return [self.shard(run, k, number) for k in range(1, number + 1)] if number > 1 else []

    def exported(self, run: str) -> str:
        """Return the path of the events that a model generated, as a Les Houches file."""
        return str(self.home("runs", run) / "samples" / f"{run}.lhe.gz")

    def trajectory(self, run: str) -> str:
        """Return the path of a model's snapshots of the reverse process."""
        return str(self.home("runs", run) / "samples" / f"{run}.trajectory.parquet")

    def forward(self, name: str) -> str:
        """Return the path of a forward process' snapshots."""
        return str(self.preset / "forward" / f"{name}.parquet")

    def autoencoder(self, dataset: str) -> str:
        """Return the path of the autoencoders trained on a dataset's truth."""
        return str(self.scale / "autoencoders" / f"{dataset}.pt")

    def floor(self, dataset: str, size: int | str | None = None) -> str:
        """Return the path of a dataset's statistical floor: truth against truth, for samples of the usual or any size.

        That of any other size is a study's, and holds everything that studies compare.
        """
        return str(self.scale / "floors" / (f"{dataset}.json" if size is None else f"{dataset}.{size}.json"))

    def metrics(self, run: str) -> str:
        """Return the path of a run's metrics."""
        return str(self.home("runs", run) / "metrics" / f"{run}.json")

    def summary(self) -> dict[str, str]:
        """Return the paths of the metrics of all runs in one table, by format."""
        return {kind: str(self.preset / f"summary.{kind}") for kind in ("csv", "md")}

    def product(self, group: str, name: str) -> dict[str, str]:
        """Return the paths of a figure (`group` = figures) or table by format."""
        return {kind: str(self.home(group, name) / group / f"{name}.{kind}") for kind in FORMATS[group]}

    def page(self) -> str:
        """Return the path of the page that shows all presets of the scale."""
        return str(self.scale / "index.html")

    def log(self, *name: str) -> str:
        """Return the path of a job's log."""
        return str(self.scale.joinpath("logs", *name)) + ".log"

    def benchmark(self, *name: str) -> str:
        """Return the path of a job's measured time and memory."""
        return str(self.scale.joinpath("benchmarks", *name)) + ".tsv"

    def timed(self, group: str, name: str) -> dict[str, str]:
        """Return the measured times of the samplings behind a study's figure or table, by run; they may be absent."""
        runs = entry_of(self.config, group, name).get("runs", {}).values()
        found = {run: study_of(self.config, "runs", run) for run in runs}
        return {run: self.benchmark("sample", "studies", study, run) for run, study in found.items() if study}

    def training_sets(self) -> list[str]:
        """Return the names of all training sets: every dataset in every augmentation."""
        return [
            f"{name}.{augmentation}" for name in datasets(self.config) for augmentation in self.config["augmentations"]
        ]

    def inputs(self, group: str, name: str) -> dict[str, dict[str, str]]:
        """Return the files that a figure or table needs, by kind and then by the name of what they hold."""
        entry = entry_of(self.config, group, name)
        runs = list(dict.fromkeys(entry.get("runs", {}).values()))
        needs = entry.get("needs", DRAWN_FROM.get(entry.get("draw", name), ("samples",)))
        found = {
            "events": {dataset: self.events(dataset) for dataset in entry.get("events", [])},
            "embedded": {training_set: self.embedded(training_set) for training_set in entry.get("embedded", [])},
            "forward": {key: self.forward(key) for key in entry.get("forward", [])},
            "samples": {run: self.samples(run) for run in runs if "samples" in needs},
            "trajectories": {run: self.trajectory(run) for run in runs if "trajectories" in needs},
            "metrics": {run: self.metrics(run) for run in runs if "metrics" in needs},
            "records": {run: self.record(run) for run in runs if "records" in needs},
        }
        return {kind: files for kind, files in found.items() if files}
