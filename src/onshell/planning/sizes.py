"""How large a job is, and which jobs of one kind take the same time per unit of it.

A job is known by its benchmark file, <kind>/[<preset>/]<name>.tsv. Its size is counted in events, those of a training
once for every epoch; times of jobs of the same kind and key are proportional to it.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from onshell.config import Config, Dataset, datasets, n_events, n_samples, run_spec
from onshell.config.layout import Layout
from onshell.config.studies import named, study_of
from onshell.core.errors import OnshellError
from onshell.core.reading import table_metadata

Work = tuple[str, float]
"""The key and the size of a job."""

Spec = Mapping[str, Any]
MODEL = ("n_particles", "space", "family", "network", "schedule")
TRAINING = ("batch_size", "precision", "compile", "ema", "optimizer")
"""What decides the time of a training, of its settings; not the learning rate, say."""


def key(**parts: Any) -> str:
    """Return one text that differs where any of `parts` does."""
    return json.dumps(parts, sort_keys=True)


GATHERED = key(gathered=True)
"""The key of jobs that put a table together from the shards that others drew."""


def sampling_key(spec: Spec) -> str:
    """Return what decides the time of a sampling per event: the network, and its steps."""
    return key(**{name: spec[name] for name in (*MODEL, "sampling")})


def comparison_key(dataset: str, extended: bool) -> str:
    """Return what decides the time of comparing samples with truth per event; studies compare more."""
    return key(dataset=dataset, extended=True) if extended else key(dataset=dataset)


class Works(ABC):
    """Keys and sizes of jobs by their benchmark files, from what a subclass knows of specs and tables."""

    def __init__(self, config: Config):
        self.config, self.layout = config, Layout(config)

    def of(self, kind: str, name: str) -> Work | None:
        """Return key and size of a job, or None for one of a kind that is not known here."""
        work = getattr(self, f"_of_{kind}", None)
        return work(name) if work else None

    # Rows of a table; events of one of states at several times; spec and events times epochs of a training; the spec by
    # which a table is drawn; that of a forward process; the particles of a training set; the events to train on.
    @abstractmethod
    def _rows(self, path: str) -> int: ...

    @abstractmethod
    def _states(self, path: str) -> float: ...

    @abstractmethod
    def _training(self, run: str) -> tuple[Spec, float]: ...

    @abstractmethod
    def _drawn(self, run: str, path: str) -> Spec: ...

    @abstractmethod
    def _noised(self, name: str) -> Spec: ...

    @abstractmethod
    def _n_particles(self, path: str, dataset: str) -> int: ...

    @abstractmethod
    def _trained_on(self, dataset: str) -> int: ...

    @abstractmethod
    def _is_sharded(self, run: str) -> bool: ...

    @abstractmethod
    def _of_floor(self, name: str) -> Work: ...

    @abstractmethod
    def _of_metrics(self, name: str) -> Work: ...

    def _of_generate(self, name: str) -> Work:
        return key(name=name), self._rows(self.layout.events(name))

    _of_import = _of_generate

    def _of_final(self, name: str) -> Work:
        return key(name=name), self._rows(self.layout.final(name))

    def _of_embed(self, name: str) -> Work:
        (dataset, _, augmentation), path = name.rpartition("."), self.layout.embedded(name)
        return key(n_particles=self._n_particles(path, dataset), augmentation=augmentation), self._rows(path)

    def _of_train(self, name: str) -> Work:
        spec, size = self._training(name)
        settings = {name: spec["training"][name] for name in TRAINING if name in spec["training"]}
        return key(**{name: spec[name] for name in (*MODEL, "prior", "loss")}, training=settings), size

    def _of_sample(self, name: str) -> Work:
        run, shards = shard_of(name)
        path = self.layout.samples(run)
        if not shards and self._is_sharded(run):
            return GATHERED, self._states(path)
        return sampling_key(self._drawn(run, path)), self._states(path) / (shards or 1)

    def _of_trajectory(self, name: str) -> Work:
        path = self.layout.trajectory(name)
        return sampling_key(self._drawn(name, path)), self._states(path)

    def _of_export(self, name: str) -> Work:
        path = self.layout.samples(name)
        return key(n_particles=self._drawn(name, path)["n_particles"]), self._rows(path)

    def _of_forward(self, name: str) -> Work:
        spec = self._noised(name)
        known = {part: spec[part] for part in ("n_particles", "space", "schedule")}
        return key(**known), self._states(self.layout.forward(name))

    def _of_autoencoder(self, name: str) -> Work:
        sizes = self.config["scales"][self.config["scale"]]["autoencoder"]
        return key(name=name), min(sizes["events"], self._trained_on(name)) * sizes["epochs"]

    def _of_summary(self, name: str) -> Work:
        return key(), 1

    def _of_figures(self, name: str) -> Work:
        return key(name=name), self._shown("figures", name)

    def _of_tables(self, name: str) -> Work:
        return key(name=name), self._shown("tables", name)

    def _shown(self, group: str, name: str) -> int:
        """Return how many events a figure or table is made from; 1 for one that is made from metrics alone."""
        files = [path for kind in self.layout.inputs(group, name).values() for path in kind.values()]
        return sum(self._rows(path) for path in files if path.endswith(".parquet")) or 1


def shard_of(name: str) -> tuple[str, int]:
    """Return the run of a sampling, and how many shards it is one of; 0 for one that is not divided."""
    run, _, shard = name.partition(".shard-")
    return run, int(shard.rpartition("of")[2]) if shard else 0


class Planned(Works):
    """Keys and sizes of the jobs that a configuration asks for."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.sets = {name: self._counted(entry) for name, entry in datasets(config).items()}
        self.scale = config["scales"][config["scale"]]
        self.specs: dict[str, Spec] = {}

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

    @cached_property
    def _known(self) -> dict[str, tuple[int, int]]:
        """Return the number of events, and of times, of every table, by path."""
        layout = self.layout
        found: dict[str, tuple[int, int]] = {}
        for name, entry in self.sets.items():
            found |= {layout.events(name): (entry.n_train + entry.n_test, 1), layout.final(name): (entry.n_test, 1)}
            found |= {layout.embedded(f"{name}.{one}"): (entry.n_train, 1) for one in self.config["augmentations"]}
        for run, entry in named(self.config, "runs").items():
            found[layout.samples(run)] = n_events(self.config, run), 1
            found[layout.trajectory(run)] = self.scale["trajectory_events"], len(entry.get("trajectory", ()))
        for name, entry in self.config.get("forward", {}).items():
            found[layout.forward(name)] = self.scale["forward_events"], len(entry["times"])
        return found

    def spec(self, run: str) -> Spec:
        """Return everything that defines a model."""
        if run not in self.specs:
            self.specs[run] = run_spec(self.config, run)
        return self.specs[run]

    def _rows(self, path: str) -> int:
        events, times = self._known.get(path, (0, 1))
        return events * times

    def _states(self, path: str) -> float:
        return self._known[path][0]

    def _training(self, run: str) -> tuple[Spec, float]:
        spec = self.spec(run)
        return spec, self.sets[spec["dataset"]].n_train * spec["training"]["epochs"]

    def _drawn(self, run: str, path: str) -> Spec:
        return self.spec(run)

    def _noised(self, name: str) -> Spec:
        return self.spec(self.config["forward"][name]["run"])

    def _n_particles(self, path: str, dataset: str) -> int:
        return self.sets[dataset].n_particles

    def _trained_on(self, dataset: str) -> int:
        return self.sets[dataset].n_train

    def _is_sharded(self, run: str) -> bool:
        return bool(self.layout.shards(run))

    def _of_floor(self, name: str) -> Work:
        # That of a study is named by its sample's size too, and compares more.
        dataset, extended = (name, False) if name in self.sets else (name.rpartition(".")[0], True)
        sample = int(name.rpartition(".")[2]) if extended else n_samples(self.config, name)
        size = (sample + self.sets[dataset].n_test) * self.scale["floor_replicates"]
        return comparison_key(dataset, extended), size

    def _of_metrics(self, name: str) -> Work:
        dataset, extended = self.spec(name)["dataset"], study_of(self.config, "runs", name) is not None
        return comparison_key(dataset, extended), n_events(self.config, name) + self.sets[dataset].n_test
