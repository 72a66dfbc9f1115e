"""The work behind `onshell weights`: a sample with its log-densities in, the same with importance weights out."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onshell.core import custom
from onshell.core.errors import OnshellError
from onshell.core.files import json_text, whole
from onshell.core.progress import Progress, log
from onshell.evaluation.importance import Quality, quality, weights_in_q
from onshell.events.augment import fills_fibre
from onshell.events.table import Events, read_events, read_metadata, write_events
from onshell.physics import targets
from onshell.physics.generators.blocks import find

NEEDED = ("log_prob", "bx", "by", "bz", "x")
FIBRES = ("auto", "prior", "fitted")


def weigh_file(
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
    about |= found.document()
    with contextlib.nullcontext() if report is None else whole(report) as part:
        # The report is on the disk before the table appears: both, or none.
        if part is not None:
            part.write_text(json_text(about), encoding="utf-8")
        write_events(
            out, [(events.momenta, {**events.columns, "weight": weights})], {**events.metadata, "importance": about}
        )
    for line in told(found, generator, normalised, law, events.metadata["likelihood"]):
        progress(line)
    return found


def told(found: Quality, generator: str, normalised: bool, law: str, likelihood: Mapping[str, Any]) -> list[str]:
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


def _density(density: targets.Density, p: torch.Tensor, generator: str) -> torch.Tensor:
    """Return the target's density [n] at events `p`, checked where the function is the user's own."""
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
