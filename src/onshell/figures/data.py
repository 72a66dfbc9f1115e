"""What a figure draws from: the products that its entry in the configuration names, loaded when asked for."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from onshell.config import RUN_NAME
from onshell.core.errors import OnshellError
from onshell.core.format import power_of_ten
from onshell.core.forms import Form
from onshell.core.reading import read_json
from onshell.evaluation.last_step import is_noisy, noisy_truth
from onshell.evaluation.result_forms import PartialMetrics
from onshell.evaluation.truth import held_out, not_empty, one_judge
from onshell.evaluation.weights import COLUMNS, Weights, weights_of
from onshell.events.table import read_events, read_metadata

KINDS = ("events", "samples", "embedded", "forward", "metrics", "floors", "autoencoder", "trajectories")
KINDS += ("records", "timed")
NOISY_TRUTH = "truth + last step"
"""How truth with the noise of the last reverse step is called."""

FAMILIES = {"diffusion": "diffusion", "flow": "flow matching"}


class FigureData:
    """The inputs of one figure or table.

    Parameters
    ----------
    entry
        Its configuration, such as ``{"runs": {"M1": "muon-q-diffusion"}, "events": ["muon", "uniform_3"]}``.
    files
        Paths by kind (`KINDS`) and name: events by dataset, samples, trajectories and metrics by run, embedded by
        "dataset.augmentation", forward by the name of the snapshot, autoencoder by dataset. Of studies also records of
        trainings and, as far as they are there, times of samplings, by run.
    """

    def __init__(self, entry: Mapping[str, Any], files: Mapping[str, Mapping[str, str | Path]]):
        self.entry = entry
        self.files = {kind: {name: Path(path) for name, path in named.items()} for kind, named in files.items()}

    @property
    def roles(self) -> list[str]:
        """Return the roles of the figure's models, such as M1, at least one, in the configuration's order."""
        runs = self.entry.get("runs")
        if not runs:
            raise OnshellError("runs: this figure needs at least one; name it in the figure's `runs`")
        return list(runs)

    def run(self, role: str) -> str:
        """Return the run that plays `role`."""
        runs = self.entry.get("runs") or {}
        if role not in runs:
            there = ", ".join(runs) or "none"
            raise OnshellError(f"runs: no run for the role {role} (there: {there}); name one in the figure's `runs`")
        return runs[role]

    def path(self, kind: str, name: str) -> Path:
        """Return the path of a product, which exists."""
        named = self.files.get(kind, {})
        if name not in named:
            there = ", ".join(named) or "none"
            raise OnshellError(f"{kind}: {name} is not among this figure's inputs ({there}); name it in its `{kind}`")
        if not named[name].is_file():
            raise OnshellError(
                f"{named[name]}: no such file; build it first (snakemake does when asked for the figure)"
            )
        return named[name]

    def names(self, kind: str) -> list[str]:
        """Return the names of the inputs of one kind, at least one, in the configuration's order."""
        listed = self.entry.get(kind) or list(self.files.get(kind, {}))
        if not listed:
            raise OnshellError(f"{kind}: this figure needs at least one; name it in the figure's `{kind}`")
        return list(listed)

    def metadata(self, kind: str, name: str) -> dict[str, Any]:
        """Return the metadata of an event table."""
        return read_metadata(self.path(kind, name))

    @cached_property
    def datasets(self) -> list[str]:
        """Return the truth datasets other than uniform phase space, in the configuration's order."""
        return [name for name in self.names("events") if not self._is_uniform(name)]

    @cached_property
    def dataset(self) -> str:
        """Return the first truth dataset other than uniform phase space."""
        if not self.datasets:
            raise OnshellError("events: this figure needs truth beside uniform phase space; name it in its `events`")
        return self.datasets[0]

    @cached_property
    def uniform(self) -> str:
        """Return the dataset of uniform phase space."""
        found = [name for name in self.names("events") if self._is_uniform(name)]
        if not found:
            raise OnshellError("events: this figure needs uniform phase space; add that dataset to its `events`")
        return found[0]

    def uniform_like(self, p: Tensor) -> Tensor:
        """Return uniform phase space of as many particles as events `p` [n, N, 3] have."""
        found = self.truth(self.uniform)
        if found.shape[1] != p.shape[1]:
            raise OnshellError(
                f"events: {self.uniform} has {found.shape[1]} particles where {p.shape[1]} are needed; name another"
            )
        return found

    def _is_uniform(self, dataset: str) -> bool:
        """Return whether a dataset is uniform phase space, by its metadata or else by its name."""
        return self.metadata("events", dataset).get("process", dataset.split("_")[0]) == "uniform"

    def process(self, dataset: str) -> str:
        """Return the process of a dataset."""
        return self.metadata("events", dataset).get("process", "")

    def cutoff(self, kind: str, name: str) -> float:
        """Return the cutoff (m^2_cut or xi) of an event table."""
        cutoff = self.metadata(kind, name).get("cutoff")
        if cutoff is None:
            raise OnshellError(f"{self.path(kind, name)}: no cutoff in its metadata; use a dataset that has one")
        return float(cutoff)

    def cut(self, dataset: str) -> str:
        """Return the cutoff m^2_cut of a truth dataset as a label."""
        return rf"$m^2_{{\mathrm{{cut}}}} = {power_of_ten(self.cutoff('events', dataset))}$"

    def xi(self, kind: str, name: str) -> str:
        """Return the cutoff xi of an event table as a label."""
        return rf"$\xi = {power_of_ten(self.cutoff(kind, name))}$"

    def truth(self, dataset: str) -> Tensor:
        """Return the test events [n, N, 3] of a dataset, seen by no model; all events of a file without a split."""
        return held_out(self.path("events", dataset)).momenta

    def sample(self, role: str) -> Tensor:
        """Return the events [n, N, 3] that the model in `role` generated; p-space models may be off the shell."""
        path = self.path("samples", self.run(role))
        return not_empty(path, read_events(path, space="p", columns=())).momenta

    def noisy_truth(self, role: str) -> Tensor | None:
        """Return truth [n, N, 3] with the noise of the last reverse step of the model in `role`, None without any."""
        metadata = self.metadata("samples", self.run(role))
        if not is_noisy(metadata.get("spec", {})):
            return None
        return noisy_truth(self.truth(self.dataset_of(role)), metadata)

    def truth_weights(self, dataset: str) -> Weights:
        """Return the weights [n] of the events of `truth`, None where all count alike."""
        path = self.path("events", dataset)
        return weights_of(held_out(path), path)

    def sample_weights(self, role: str) -> Weights:
        """Return the weights [n] of the events of `sample`, None where all count alike."""
        path = self.path("samples", self.run(role))
        return weights_of(read_events(path, space="p", columns=COLUMNS), path)

    def embedded(self, name: str) -> Tensor:
        """Return the q-space training set [n, N, 3] named "dataset.augmentation"."""
        path = self.path("embedded", name)
        return not_empty(path, read_events(path, space="q")).momenta

    def forward(self, name: str) -> dict[float, Tensor]:
        """Return the q-space states [n, N, 3] of a forward process by normalised time, ascending from 0 (data)."""
        return self._snapshots(self.path("forward", name))

    def trajectory(self, role: str) -> dict[float, Tensor]:
        """Return the q-space states [n, N, 3] of a reverse process by normalised time, ascending from 0 (its end)."""
        return self._snapshots(self.path("trajectories", self.run(role)))

    def metrics(self, role: str, form: type[Form] = PartialMetrics) -> dict[str, Any]:
        """Return the metrics of the model in `role`, of this `form`."""
        path = self.path("metrics", self.run(role))
        return read_json(path, "metrics file", "make it with `onshell metrics`", form)

    def judge(self) -> str:
        """Return the part of truth, test or final (all: of a table without parts), that judged all models by metrics.

        Raises
        ------
        OnshellError
            When it is not the same for all: their numbers do not belong into one table.
        """
        return one_judge({self.run(role): self.metrics(role) for role in self.roles})

    def model(self, role: str) -> str:
        """Return what kind of model plays `role`, such as "q-space diffusion"."""
        found = RUN_NAME.match(self.run(role))
        return f"${found['space']}$-space {FAMILIES[found['family']]}" if found else self.run(role)

    def dataset_of(self, role: str) -> str:
        """Return the truth dataset, among the figure's own, of the model in `role`: the one that it was trained on."""
        run = self.run(role)
        kind = next((kind for kind in ("samples", "trajectories") if run in self.files.get(kind, {})), None)
        named = RUN_NAME.match(run)
        dataset = (kind and self.metadata(kind, run).get("dataset")) or (named and named["dataset"]) or run
        if dataset not in self.datasets:
            there = ", ".join(self.datasets) or "none"
            raise OnshellError(f"events: {run} needs the truth of {dataset} (there: {there}); name it in its `events`")
        return dataset

    def shared_dataset(self, roles: Sequence[str]) -> str:
        """Return the one truth dataset of the models in `roles`."""
        found = {role: self.dataset_of(role) for role in roles}
        if len(set(found.values())) > 1:
            there = ", ".join(f"{role}: {dataset}" for role, dataset in found.items())
            raise OnshellError(f"runs: this figure compares models of one dataset, not of {there}; name such runs")
        return found[roles[0]]

    def augmentation(self, role: str) -> str:
        """Return the name of the augmentation that the model in `role` was trained with."""
        run = self.run(role)
        if run in self.files.get("samples", {}):
            found = self.metadata("samples", run).get("spec", {}).get("augmentation")
        else:
            found = self.metrics(role).get("augmentation")
        match = RUN_NAME.match(run)
        return found or (match and match["variant"]) or run

    def _snapshots(self, path: Path) -> dict[float, Tensor]:
        """Return the states [n, N, 3] in a q-space table by its column `time`, ascending."""
        table = not_empty(path, read_events(path, space="q"))
        if "time" not in table.columns:
            raise OnshellError(
                f"{path}: no column `time`; make it with `onshell forward` or `onshell sample --snapshots`"
            )
        time = np.asarray(table.columns["time"])
        return {float(t): table.momenta[np.flatnonzero(time == t)] for t in np.unique(time)}
