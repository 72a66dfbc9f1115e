"""Finished jobs, by their products: how large they were, where they ran, and what they left on the disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from onshell.core.reading import read_json, table_metadata
from onshell.planning.sizes import Spec, Work, Works, comparison_key, shard_of

TABLES = ("generate", "final", "import", "embed", "sample", "trajectory", "forward", "export")
"""Jobs whose files grow with their size."""


@dataclass(frozen=True)
class Run:
    """Where a job ran, and how long: of a training by its record, of a sampling by that of its model."""

    device: str | None = None
    processes: int = 1
    wall_s: float | None = None
    cpu_s: float | None = None
    processor: str | None = None


class Finished(Works):
    """Keys and sizes of the jobs that are finished under a configuration's folders, as their products say.

    What is read raises OSError, ValueError, KeyError, TypeError or OnshellError where the product is not there, is not
    what it should be, or was made by another version.
    """

    def ran(self, kind: str, name: str) -> Run:
        """Return where a job ran, as far as its product says; a sampling runs where its model was trained."""
        if kind not in ("train", "sample", "trajectory"):
            return Run()
        found = record(self.layout.record(shard_of(name)[0]))
        device, processor = str(found["device"]).partition(":")[0], found["provenance"]["processor"]
        if kind != "train":
            return Run(device, processor=processor)
        return Run(device, found["processes"], found["seconds"], found["cpu_seconds"], processor)

    def disk_mb(self, kind: str, name: str) -> float:
        """Return the size of a job's files in MB; a shard leaves none."""
        return sum(Path(path).stat().st_size for path in self._files(kind, name)) / 1e6

    def _files(self, kind: str, name: str) -> list[str]:
        layout = self.layout
        if kind == "train":
            return [layout.model(name), str(Path(layout.model(name)).with_name("history.csv")), layout.record(name)]
        if kind == "summary":
            return [*layout.summary().values()]
        if kind in ("figures", "tables"):
            return [*layout.product(kind, name).values()]
        if kind == "sample" and shard_of(name)[1]:
            return []
        names = {"generate": "events", "import": "events", "embed": "embedded", "sample": "samples"}
        return [getattr(layout, names.get(kind, "exported" if kind == "export" else kind))(name)]

    def _rows(self, path: str) -> int:
        return _table(path)[0]

    def _states(self, path: str) -> float:
        rows, about = _table(path)
        return rows / len(about["times"])

    def _training(self, run: str) -> tuple[Spec, float]:
        found = record(self.layout.record(run))
        return found["spec"], found["n_events"] * found["epochs"]

    def _drawn(self, run: str, path: str) -> Spec:
        about = _table(path)[1]
        spec: dict[str, Any] = about["spec"]
        return {**spec, "sampling": {**spec["sampling"], **about["sampling"]}}

    def _noised(self, name: str) -> Spec:
        about = _table(self.layout.forward(name))[1]
        return {**about, "space": "p" if "unit" in about else "q"}

    def _n_particles(self, path: str, dataset: str) -> int:
        return _table(path)[1]["n_particles"]

    def _trained_on(self, dataset: str) -> int:
        first, last = _table(self.layout.events(dataset))[1]["split"]["train"]
        return last - first

    def _is_sharded(self, run: str) -> bool:
        folder = Path(self.layout.benchmark("sample", self.config["preset"], run)).parent
        return any(folder.glob(f"{run}.shard-*.tsv"))

    def _of_floor(self, name: str) -> Work:
        found = record(self.layout.floor(name))
        size = (found["comparison"]["sample"] + found["comparison"]["truth"]) * found["replicates"]
        return comparison_key(found["dataset"], found.get("extended", False)), size

    def _of_metrics(self, name: str) -> Work:
        found = record(self.layout.metrics(name))
        counts: Mapping[str, int] = found["counts"]
        return comparison_key(found["dataset"], "tails" in found), counts["sample"] + counts["truth"]


@cache
def _table(path: str) -> tuple[int, dict[str, Any]]:
    """Return number of rows and metadata of a table; no event is read."""
    from pyarrow import parquet

    about = parquet.read_metadata(path)
    return about.num_rows, table_metadata(about.metadata[b"onshell"], path)


def record(path: str) -> dict[str, Any]:
    """Return the content of a JSON file of a finished job."""
    return read_json(path, "record of a job", "run the job again")
