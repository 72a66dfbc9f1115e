"""Forward and reverse processes in q-space and in phase space: fig19 to fig22."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.colors import to_hex
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.events.augment import embed_chunks, frames
from onshell.events.table import Events
from onshell.figures.data import FigureData
from onshell.figures.labels import power_of_ten
from onshell.figures.logs import (
    ENERGY,
    LENGTH,
    LOG_HALF,
    LOG_TAU_MAX,
    RADIAL,
    TAU,
    decades,
    lengths,
    taus,
    thrust_law,
    uniform_law,
)
from onshell.figures.panels import legend
from onshell.figures.rows import TITLED, Panel, row
from onshell.figures.series import DASH_DOTTED, Array, Series, colours
from onshell.figures.sheet import Sheet
from onshell.physics import rambo

CLOSE = 5e-3
"""How far a snapshot may be from the normalised time that is asked for: one step of a short process."""

COLOURS = "viridis"
Sample = Callable[[Tensor], Array]


def at(data: FigureData, role: str, time: float) -> Tensor:
    """Return the state [n, N, 3] of a model's reverse process at a normalised time."""
    states = data.trajectory(role)
    nearest = min(states, key=lambda t: abs(t - time))
    if abs(nearest - time) > CLOSE:
        there = ", ".join(f"{t:g}" for t in states)
        path = data.path("trajectories", data.run(role))
        raise OnshellError(f"{path}: no snapshot at time {time:g} (there: {there}); sample it again with that time")
    return states[nearest]


def process_names(data: FigureData, kind: str, names: Sequence[str]) -> list[str]:
    """Return what tells processes apart, such as "T = 1000, single"; their own names where that does not."""
    found = [_describe(data.metadata(kind, name)) or name for name in names]
    return found if len(set(found)) == len(found) else list(names)


def _describe(metadata: Mapping[str, Any]) -> str:
    """Return the number of steps of a table's process and the augmentation of its training set, as far as known."""
    spec = metadata.get("spec") or {}
    schedule = spec.get("schedule") or metadata.get("schedule") or {}
    augmentation = (metadata.get("augmentation") or {}).get("name") or spec.get("augmentation")
    steps = schedule.get("steps", 0) + (schedule.get("geometric") or {}).get("steps", 0)
    return ", ".join(filter(None, (f"$T = {steps}$" if steps else "", augmentation)))


def ends(states: Mapping[float, Tensor], sample: Sample) -> list[Series]:
    """Return the start of a forward process, filled, and its end."""
    start, end = sample(states[min(states)]), sample(states[max(states)])
    return [Series("start", start, "truth", ratio=False), Series("end", end, "line")]


def log_tau(q: Tensor) -> Array:
    """Return log10 tau [n] of the phase-space points below q-space states [n, N, 3]."""
    return taus(rambo.to_p(q))


def fig19(data: FigureData) -> Sheet:
    """Return |q| and tau at the start and at the end of forward processes against uniform phase space."""
    sheet = Sheet("fig19", top=TITLED)
    names = data.names("forward")
    states = {name: data.forward(name) for name in names}
    radial, tau = ({name: ends(states[name], f) for name in names} for f in (lengths, log_tau))
    edges = decades([s.values for series in radial.values() for s in series], 8)
    tau_edges = decades([s.values for series in tau.values() for s in series], 8, high=LOG_TAU_MAX)
    flat = uniform_law()
    legend(sheet, radial[names[0]], [RADIAL, flat])
    titles = process_names(data, "forward", names)
    of = list(zip(names, titles, strict=True))
    row(sheet, [Panel(f"q {n}", radial[n], edges, LENGTH, RADIAL, title=t) for n, t in of], 1.35, one_height=True)
    row(sheet, [Panel(f"tau {n}", tau[n], tau_edges, TAU, flat, log_y=True) for n in names], 1.35, one_height=True)
    return sheet


def embedded(data: FigureData, roles: Sequence[str], dataset: str) -> Tensor:
    """Return truth [n, N, 3] in q-space, embedded as the training set of the models in `roles` was."""
    found = [data.metadata("trajectories", data.run(role)).get("augmentation") for role in roles]
    path = data.path("trajectories", data.run(roles[0]))
    if not found[0]:
        raise OnshellError(f"{path}: no augmentation in its metadata; sample it again with its model")
    if any(each != found[0] for each in found):
        raise OnshellError(f"runs: {', '.join(map(data.run, roles))} differ in augmentation; name runs that share one")
    p = data.truth(dataset)
    known = {"process": data.process(dataset), "n_particles": p.shape[1], "seed": found[0]["seed"]}
    chosen = frames(found[0]["spec"], name=found[0]["name"], **known)
    return torch.cat([q for q, _ in embed_chunks([Events(p)], chosen, chosen.copies * len(p))])


def fig20(data: FigureData) -> Sheet:
    """Return |q| half-way and at the end of the reverse process, and tau at the end: Q3 against S1."""
    sheet = Sheet("fig20", top=TITLED)
    roles = ["Q3", "S1"]
    dataset = data.shared_dataset(roles)
    names = process_names(data, "trajectories", [data.run(role) for role in roles])
    half, end = ([at(data, role, time) for role in roles] for time in (0.5, 0.0))
    p, q = data.truth(dataset), embedded(data, roles, dataset)

    def compared(states: Sequence[Tensor], sample: Sample) -> list[Series]:
        looks = zip(names, states, colours(len(names)), strict=True)
        return [Series(name, sample(state), "model", colour) for name, state, colour in looks]

    middle, last = compared(half, lengths), [Series("truth", lengths(q), "truth"), *compared(end, lengths)]
    tau = [Series("truth", taus(p), "truth"), *compared(end, log_tau)]
    edges = decades([s.values for s in (*middle, *last)], 8)
    tau_edges = decades([s.values for s in tau], 8, high=LOG_TAU_MAX)
    edge = data.cutoff("events", dataset) / 2
    law = thrust_law(edge, edge, dash=DASH_DOTTED)
    legend(sheet, last, [RADIAL, law])
    panels = [
        Panel("q half-way", middle, edges, LENGTH, RADIAL, title="$t = 0.5$"),
        Panel("q end", last, edges, LENGTH, guides=[RADIAL], title="$t = 0$"),
        Panel("tau end", tau, tau_edges, TAU, guides=[law], title="$t = 0$", log_y=True),
    ]
    row(sheet, panels, 1.9)
    return sheet


def fig21(data: FigureData) -> Sheet:
    """Return snapshots of the reverse process of S2: |q| in q-space, E and tau in phase space."""
    sheet = Sheet("fig21")
    states = data.trajectory("S2")
    truth = data.truth(data.dataset_of("S2"))
    uniform = data.uniform_like(truth)
    times = sorted(states, reverse=True)
    inks = [to_hex(colour) for colour in mpl.colormaps[COLOURS](np.linspace(0.9, 0.0, len(times)))]
    mapped = {time: rambo.to_p(q) for time, q in states.items()}

    def shown(of: Mapping[float, Tensor], sample: Sample) -> list[Series]:
        looks = zip(times, inks, strict=True)
        return [Series(f"$t = {t:g}$", sample(of[t]), "line", ink, ratio=t == times[-1]) for t, ink in looks]

    def physical(sample: Sample) -> list[Series]:
        end = Series("uniform", sample(uniform), "uniform", ratio=False)
        return [Series("truth", sample(truth), "truth"), *shown(mapped, sample), end]

    q = [Series("truth", lengths(embedded(data, ["S2"], data.dataset_of("S2"))), "truth"), *shown(states, lengths)]
    e, tau = physical(lengths), physical(taus)
    legend(sheet, e, [RADIAL])
    panels = [
        Panel("q", q, decades([s.values for s in q], 8), LENGTH, guides=[RADIAL]),
        Panel("E", e, decades([s.values for s in e], 8, high=LOG_HALF), ENERGY, log_y=True),
        Panel("tau", tau, decades([s.values for s in tau], 8, high=LOG_TAU_MAX), TAU, log_y=True),
    ]
    row(sheet, panels, 1.9)
    return sheet


def fig22(data: FigureData) -> Sheet:
    """Return |q| at the start and at the end of the antennas' forward process against p_ref, one panel a cutoff."""
    sheet = Sheet("fig22", top=TITLED)
    drawn = {name: ends(data.forward(name), lengths) for name in data.names("forward")}
    edges = decades([s.values for series in drawn.values() for s in series], 8)
    legend(sheet, next(iter(drawn.values())), [RADIAL])
    cuts = {name: rf"$\xi = {power_of_ten(data.cutoff('forward', name))}$" for name in drawn}
    row(sheet, [Panel(name, series, edges, LENGTH, RADIAL, title=cuts[name]) for name, series in drawn.items()], 1.6)
    return sheet
