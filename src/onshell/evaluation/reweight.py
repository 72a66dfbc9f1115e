"""Importance weights, which turn events of a model with a known density into events of a process: `onshell weights`."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onshell.core import custom
from onshell.core.errors import OnshellError
from onshell.core.files import json_text, whole
from onshell.core.progress import Progress, log
from onshell.evaluation.weights import effective as effective_number
from onshell.events.augment import fills_fibre
from onshell.events.table import Events, read_events, read_metadata, write_events
from onshell.physics import fibre as fibres
from onshell.physics import rambo, targets
from onshell.physics.generators.blocks import find
from onshell.physics.masses import log_volume_ratio
from onshell.physics.process import PROCESSES

NEEDED = ("log_prob", "bx", "by", "bz", "x")
FIBRES = ("auto", "prior", "fitted")

OVERWEIGHT = 1e-3
"""Share of the sum of weights that may lie above the largest weight kept by `efficiency_capped`."""


@dataclass(frozen=True)
class Quality:
    """What importance weights are worth.

    `integral` is their mean, of a normalised target 1, with the standard `error`; `effective` is (sum w)^2/sum w^2 and
    `share` the same over the number of events; `efficiency` is that of unweighting, mean over largest weight, and
    `efficiency_capped` that where weights are cut at a value above which 0.1% of their sum lies.
    """

    events: int
    integral: float
    error: float
    effective: float
    share: float
    efficiency: float
    efficiency_capped: float
    zero: float


def quality(weights: NDArray[np.float64]) -> Quality:
    """Return what the `weights` [n] are worth."""
    weights = np.asarray(weights, np.float64)
    if len(weights) < 2 or not np.isfinite(weights).all() or not weights.max() > 0 or weights.min() < 0:
        raise OnshellError(
            f"weights: {len(weights)} weights have no quality: at least two are needed, finite, "
            "none negative and one above 0"
        )
    n, mean, effective = len(weights), weights.mean(), effective_number(weights, len(weights))
    return Quality(
        events=n,
        integral=float(mean),
        error=float(weights.std(ddof=1) / n**0.5),
        effective=effective,
        share=effective / n,
        efficiency=float(mean / weights.max()),
        efficiency_capped=capped_efficiency(weights),
        zero=float((weights == 0).mean()),
    )


def capped_efficiency(weights: NDArray[np.float64]) -> float:
    """Return the share of events that unweighting keeps at the least cap c with sum max(0, w - c) <= 0.1% of sum w."""
    falling = np.sort(weights)[::-1]
    # Above the k-th largest weight lies sum_{i<k} (w_i - w_k).
    above = np.cumsum(falling) - falling * np.arange(1, len(falling) + 1)
    k = int(np.searchsorted(above, OVERWEIGHT * falling.sum(), side="right"))
    # Between two weights the sum above a cap is linear in it.
    cap = (falling[:k].sum() - OVERWEIGHT * falling.sum()) / k
    return float(np.minimum(weights, cap).mean() / cap)


def weights_in_q(
    density: Tensor, log_prob: Tensor, b: Tensor, x: Tensor, n_particles: int, *, fitted: bool
) -> NDArray[np.float64]:
    """Return exact weights [n] of events drawn in q-space, w = density(p) g(b, x) / [rho(q) / p_ref(q) rho(b, x)].

    `density` is that of the target relative to uniform phase space, `log_prob` the model's ln rho/p_ref at q, whose
    frames are `b` [n, 3] and `x` [n]. Any law g leaves the mean of w f(p) that of the target. It is that of the prior,
    or `fitted`: for either half of the events, normal around the frames of the other.
    """
    log_weight = density.log() - log_prob
    if fitted:
        halves = torch.arange(len(x)) % 2 == 0
        for half in (halves, ~halves):
            law = fibres.FittedFrames(b[~half], x[~half], n_particles)
            change = law.log_prob(b[half], x[half]) - rambo.frame_log_prob(b[half], x[half], n_particles)
            log_weight[half] += change
    return log_weight.exp().numpy()


def reweight_file(
    samples: Path,
    out: Path,
    *,
    truth: Path | None = None,
    target: str | None = None,
    fibre: str = "auto",
    report: Path | None = None,
    progress: Progress = log,
) -> Quality:
    """Return what the weights are worth that turn `samples` into events of a target, after writing them to `out`.

    `samples` is a table of `onshell sample --with-likelihood`. The target is the process of the table `truth`, or
    `target`: uniform, muon, or a matrix element "package.module:function". `fibre` is the law of (b, x) that the target
    is given: the prior's, a fitted one, or auto: the prior's if metadata say that each event of the training set had
    its own frame, fitted if they say nothing.

    Raises
    ------
    OnshellError
        When there is nothing to weigh by; also where events of the training set shared frames.
    """
    samples = Path(samples)
    if (truth is None) == (target is None):
        raise OnshellError("weights: give the process to weight to, either --truth or --target")
    if fibre not in FIBRES:
        raise OnshellError(f"--fibre {fibre}: is not known; use {', '.join(FIBRES)}")
    if truth is None:
        generator, parameters = str(target), {}
    else:
        about = read_metadata(truth)
        generator, parameters = about.get("generator", ""), about.get("parameters") or {}
        if not generator:
            raise OnshellError(f"{truth}: has no generator, whose density would be known; name one by --target")
        if ":" in generator:
            raise OnshellError(
                f"{truth}: its generator {generator!r} is not of this package, and its density not known; give it by "
                "--target module:function, a function of events"
            )
    density, normalised = targets.target(generator, parameters)
    events = _with_densities(samples)
    n_particles = events.n_particles
    if truth is not None and about.get("n_particles", n_particles) != n_particles:
        raise OnshellError(f"{truth}: is of {about['n_particles']} particles, {samples} of {n_particles}")
    law = _law(events.metadata, fibre)
    values = _density(density, events.momenta, generator)
    if events.momenta.shape[-1] == 4:
        if generator in PROCESSES and generator != "uniform":
            raise OnshellError(
                f"{samples}: of massive particles, and {generator} of massless ones; give another target"
            )
        # log_prob is relative to the phase space of the massless events that these are made of.
        values, normalised = values * log_volume_ratio(events.momenta).exp(), False
    columns = {name: torch.from_numpy(np.asarray(events.columns[name], np.float64)) for name in NEEDED}
    frames = torch.stack([columns[name] for name in ("bx", "by", "bz")], -1), columns["x"]
    try:
        weights = weights_in_q(values, columns["log_prob"], *frames, n_particles, fitted=law == "fitted")
    except OnshellError as error:
        raise OnshellError(f"{samples}: {error}") from error
    if not np.isfinite(weights).all():
        bad = np.flatnonzero(~np.isfinite(weights))
        raise OnshellError(f"{samples}: event {bad[0]} and {len(bad) - 1} more get weights that are not finite")
    found = quality(weights)
    about = {"target": {"generator": generator, "parameters": dict(parameters), "normalised": normalised}, "fibre": law}
    about |= asdict(found)
    with contextlib.nullcontext() if report is None else whole(report) as part:
        # The report is on the disk before the table appears: both, or none.
        if part is not None:
            part.write_text(json_text(about), encoding="utf-8")
        write_events(
            out, [(events.momenta, {**events.columns, "weight": weights})], {**events.metadata, "importance": about}
        )
    for line in described(found, generator, normalised, law, events.metadata["likelihood"]):
        progress(line)
    return found


def described(found: Quality, generator: str, normalised: bool, law: str, likelihood: Mapping[str, Any]) -> list[str]:
    """Return what is said of weights, line by line."""
    exact = " (exact: 1)" if normalised else " of the matrix element over uniform phase space"
    lines = [
        f"mean weight {found.integral:.6g} +- {found.error:.2g}{exact}; target {generator}, (b, x) of the {law} law",
        f"effective sample size {found.effective:,.0f} of {found.events:,} ({100 * found.share:.2f}%); "
        f"unweighting efficiency {100 * found.efficiency:.3g}%, "
        f"{100 * found.efficiency_capped:.3g}% with 0.1% of the weight above the cap",
    ]
    if found.zero:
        lines.append(f"{100 * found.zero:.3g}% of the events are where the target has none")
    if likelihood.get("trace") == "hutchinson":
        lines.append("log_prob holds estimates (Hutchinson): weights scatter by it; sample with --trace exact")
    return lines


def _with_densities(path: Path) -> Events:
    """Return the events of a table that `onshell sample --with-likelihood` wrote from a model in q-space."""
    metadata = read_metadata(path)
    if metadata.get("conserves") is False:
        raise OnshellError(
            f"{path}: events of a p-space model are off the shell, where no process has a density; take one in q-space"
        )
    augmentation = metadata.get("augmentation")
    if fills_fibre(augmentation) is False:
        raise OnshellError(
            f"{path}: its model was trained with augmentation {augmentation.get('name')!r}, in frames (b, x) that "
            "events share: its law is singular along the fibre, which no weights undo; train with augmentation "
            "continuous"
        )
    events = read_events(path, space="p")
    missing = [name for name in NEEDED if name not in events.columns]
    if missing or "likelihood" not in metadata:
        raise OnshellError(
            f"{path}: no column {missing[0] if missing else 'log_prob of ours'}; draw the events with "
            "`onshell sample --with-likelihood`"
        )
    if len(events) < 100:
        raise OnshellError(f"{path}: {len(events)} events are too few to weight; draw 100 or more")
    return events


def _law(metadata: Mapping[str, Any], fibre: str) -> str:
    """Return prior or fitted."""
    if fibre != "auto":
        return fibre
    return "prior" if fills_fibre(metadata.get("augmentation")) else "fitted"


def _density(density: targets.Density, p: Tensor, generator: str) -> Tensor:
    """Return the target's density [n] at events `p`, checked where the function is user-defined."""
    if ":" not in generator:
        return torch.cat([density(part) for part in p.split(1 << 13)])
    with custom.guarded(f"target {generator!r} failed"):
        found = torch.as_tensor(find(generator)(p.clone()), dtype=torch.float64, device="cpu").detach().clone()
    if found.shape != (len(p),) or not torch.isfinite(found).all() or (found < 0).any():
        raise OnshellError(
            f"target {generator!r}: must return {len(p)} finite numbers, one an event and none negative; it returned "
            f"shape {tuple(found.shape)}"
        )
    return found
