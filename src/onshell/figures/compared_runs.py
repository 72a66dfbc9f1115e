"""What the tables and figures of studies tell of a run: what it is, what it cost, and how good its events are."""

import csv
import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from onshell.core.reading import read_json
from onshell.evaluation.result_forms import Metrics, Studied
from onshell.figures.data import FigureData

NAMELESS = ("run", "seed", "sampling")
"""What of a spec says nothing of a recipe; sampling is told apart by how the events were drawn."""

BUDGET = ("epochs", "warmup")
"""What of a training says how long it is."""

SPACING = ("steps", "grid", "order")
"""What of a sampling says into how many steps it is cut, and how."""

LONG = 300.0
"""Seconds from which half a minute more or less is at most a tenth."""

ENERGY = ("E", "log10_E")
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

    @cached_property
    def sampling(self) -> Mapping[str, Any]:
        """Return how its events were drawn."""
        found = self.metrics.get("generation", {}).get("sampling") or self.spec.get("sampling", {})
        return {key: value for key, value in found.items() if key not in ("precision", "tolerance")}

    def key(self, *, training: bool = True, steps: bool = True) -> str:
        """Return one text that runs share which differ in their seeds alone, also in the number of their events.

        Without `training`, or `steps`, they may also differ in how long they are trained, or in their solver's steps.
        """
        spec = {key: value for key, value in self.spec.items() if key not in NAMELESS}
        if not training:
            spec["training"] = {key: value for key, value in spec["training"].items() if key not in BUDGET}
        sampling = {key: value for key, value in self.sampling.items() if steps or key not in SPACING}
        return json.dumps([spec, sampling, self.events], sort_keys=True)

    @property
    def epochs(self) -> int:
        """Return how many epochs it was trained for."""
        return self.spec["training"]["epochs"]

    @property
    def recipe(self) -> str:
        """Return one text that runs share which differ in seed, length of training, sampling or number of events."""
        spec = {key: value for key, value in self.spec.items() if key not in NAMELESS}
        spec["training"] = {key: value for key, value in spec["training"].items() if key not in BUDGET}
        return json.dumps(spec, sort_keys=True)

    @property
    def events(self) -> int | None:
        """Return how many events it generated."""
        return self.metrics.get("counts", {}).get("sample")

    @property
    def kind(self) -> str:
        """Return what it is in words: its family and chart or loss, and where a flow begins."""
        spec = self.spec
        place = spec["loss"].get("chart", "q") if spec["space"] == "q" else "p"
        words = [spec["family"], place]
        words += [f"from {spec['prior']}"] if spec["family"] == "flow" else [spec["loss"]["type"]]
        return ", ".join(map(str, words))

    @property
    def weights(self) -> Value:
        """Return the number of weights of its network."""
        return self.record.get("n_parameters")

    @property
    def minutes(self) -> Value:
        """Return the CPU-minutes of its training."""
        seconds = self.record.get("cpu_seconds")
        return None if seconds is None else seconds / 60.0

    @property
    def evaluations(self) -> Value:
        """Return how often its network was evaluated per event."""
        return self.metrics.get("generation", {}).get("n_evaluations") or None

    @property
    def rate(self) -> Value:
        """Return the events it generated per CPU-second."""
        return self.events / self.sampling_s if self.sampling_s else None

    @property
    def vetoed(self) -> "Run | None":
        """Return the same run, told of without the events outside the known cut; None where none are."""
        if "vetoed" not in self.metrics:
            return None
        kept = {key: value for key, value in self.metrics.items() if key not in ("vetoed", "veto")}
        return Run(self.role, self.name, kept | self.metrics["vetoed"], self.record, self.sampling_s)

    @property
    def outside(self) -> Value:
        """Return the share of its events outside the known cut."""
        return self.metrics.get("veto", {}).get("outside")

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

    def _farthest(self, wanted: Callable[[str], bool]) -> Distance:
        found = [one for name, one in self.distances.items() if wanted(name)]
        return max(found, key=lambda one: one.ratio, default=Distance())

    @property
    def energy(self) -> Distance:
        """Return the W1 of the energy that is farthest from truth."""
        return self._farthest(lambda name: name.startswith(("E_", "log10_E")) or name in ENERGY)

    @property
    def tau(self) -> Distance:
        """Return the W1 of log10 tau."""
        return self._farthest(lambda name: name == "log10_tau")

    @property
    def worst(self) -> Distance:
        """Return the W1 of the observable that is farthest from truth, beside the range of a perfect model's worst."""
        found = self.metrics.get("all", {}).get("worst", {})
        return self._farthest(lambda name: True)._replace(low=found.get("floor_low"), high=found.get("floor_high"))

    @property
    def mean(self) -> Distance:
        """Return the mean W1 of all observables, each over its floor; its error is at most the mean of theirs."""
        found = self.metrics.get("all", {}).get("mean", {})
        ends = found.get("floor_low"), found.get("floor_high")
        ratios, errors, _, _, itself = zip(*self.distances.values(), strict=True) if self.distances else [()] * 5
        return Distance(_mean(ratios), _mean(errors), *ends, _mean(itself))

    def chance(self, which: str) -> Value:
        """Return the mean of ``worst`` or ``mean`` over the floor of truth against truth; 1 where it is not known."""
        return self.metrics.get("all", {}).get(which, {}).get("floor_mean", 1.0)

    def excess(self, which: str = "value") -> Value:
        """Return how far beyond the floor all observables are, over the spread of truth; or an end, low or high."""
        return self.metrics.get("all", {}).get("excess", {}).get(which)

    def _feature(self, space: str, measure: str, key: str) -> Value:
        return self.metrics["features"].get(space, {}).get(measure, {}).get(key)

    @property
    def auc(self) -> Value:
        """Return the AUC of the boosted classifier."""
        return self._feature("boosted", "auc", "mean")

    @property
    def auc_floor(self) -> Value:
        """Return the same of truth against truth."""
        return self._feature("boosted", "auc", "floor_mean")

    @property
    def auc_spread(self) -> Value:
        """Return the standard deviation of the same over replicates."""
        return self._feature("boosted", "auc", "floor_sd")

    @property
    def auc_noise(self) -> Value:
        """Return how far from 1/2 the AUC of samples of one law is: as measured, or what counting gives at least."""
        if self.auc_floor is None:
            return None
        halves = [self.metrics["counts"][side] / 2 for side in ("sample", "truth")]
        return max(abs(self.auc_floor - 0.5), math.sqrt(sum(1 / n for n in halves) / 12))

    @property
    def bin(self) -> Value:
        """Return the largest |ratio - 1| of a bin of tau that holds enough of truth."""
        return self.metrics.get("tails", {}).get("worst")

    @property
    def bin_floor(self) -> Value:
        """Return the same of truth against truth."""
        return self._feature("tau", "worst", "floor_mean")

    @property
    def bin_spread(self) -> Value:
        """Return the standard deviation of the same over replicates."""
        return self._feature("tau", "worst", "floor_sd")

    @property
    def decades(self) -> Value:
        """Return how many decades of tau these bins span."""
        return self.metrics.get("tails", {}).get("decades")

    @property
    def energy_violation(self) -> Value:
        """Return the largest |sum E - 1| of an event."""
        return self.metrics["conservation"]["energy_max"]

    @property
    def momentum_violation(self) -> Value:
        """Return the largest |sum p| of an event."""
        return self.metrics["conservation"]["momentum_max"]


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
    """Return the CPU-seconds of a sampling by its benchmark file; None where there is none, or it tells nothing.

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
