"""The noise of the last reverse step against the faults of the model: `python benchmarks/last_step.py --help`.

Two tables in Markdown; run it in the repository. `--truth EVENTS ...`: truth of event tables, held out, with the noise
of the last step alone and no model at all, in q-space and in p-space, beside truth against truth.
`--model MODEL --against EVENTS`: one model, sampled with every kind of noise, through the whole chain from the prior,
and begun from truth that the forward process has led to an early time, so that the score at late times plays no part.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from onshell import config as configuration
from onshell.core.rng import stream, torch_stream
from onshell.evaluation.distances import wasserstein
from onshell.evaluation.last_step import embedded_as, noisy_truth
from onshell.evaluation.truth import held_out
from onshell.events.augment import frames
from onshell.models import priors
from onshell.models.chart_diffusions import diffusion_of
from onshell.models.diffusion import NOISES
from onshell.models.objectives import score
from onshell.physics import rambo
from onshell.physics.kinematics import energies, violation
from onshell.physics.observables import LOG_FLOOR, tau
from onshell.sampling.stochastic import reverse
from onshell.training.checkpoint import network_of, read_model

BLOCK = 2048
EARLY = 0.1
"""The normalised time at which the short chains begin."""


def distances(p: Tensor, truth: Tensor) -> tuple[float, float, float]:
    """Return W1 of log10 tau, of the largest and of log10 of the smallest energy, of events [n, N, 3] and [m, N, 3]."""
    values = [
        (tau(x).clamp_min(LOG_FLOOR).log10(), energies(x).amax(-1), energies(x).amin(-1).clamp_min(LOG_FLOOR).log10())
        for x in (p, truth)
    ]
    return tuple(wasserstein(a.numpy(), b.numpy()) for a, b in zip(*values, strict=True))


def off_shell(p: Tensor) -> tuple[float, ...]:
    """Return the means of |sum E - 1|, |sum p_x|, |sum p_y|, |sum p_z| over the median energy."""
    excess, total = violation(p)
    median = energies(p).flatten().median()
    return tuple(float(x) for x in (excess.abs().mean() / median, *(total.abs().mean(0) / median)))


def row(*cells: object) -> None:
    """Print one row of a table."""
    print(
        "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |", flush=True
    )


def without_model(paths: list[Path], gamma: float) -> None:
    """Print what the noise of a last step of size `gamma` does to truth, by event table."""
    row("truth", "events", "W1 log10 tau", "the same, truth against truth", "E", "p_x", "p_y", "p_z")
    row(*[":---"], *["---:"] * 7)
    config = configuration.load()
    single, unit = config["augmentations"]["single"], config["presets"]["paper"]["ten-body-p-diffusion"]["unit"]
    for path in paths:
        events = held_out(path)
        p, about, half = events.momenta, events.metadata, len(events) // 2
        spec: dict[str, Any] = {
            "run": about.get("dataset", path.stem),
            "space": "q",
            "unit": unit,
            "schedule": {"steps": 2, "gamma": [gamma, gamma]},
            "loss": {"type": "noise"},
            "sampling": {"noise": "full"},
        }
        process = about["process"]
        named = {"name": "single", "process": process, "n_particles": p.shape[1], "seed": about["seed"]}
        chosen = frames(single, **named)
        metadata = {"spec": spec, "process": process, "seed": about["seed"], "augmentation": chosen.metadata()}
        moved = noisy_truth(p, metadata)
        floor = distances(p[:half], p[half:])[0]
        off = noisy_truth(p, metadata | {"spec": spec | {"space": "p"}})
        row(path.stem, f"{len(p):,}", distances(moved, p)[0], floor, *off_shell(off))


def chains(content: dict[str, Any], path: Path, n: int, noise: str, start: Tensor | None) -> Iterator[Tensor]:
    """Yield events [<= BLOCK, N, 3] at the end of chains from the prior, or from network-space events `start`."""
    spec, network = content["spec"], network_of(content, path, torch.device("cpu"))
    process, name = diffusion_of(spec), (spec["seed"], "last-step", noise, "whole" if start is None else "early")
    first = process.steps if start is None else process.place(EARLY)
    for k in range(-(-n // BLOCK)):
        size, generator = min(BLOCK, n - k * BLOCK), torch_stream(*name, k)
        if start is None:
            x = priors.draw(spec, content.get("fitted"), size, stream(*name, k, "prior"))
        else:
            x = process.forward(start[k * BLOCK : k * BLOCK + size], first, generator)
        with torch.inference_mode():
            for _, state in reverse(score(network, spec), x, process, generator, noise, first):
                end = state
        yield rambo.to_p(end) if spec["space"] == "q" else end * spec["unit"]


def with_model(path: Path, events: Path, n: int) -> None:
    """Print the distances of one model's events from truth, by the noise of its steps and where its chains begin."""
    content, truth = read_model(path), held_out(events).momenta
    source = content["source"] or {}
    metadata = {"spec": content["spec"], "process": content["spec"]["process"], **source}
    begin = embedded_as(truth[:n], metadata)
    row("chain", "noise", "events", "W1 log10 tau", "W1 E_max", "W1 log10 E_min", "E", "p_x", "p_y", "p_z")
    row(*[":---"] * 2, *["---:"] * 8)
    for where, start in ((f"from truth at t = {EARLY} T", begin), ("whole", None)):
        for noise in NOISES:
            p = torch.cat(list(chains(content, path, n, noise, start)))
            row(where, noise, f"{n:,}", *distances(p, truth), *off_shell(p))
    row("truth against truth", "", f"{n:,}", *distances(truth[:n], truth[n:]), *off_shell(truth[:n]))


def main() -> None:
    """Print the tables that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, nargs="+", metavar="EVENTS", help="event tables of truth")
    parser.add_argument("--gamma", type=float, default=0.002, help="the size of the last step (default: %(default)s)")
    parser.add_argument("--model", type=Path, help="a model file")
    parser.add_argument("--against", type=Path, metavar="EVENTS", help="the truth of the model")
    parser.add_argument("-n", type=int, default=10_000, help="events of each chain")
    chosen = parser.parse_args()
    if not chosen.truth and not (chosen.model and chosen.against):
        parser.error("nothing to do: give --truth, or --model with --against")
    if chosen.truth:
        without_model(chosen.truth, chosen.gamma)
    if chosen.model:
        with_model(chosen.model, chosen.against, chosen.n)


if __name__ == "__main__":
    main()
