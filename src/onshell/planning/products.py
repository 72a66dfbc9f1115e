"""What the products of earlier runs say of the jobs that made them: how large these were, and on what they ran."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from onshell.config import Config
from onshell.config.layout import Layout
from onshell.core.reading import read_json, table_metadata
from onshell.planning.sizes import (
    GATHERED,
    comparison_key,
    drawn_events,
    embedding_key,
    forward_key,
    key,
    sampling_key,
    shard_of,
    training_key,
)


@dataclass(frozen=True)
class Product:
    """What a finished job was: its key and size in the terms of `sizes`, its files, and where it ran if they say so."""

    key: str
    size: float
    files: tuple[str, ...]
    grows: bool = False
    """Whether the files grow with the size."""
    device: str | None = None
    processes: int = 1
    wall_s: float | None = None
    cpu_s: float | None = None
    processor: str | None = None

    @property
    def disk_mb(self) -> float:
        """Return the size of the files in MB."""
        return sum(Path(path).stat().st_size for path in self.files) / 1e6


def product(config: Config, kind: str, name: str) -> Product | None:
    """Return the product of the job `name` of a kind, under the configuration's folders; None for an unknown kind.

    Raises
    ------
    OSError, ValueError, KeyError, OnshellError
        When the product is not there, is not what it should be, or was made by another version.
    """
    read = KINDS.get(kind)
    return None if read is None else read(config, Layout(config), name)


Reader = Callable[[Config, Layout, str], Product]


def _generate(config: Config, layout: Layout, name: str) -> Product:
    path = layout.events(name)
    return Product(key(name=name), rows(path), (path,), grows=True)


def _final(config: Config, layout: Layout, name: str) -> Product:
    path = layout.final(name)
    return Product(key(name=name), rows(path), (path,), grows=True)


def _export(config: Config, layout: Layout, name: str) -> Product:
    """Return what an exported Les Houches file is: as large as the table that it was written from."""
    table, path = layout.samples(name), layout.exported(name)
    return Product(key(n_particles=metadata(table)["n_particles"]), rows(table), (path,), grows=True)


def _embed(config: Config, layout: Layout, name: str) -> Product:
    path = layout.embedded(name)
    about = metadata(path)
    return Product(embedding_key(about["n_particles"], name.rpartition(".")[2]), rows(path), (path,), grows=True)


def _train(config: Config, layout: Layout, name: str) -> Product:
    found = record(layout.record(name))
    model = layout.model(name)
    files = (model, str(Path(model).with_name("history.csv")), layout.record(name))
    return Product(
        training_key(found["spec"]), found["n_events"] * found["epochs"], files, device=device_of(found),
        processes=found["processes"], wall_s=found["seconds"], cpu_s=found["cpu_seconds"],
        processor=found["provenance"]["processor"],
    )  # fmt: skip


def _sample(config: Config, layout: Layout, name: str) -> Product:
    """Return what a sampling is: a whole one, one of its shards, or what puts these together."""
    run, shards = shard_of(name)
    whole = _sampled(layout, run, layout.samples(run))
    if shards:
        return replace(whole, size=whole.size / shards, files=())
    dealt = any(Path(layout.benchmark("sample", config["preset"], run)).parent.glob(f"{run}.shard-*.tsv"))
    return replace(whole, key=GATHERED) if dealt else whole


def _trajectory(config: Config, layout: Layout, name: str) -> Product:
    return _sampled(layout, name, layout.trajectory(name))


def _sampled(layout: Layout, run: str, path: str) -> Product:
    """Return what a table of generated events or snapshots is; it is made where its model was trained."""
    about, made = metadata(path), record(layout.record(run))
    spec = {**about["spec"], "sampling": {**about["spec"]["sampling"], **about["sampling"]}}
    size = rows(path) / len(about["times"])
    processor = made["provenance"]["processor"]
    return Product(sampling_key(spec), size, (path,), grows=True, device=device_of(made), processor=processor)


def _forward(config: Config, layout: Layout, name: str) -> Product:
    path = layout.forward(name)
    about = metadata(path)
    known = forward_key(about["n_particles"], "p" if "unit" in about else "q", about["schedule"])
    return Product(known, rows(path) / len(about["times"]), (path,), grows=True)


def _autoencoder(config: Config, layout: Layout, name: str) -> Product:
    """Return what an autoencoder is; its file does not say on what it was trained, so the configuration must."""
    sizes, path = config["scales"][config["scale"]]["autoencoder"], layout.autoencoder(name)
    train = metadata(layout.events(name))["split"]["train"]
    return Product(key(name=name), min(sizes["events"], train[1] - train[0]) * sizes["epochs"], (path,))


def _floor(config: Config, layout: Layout, name: str) -> Product:
    found = record(layout.floor(name))
    size = (found["comparison"]["sample"] + found["comparison"]["truth"]) * found["replicates"]
    return Product(comparison_key(found["dataset"], found.get("thorough", False)), size, (layout.floor(name),))


def _metrics(config: Config, layout: Layout, name: str) -> Product:
    found = record(layout.metrics(name))
    counts = found["counts"]
    known = comparison_key(found["dataset"], "tails" in found)
    return Product(known, counts["sample"] + counts["truth"], (layout.metrics(name),))


def _summary(config: Config, layout: Layout, name: str) -> Product:
    return Product(key(), 1, tuple(layout.summary().values()))


def _drawn(group: str) -> Reader:
    """Return the function that says what a figure or table is."""

    def read(config: Config, layout: Layout, name: str) -> Product:
        size = drawn_events(layout, group, name, rows)
        return Product(key(name=name), size, tuple(layout.product(group, name).values()))

    return read


KINDS: dict[str, Reader] = {
    "generate": _generate,
    "final": _final,
    "import": _generate,
    "embed": _embed,
    "train": _train,
    "sample": _sample,
    "export": _export,
    "trajectory": _trajectory,
    "forward": _forward,
    "autoencoder": _autoencoder,
    "floor": _floor,
    "metrics": _metrics,
    "summary": _summary,
    "figures": _drawn("figures"),
    "tables": _drawn("tables"),
}


def device_of(found: Mapping[str, Any]) -> str:
    """Return the kind of device that a run's record names: cpu or cuda."""
    return str(found["device"]).partition(":")[0]


def rows(path: str) -> int:
    """Return the number of events in a table."""
    return _table(path)[0]


def metadata(path: str) -> dict[str, Any]:
    """Return what a table says of itself."""
    return _table(path)[1]


@cache
def _table(path: str) -> tuple[int, dict[str, Any]]:
    """Return number of events and metadata of a table; no event is read."""
    from pyarrow import parquet

    about = parquet.read_metadata(path)
    return about.num_rows, table_metadata(about.metadata[b"onshell"], path)


def record(path: str) -> dict[str, Any]:
    """Return what a JSON file of a finished job says."""
    return read_json(path, "record of a job", "run the job again")
