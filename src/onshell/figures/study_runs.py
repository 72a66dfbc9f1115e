"""A run of a study: what it is, what it cost, and how good its events are."""

import csv
import json
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from onshell.core.reading import read_json
from onshell.evaluation.result_forms import Metrics, Studied
from onshell.figures.data import FigureData

NAMELESS = ("run", "seed", "sampling")
"""What of a spec says nothing of a recipe; samplings differ by how the events were drawn."""

BUDGET = ("epochs", "warmup")
"""What of a training says how long it is."""

SPACING = ("steps", "grid", "order")
"""What of a sampling says into how many steps it is cut, and how."""

LONG = 300.0
"""Seconds from which half a minute more or less is at most a tenth."""

Value = float | None


class Distance(NamedTuple):
    """A W1 over its floor: the ratio and its error, the range of a perfect model's, and W1 over the spread of truth."""

    ratio: Value = None
    error: Value = None
    low: Value = None
    high: Value = None
    w1: Value = None


@dataclass(frozen=True)
class Run:
    """A run of a study: its role and name, its metrics, the record of its training, and the time of its sampling."""

    role: str
    name: str
    metrics: Mapping[str, Any]
    record: Mapping[str, Any]
    sampling_s: Value = None

    @property
    def spec(self) -> Mapping[str, Any]:
        """Return what defines its model."""
        return self.record["spec"]

    @property
    def dataset(self) -> str:
        """Return its dataset."""
        return self.metrics["dataset"]

    @property
    def epochs(self) -> int:
        """Return how many epochs it was trained for."""
        return self.spec["training"]["epochs"]

    def number(self, *keys: str) -> Value:
        """Return a number of its metrics by its path of keys, such as features, boosted, auc, mean; None without it."""
        found: Any = self.metrics
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    @cached_property
    def sampling(self) -> Mapping[str, Any]:
        """Return how its events were drawn."""
        found = self.metrics.get("generation", {}).get("sampling") or self.spec.get("sampling", {})
        return {key: value for key, value in found.items() if key not in ("precision", "tolerance")}

    def _model(self, training: bool) -> dict[str, Any]:
        """Return what of its spec is of the recipe, with or without how long it was trained."""
        spec = {key: value for key, value in self.spec.items() if key not in NAMELESS}
        if not training:
            spec["training"] = {key: value for key, value in spec["training"].items() if key not in BUDGET}
        return spec

    def key(self, *, training: bool = True, steps: bool = True) -> str:
        """Return one text that runs share which differ in their seeds alone, also in the number of their events.

        Without `training`, or `steps`, they may also differ in how long they are trained, or in their solver's steps.
        """
        sampling = {key: value for key, value in self.sampling.items() if steps or key not in SPACING}
        return json.dumps([self._model(training), sampling, self.events], sort_keys=True)

    @property
    def recipe(self) -> str:
        """Return one text that runs share which differ in seed, length of training, sampling or number of events."""
        return json.dumps(self._model(training=False), sort_keys=True)

    @property
    def events(self) -> int | None:
        """Return how many events it generated."""
        return self.number("counts", "sample")

    @property
    def kind(self) -> str:
        """Return what it is in words: its family and chart or loss, and where a flow begins."""
        spec = self.spec
        place = spec["loss"].get("chart", "q") if spec["space"] == "q" else "p"
        start = f"from {spec['prior']}" if spec["family"] == "flow" else spec["loss"]["type"]
        return f"{spec['family']}, {place}, {start}"

    @property
    def minutes(self) -> Value:
        """Return the CPU-minutes of its training."""
        seconds = self.record.get("cpu_seconds")
        return None if seconds is None else seconds / 60.0

    @property
    def evaluations(self) -> Value:
        """Return how often its network was evaluated per event."""
        return self.number("generation", "n_evaluations") or None

    @property
    def rate(self) -> Value:
        """Return the events it generated per CPU-second."""
        return self.events / self.sampling_s if self.sampling_s else None

    @property
    def inside_cut(self) -> "Run | None":
        """Return the same run without the events outside the known cut; None where none are."""
        if "vetoed" not in self.metrics:
            return None
        kept = {key: value for key, value in self.metrics.items() if key not in ("vetoed", "veto")}
        return replace(self, metrics=kept | self.metrics["vetoed"])

    @cached_property
    def distances(self) -> dict[str, Distance]:
        """Return the W1 of every observable over its floor."""
        found = {}
        for name, one in self.metrics["observables"].items():
            if one.get("w1_over_floor") is None:
                continue
            mean, *ends = (one.get(f"floor_w1_{end}") for end in ("mean", "low", "high"))
            ends = (end / mean if mean and end is not None else None for end in ends)
            itself = one["w1"] / one["truth_sd"] if one.get("truth_sd") else None
            found[name] = Distance(one["w1_over_floor"], one.get("w1_over_floor_error"), *ends, itself)
        return found

    def farthest(self, names: Iterable[str]) -> Distance:
        """Return the W1 of that of these observables which is farthest from truth."""
        found = [self.distances[name] for name in names if name in self.distances]
        return max(found, key=lambda one: one.ratio, default=Distance())

    @property
    def energy(self) -> Distance:
        """Return the W1 of the energy that is farthest from truth."""
        return self.farthest(name for name in self.distances if name.removeprefix("log10_").split("_")[0] == "E")

    @property
    def tau(self) -> Distance:
        """Return the W1 of log10 tau."""
        return self.farthest(["log10_tau"])

    @property
    def worst(self) -> Distance:
        """Return the W1 of the observable that is farthest from truth, beside the range of a perfect model's worst."""
        low, high = (self.number("all", "worst", f"floor_{end}") for end in ("low", "high"))
        return self.farthest(self.distances)._replace(low=low, high=high)

    @property
    def mean(self) -> Distance:
        """Return the mean W1 of all observables, each over its floor; its error is at most the mean of theirs."""
        ends = (self.number("all", "mean", f"floor_{end}") for end in ("low", "high"))
        ratios, errors, _, _, itself = zip(*self.distances.values(), strict=True) if self.distances else [()] * 5
        return Distance(_mean(ratios), _mean(errors), *ends, _mean(itself))

    @property
    def auc(self) -> Value:
        """Return the AUC of the boosted classifier."""
        return self.number("features", "boosted", "auc", "mean")

    @property
    def auc_noise(self) -> Value:
        """Return how far from 1/2 the AUC of samples of one law is: as measured, or what counting gives at least."""
        floor = self.number("features", "boosted", "auc", "floor_mean")
        if floor is None:
            return None
        halves = [self.metrics["counts"][side] / 2 for side in ("sample", "truth")]
        return max(abs(floor - 0.5), math.sqrt(sum(1 / n for n in halves) / 12))


def _mean(values: Iterable[Value]) -> Value:
    """Return the mean of values; None without any, and where one is not known."""
    known = list(values)
    return None if not known or None in known else statistics.fmean(known)


def read_runs(data: FigureData) -> list[Run]:
    """Return the runs of a table or figure, in the order of its entry, all judged by one part of truth."""
    data.judge()
    return [_run(data, role) for role in data.roles]


def _run(data: FigureData, role: str) -> Run:
    name = data.run(role)
    record = read_json(data.path("records", name), "record of a training", "train again", Studied)
    return Run(role, name, data.metrics(role, Metrics), record, _seconds(data, name))


def _seconds(data: FigureData, run: str) -> Value:
    """Return the CPU-seconds of a sampling by its benchmark file; None where there is none, or it holds no time.

    Snakemake looks at it every half minute only: of what is shorter than `LONG`, the time by the clock is returned.
    """
    path = data.files.get("timed", {}).get(run)
    if path is None or not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as handle:
        line = next(csv.DictReader(handle, delimiter="\t"), {})
    try:
        clock = float(line["s"])
        return (float(line.get("cpu_time") or 0.0) if clock > LONG else 0.0) or clock
    except (KeyError, TypeError, ValueError):
        return None


def spread(values: Iterable[Value]) -> tuple[float, float, float] | None:
    """Return the median, smallest and largest of the values that there are; None without any."""
    known = [value for value in values if value is not None]
    return (statistics.median(known), min(known), max(known)) if known else None
