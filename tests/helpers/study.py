"""What a study leaves behind, from exact generators: runs of several presets, budgets and solvers."""

import json

from helpers.products import SEED, make_floor, make_metrics, smeared, truth
from onshell.events.table import read_events, write_events

QUALITY = {"paper": 0.2, "record": 0.05, "best": 0.005}
"""How much the events of each preset are smeared."""


def spec(dataset, run, preset, **training):
    """The spec of a run, as far as studies look at it."""
    loss = {"type": "ism"} if preset == "paper" else {"type": "flow", "chart": "spinor" if preset == "best" else "q"}
    family, prior = ("diffusion", None) if preset == "paper" else ("flow", "rambo")
    return {
        "run": run, "dataset": dataset, "space": "q", "family": family, "preset": preset, "prior": prior, "loss": loss,
        "training": {"epochs": 8, "lr": 0.001} | training, "sampling": {"precision": "auto"},
    }  # fmt: skip


class Study:
    """The products of a study in a folder: files by kind and name, as the workflow passes them."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {kind: {} for kind in ("events", "samples", "metrics", "records", "timed")}
        self.floors = {}

    def dataset(self, name, process, generator, n, **parameters):
        """Make truth and its floor."""
        self.files["events"][name] = truth(self.folder, name, process, generator, n, **parameters)
        self.floors[name] = self.folder / f"{name}.floor.json"
        options = {"sample_size": n, "replicates": 4, "classified": 2, "splits": 1, "extended": True}
        make_floor(self.files["events"][name], self.floors[name], **options)

    def trained(self, run, dataset, preset, strength, seconds=240.0, **training):
        """Make a run whose events are truth smeared by `strength`."""
        about = spec(dataset, run, preset, **training)
        path = smeared(self.folder, run, self.files["events"][dataset], strength, {})
        sampling = {"solver": "midpoint", "steps": 20} if about["family"] == "flow" else {"noise": "full"}
        metadata = {"dataset": dataset, "run": run, "spec": about, "sampling": sampling, "n_evaluations": 39.0}
        write_events(path, [read_events(path).momenta], metadata)
        self.files["samples"][run], out = path, self.folder / f"{run}.json"
        options = {"floor": self.floors[dataset], "seed": SEED, "run": run, "splits": 1, "extended": True}
        make_metrics(path, self.files["events"][dataset], out, **options)
        self.files["metrics"][run] = out
        self._record(run, about, seconds)

    def like(self, run, other, factor, *, seconds=240.0, sampling=None, evaluations=None, **training):
        """Make a run that is `factor` times as far from truth as another, another seed of it or of another size."""
        found = json.loads(self.files["metrics"][other].read_text()) | {"run": run}
        for block in (found, found.get("vetoed", {})):
            for entry in block.get("observables", {}).values():
                entry |= {key: factor * entry[key] for key in ("w1", "w1_over_floor")}
            auc = block.get("features", {}).get("boosted", {}).get("auc", {"mean": 0.5})
            auc["mean"] = 0.5 + min(factor * (auc["mean"] - 0.5), 0.49)
        found["generation"] = {
            "n_evaluations": evaluations or found["generation"]["n_evaluations"],
            "sampling": found["generation"]["sampling"] | (sampling or {}),
        }
        self.files["metrics"][run] = self.folder / f"{run}.json"
        self.files["metrics"][run].write_text(json.dumps(found))
        record = json.loads(self.files["records"][other].read_text())
        about = record["spec"] | {"run": run, "training": record["spec"]["training"] | training}
        self._record(run, about, seconds)

    def _record(self, run, about, seconds):
        self.files["records"][run] = self.folder / f"{run}.record.json"
        record = {"spec": about, "n_parameters": 200_000, "cpu_seconds": seconds}
        self.files["records"][run].write_text(json.dumps(record))
        self.files["timed"][run] = self.folder / f"{run}.tsv"
        self.files["timed"][run].write_text("s\th:m:s\tcpu_time\n400.0\t0:06:40\t10.0\n")
