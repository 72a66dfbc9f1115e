"""Samples of events and the panels of their observables, on linear and on logarithmic axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from onshell.evaluation.observables import Observable, observable
from onshell.evaluation.weights import Weights, effective, per_value
from onshell.figures.data import FigureData
from onshell.figures.laws import decades
from onshell.figures.panels import Panel
from onshell.figures.series import MODEL_COLOURS, Law, Series, colours


@dataclass(frozen=True)
class Sample:
    """Events [n, N, 3], or [n, N, 4] with masses, or states of q-space, and how they are drawn: see `Series`."""

    label: str
    p: Tensor
    role: str = "model"
    colour: str = MODEL_COLOURS[0]
    weights: Weights = None
    style: Any = "-"

    @property
    def massive(self) -> bool:
        """Return whether these are events of massive particles."""
        return self.p.shape[-1] == 4

    def series(self, of: Observable | str) -> Series:
        """Return the entries of an observable, one or more of each event."""
        values = (observable(of) if isinstance(of, str) else of)(self.p)
        weights = per_value(self.weights, values, len(self.p))
        return Series(self.label, values, self.role, self.colour, style=self.style, weights=weights)


def truth_and_models(
    data: FigureData, roles: Sequence[str], labels: Sequence[str], *, uniform: bool = False
) -> list[Sample]:
    """Return the figure's truth, the models in `roles` and, if asked for, uniform phase space."""
    found = [Sample("truth", data.truth(data.dataset), "truth")]
    styles = zip(roles, labels, colours(len(roles)), strict=True)
    found += [Sample(label, data.sample(role), "model", colour) for role, label, colour in styles]
    return found + ([Sample("uniform", data.truth(data.uniform), "uniform")] if uniform else [])


def linear_panels(
    samples: Sequence[Sample],
    names: Sequence[str],
    bins: int = 40,
    laws: Mapping[str, Law] | None = None,
    *,
    log_y: bool = False,
) -> list[Panel]:
    """Return a panel for each observable over its own range; `laws` are the exact curves by observable."""
    found = []
    for name in names:
        of = observable(name)
        series = [one.series(of) for one in samples]
        low, high = of.bounds(samples[0].p.shape[1], massive=samples[0].massive)
        if high is None:
            low, high = (float(end([end(one.values) for one in series])) for end in (np.min, np.max))
        edges, law = np.linspace(low, high, bins + 1), (laws or {}).get(name)
        found.append(Panel(of.panel, series, edges, of.axis, law, log_y=log_y))
    return found


def log_panel(
    samples: Sequence[Sample], of: Observable | str, per_decade: int = 8, *, range_of: Sequence[Series] | None = None
) -> Panel:
    """Return the panel of an observable on logarithmic axes, over the decades of the samples, or of `range_of`."""
    of = observable(of) if isinstance(of, str) else of
    series = [one.series(of) for one in samples]
    high, ends = of.bounds(samples[0].p.shape[1], massive=samples[0].massive)[1], range_of or series
    # Events off the shell may all lie beyond the end of phase space.
    if high is not None and min(np.floor(np.quantile(one.values, 1e-3)) for one in ends) >= high:
        high = None
    edges = decades([one.values for one in ends], per_decade, high=high, share=1e-3)
    return Panel(of.panel, series, edges, of.axis, log_x=True, log_y=True)


def suitable_bins(samples: Sequence[Sample], most: int = 40) -> int:
    """Return how many bins of a linear panel suit the smallest sample, 10 at least."""
    return int(np.clip(0.4 * min(effective(one.weights, len(one.p)) for one in samples) ** 0.5, 10, most))
