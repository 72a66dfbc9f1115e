"""Where sampling starts, by family and space; what of it is fitted to the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models.charts import chart_of
from onshell.physics import rambo

Spec = Mapping[str, Any]
PRIORS = ("rambo", "gaussian")


def fit(spec: Spec, data: Tensor) -> dict[str, list[float]]:
    """Return what the prior of the run `spec` takes from its training set `data` [n, N, 3], in network units.

    The gaussian prior of a flow takes the mean and the standard deviation of each component, shared over particles;
    any other prior takes nothing.
    """
    if _kind(spec) != "gaussian":
        return {}
    components = data.reshape(-1, 3).to(torch.float64)
    mean, std = components.mean(0), components.std(0, correction=0)
    if not (torch.isfinite(std) & (std > 0)).all():
        raise OnshellError(
            f"prior: the training set of {spec['run']} has components of standard deviation {std.tolist()}, to which "
            "no gaussian can be fitted; check its momenta"
        )
    return {"mean": mean.tolist(), "std": std.tolist()}


def draw(spec: Spec, fitted: Mapping[str, Any] | None, n: int, rng: np.random.Generator) -> Tensor:
    """Return the start of sampling [n, N, 3] in float64, in network units.

    p_ref (8) for a diffusion in q-space, unit normal components for one in p-space, the fitted prior for a flow.
    """
    kind, n_particles = _kind(spec), spec["n_particles"]
    if kind == "rambo":
        return rambo.sample_prior(n, n_particles, rng)
    noise = torch.from_numpy(rng.standard_normal((3, n, n_particles))).permute(1, 2, 0)
    if kind == "normal":
        return noise
    if not fitted:
        raise OnshellError(f"prior: {spec['run']} has no mean and standard deviation of its gaussian; train it again")
    mean, std = (torch.tensor(fitted[key], dtype=torch.float64) for key in ("mean", "std"))
    return noise * std + mean


def start(spec: Spec, fitted: Mapping[str, Any] | None, n: int, rng: np.random.Generator) -> Tensor:
    """Return the start of sampling as `n` states of the run's chart: what `draw` returns, lifted."""
    chart = chart_of(spec)
    if _kind(spec) == "rambo":
        return chart.prior(n, spec["n_particles"], rng)
    return chart.to_chart(draw(spec, fitted, n, rng), rng)


def _kind(spec: Spec) -> str:
    """Return rambo, gaussian or normal: what the run `spec` starts from."""
    if spec["family"] == "diffusion":
        return "rambo" if spec["space"] == "q" else "normal"
    prior = spec["prior"]
    if prior not in PRIORS:
        raise OnshellError(f"prior: {prior!r} is not known; use {' or '.join(map(repr, PRIORS))}")
    if prior == "rambo" and spec["space"] == "p":
        raise OnshellError(f"prior: 'rambo' is a law in q-space, but {spec['run']} is in p-space; use 'gaussian'")
    return prior
