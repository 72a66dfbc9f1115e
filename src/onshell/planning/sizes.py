"""How large a job is, and which jobs of one kind take the same time per unit of it.

A job is known by its benchmark file, <kind>/[<preset>/]<name>.tsv. Its size is counted in events, those of a training
once for every epoch; times of jobs of the same kind and key are proportional to it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from onshell.config import Config, Dataset, datasets, n_events, n_samples, run_spec
from onshell.config.layout import Layout
from onshell.config.studies import named, study_of
from onshell.core.errors import OnshellError
from onshell.core.reading import table_metadata

Rows = Callable[[str], int]
"""The number of events in the table at a path."""


def key(**parts: Any) -> str:
    """Return one text that differs where any of `parts` does."""
    return json.dumps(parts, sort_keys=True)


def training_key(spec: Mapping[str, Any]) -> str:
    """Return what decides the time of a training per event and epoch; not the data, the learning rate or the seed."""
    names = ("batch_size", "precision", "compile", "ema", "optimizer")
    training = {name: spec["training"][name] for name in names if name in spec["training"]}
    model = {name: spec[name] for name in ("n_particles", "space", "family", "network", "schedule", "prior", "loss")}
    return key(**model, training=training)


def sampling_key(spec: Mapping[str, Any]) -> str:
    """Return what decides the time of a sampling per event: the network, and its steps."""
    return key(**{name: spec[name] for name in ("n_particles", "space", "family", "network", "schedule", "sampling")})


GATHERED = key(gathered=True)
"""The key of jobs that put a table together from the shards that others drew."""


def shard_of(name: str) -> tuple[str, int]:
    """Return the run of a sampling, and how many shards it is one of; 0 for one that is not dealt out."""
    run, _, shard = name.partition(".shard-")
    return run, int(shard.rpartition("of")[2]) if shard else 0


def forward_key(n_particles: int, space: str, schedule: Mapping[str, Any]) -> str:
    """Return what decides the time of a forward process per event."""
    return key(n_particles=n_particles, space=space, schedule=schedule)


def embedding_key(n_particles: int, augmentation: str) -> str:
    """Return what decides the time of an embedding per event."""
    return key(n_particles=n_particles, augmentation=augmentation)


def comparison_key(dataset: str, thorough: bool) -> str:
    """Return what decides the time of comparing samples with truth per event; studies compare more."""
    return key(dataset=dataset, thorough=True) if thorough else key(dataset=dataset)


class Sizes:
    """Keys and sizes of the jobs of one configuration, by the names of their benchmark files."""

    def __init__(self, config: Config):
        self.config, self.layout = config, Layout(config)
        self.sets = {name: self._counted(entry) for name, entry in datasets(config).items()}
        self.scale = config["scales"][config["scale"]]
        self.specs: dict[str, dict[str, Any]] = {}
        self.kinds: dict[str, Callable[[str], tuple[str, float]]] = {
            "generate": self._generate,
            "final": lambda name: (key(name=name), self.sets[name].n_test),
            "import": self._generate,
            "embed": self._embed,
            "train": self._train,
            "sample": self._sample,
            "export": lambda name: (
                key(n_particles=self._data(name).n_particles),
                n_events(config, name),
            ),
            "trajectory": self._trajectory,
            "forward": self._forward,
            "autoencoder": self._autoencoder,
            "floor": self._floor,
            "metrics": self._metrics,
            "summary": lambda name: (key(), 1),
            "figures": lambda name: (key(name=name), drawn_events(self.layout, "figures", name, self.rows)),
            "tables": lambda name: (key(name=name), drawn_events(self.layout, "tables", name, self.rows)),
        }

    def _counted(self, entry: Dataset) -> Dataset:
        """Return a dataset with the events that it has, if it was imported already: the scale only says the most."""
        path = Path(self.layout.events(entry.name))
        if entry.source is None or not path.is_file():
            return entry
        from pyarrow import parquet

        try:
            parts = table_metadata(parquet.read_metadata(path).metadata[b"onshell"], path)["split"]
            n_train, n_test = (parts[part][1] - parts[part][0] for part in ("train", "test"))
        except (OSError, ValueError, KeyError, TypeError, OnshellError):
            return entry
        return replace(entry, n_train=n_train, n_test=n_test)

    def of(self, kind: str, name: str) -> tuple[str, float] | None:
        """Return key and size of a job, or None for one of a kind that is not known here."""
        return self.kinds[kind](name) if kind in self.kinds else None

    def rows(self, path: str) -> int:
        """Return how many events the table at `path` will have."""
        return self._tables.get(path, 0)

    @cached_property
    def _tables(self) -> dict[str, int]:
        """Return the number of events of every table, by path."""
        layout, found = self.layout, {}
        for name, entry in self.sets.items():
            found[layout.events(name)] = entry.n_train + entry.n_test
            found |= {layout.embedded(f"{name}.{key}"): entry.n_train for key in self.config["augmentations"]}
        for run, entry in named(self.config, "runs").items():
            found[layout.samples(run)] = n_events(self.config, run)
            found[layout.trajectory(run)] = self.scale["trajectory_events"] * len(entry.get("trajectory", ()))
        for name, entry in self.config.get("forward", {}).items():
            found[layout.forward(name)] = self.scale["forward_events"] * len(entry["times"])
        return found

    def _spec(self, run: str) -> dict[str, Any]:
        if run not in self.specs:
            self.specs[run] = run_spec(self.config, run)
        return self.specs[run]

    def _data(self, run: str) -> Dataset:
        return self.sets[self._spec(run)["dataset"]]

    def _generate(self, name: str) -> tuple[str, float]:
        return key(name=name), self.sets[name].n_train + self.sets[name].n_test

    def _embed(self, name: str) -> tuple[str, float]:
        dataset, _, augmentation = name.rpartition(".")
        return embedding_key(self.sets[dataset].n_particles, augmentation), self.sets[dataset].n_train

    def _train(self, name: str) -> tuple[str, float]:
        spec = self._spec(name)
        return training_key(spec), self._data(name).n_train * spec["training"]["epochs"]

    def _sample(self, name: str) -> tuple[str, float]:
        run, shards = shard_of(name)
        size = n_events(self.config, run)
        if not shards and self.layout.shards(run):
            return GATHERED, size
        return sampling_key(self._spec(run)), size / (shards or 1)

    def _trajectory(self, name: str) -> tuple[str, float]:
        return sampling_key(self._spec(name)), self.scale["trajectory_events"]

    def _forward(self, name: str) -> tuple[str, float]:
        spec = self._spec(self.config["forward"][name]["run"])
        return forward_key(spec["n_particles"], spec["space"], spec["schedule"]), self.scale["forward_events"]

    def _autoencoder(self, name: str) -> tuple[str, float]:
        sizes = self.scale["autoencoder"]
        return key(name=name), min(sizes["events"], self.sets[name].n_train) * sizes["epochs"]

    def _floor(self, name: str) -> tuple[str, float]:
        # That of a study is named by its sample's size too, and tells more.
        dataset, thorough = (name, False) if name in self.sets else (name.rpartition(".")[0], True)
        sample = int(name.rpartition(".")[2]) if thorough else n_samples(self.config, name)
        size = (sample + self.sets[dataset].n_test) * self.scale["floor_replicates"]
        return comparison_key(dataset, thorough), size

    def _metrics(self, name: str) -> tuple[str, float]:
        dataset, thorough = self._spec(name)["dataset"], study_of(self.config, "runs", name) is not None
        return comparison_key(dataset, thorough), n_events(self.config, name) + self.sets[dataset].n_test


def drawn_events(layout: Layout, group: str, name: str, rows: Rows) -> int:
    """Return how many events a figure or table is made from; 1 for one that is made from metrics alone."""
    files = [path for kind in layout.inputs(group, name).values() for path in kind.values()]
    return sum(rows(path) for path in files if path.endswith(".parquet")) or 1
