"""Log-densities of flows by the instantaneous change of variables: d ln rho/dt = -div (dq/dt) along their solution.

Densities are on d^{3N}q whatever the chart: with dq/dt = s(|q|) u for a network's velocity u, the divergence is
sum_I [ s div_I u + s' u_I.q_I/|q_I| ]. The traces are exact, or estimated along random signs that stay the same all the
way (Hutchinson): the logarithm is then without bias. Networks must compute in float64: derivatives of functions of
angles lose the digits of float32 where terms cancel that the field itself never sees. In a solver's state, the rows
[n, K, ...] that follow the particles hold the change of ln rho.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.models import priors
from onshell.models.charts import chart_of
from onshell.models.charts.mixtures import mixture_of
from onshell.models.divergence import random_signs
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.integrators import integrate, integrate_back
from onshell.sampling.sampler import Network, Spec

EXACT_UP_TO = 5
"""With more particles than this, `auto` estimates traces: an exact one takes 3N backward passes."""
PROBES = 4
"""Estimates of each trace: their spread tells the error."""


def check_deterministic(spec: Spec) -> None:
    """Raise unless the run `spec` is drawn by solving a differential equation, which gives its events a likelihood."""
    options, loss = spec["sampling"], spec["loss"]["type"]
    if loss not in ("flow", "velocity"):
        why = f"a diffusion of loss {loss!r}, drawn by a stochastic reverse process"
    elif options["solver"] == "ancestral":
        why = "drawn by the solver 'ancestral', which adds noise"
    elif options.get("langevin"):
        why = "drawn with Langevin steps, which add noise"
    else:
        return
    raise OnshellError(
        f"likelihood: {spec['run']} is {why}: its events have no likelihood along the way; use a flow, or a diffusion "
        "of loss 'velocity', with solver euler, midpoint, rk4, multistep or adaptive and langevin: 0"
    )


def probes_of(spec: Spec, trace: str = "auto") -> int:
    """Return the number of estimates of each trace, 0 for exact ones, by exact, hutchinson or auto."""
    if trace not in ("auto", "exact", "hutchinson"):
        raise OnshellError(f"trace: {trace!r} is not known; use 'exact', 'hutchinson' or 'auto'")
    exact = trace == "exact" or (trace == "auto" and spec["n_particles"] <= EXACT_UP_TO)
    return 0 if exact else PROBES


def prior_log_prob(spec: Spec, fitted: Mapping[str, Any] | None, x: Tensor) -> Tensor:
    """Return ln of the density [n] on d^{3N}x of where sampling of the run `spec` starts, at `x` [n, N, 3]."""
    if spec["family"] == "diffusion" or spec["prior"] == "rambo":
        return rambo.prior_log_prob(x)
    mean, std = (torch.tensor((fitted or {})[key], dtype=x.dtype, device=x.device) for key in ("mean", "std"))
    found: Tensor = torch.distributions.Normal(mean, std).log_prob(x)
    return found.sum((1, 2))


@dataclass(frozen=True)
class FlowDensity:
    """The density of the run `spec` on d^{3N}x, in network units.

    `fitted` is what its prior was fitted to; `generator`, whose device is that of the network, draws the signs of
    `probes` estimates of each trace. Without any, traces are exact.
    """

    network: Network
    spec: Spec
    fitted: Mapping[str, Any] | None
    generator: torch.Generator
    probes: int = 0

    def __post_init__(self) -> None:
        check_deterministic(self.spec)

    def sample(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return `size` events x [size, N, 3] and ln rho(x) [K, size], K estimates or one that is exact.

        `rng` draws where they start, as for events without a likelihood.
        """
        chart = chart_of(self.spec)
        y = priors.start(self.spec, self.fitted, size, rng).to(self.generator.device)
        start = prior_log_prob(self.spec, self.fitted, chart.to_q(y))
        y, change = self.solve(y, to_data=True)
        return chart.to_q(y), start + change

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln rho(x) [K, n] at any events `x` [n, N, 3].

        They are taken to the prior by the solver that draws events. A step of its grid to t = 0 is made as there, with
        the network at the earlier end of it.
        """
        chart = chart_of(self.spec)
        y, change = self.solve(chart.to_chart(x.to(self.generator.device, torch.float64)), to_data=False)
        return prior_log_prob(self.spec, self.fitted, chart.to_q(y)) - change

    def solve(self, y: Tensor, *, to_data: bool) -> tuple[Tensor, Tensor]:
        """Return the states after the whole way from `y`, to t = 0 or to t = 1, and the change of ln rho [K, n]."""
        chart, rate, n_particles = chart_of(self.spec), mixture_of(self.spec).rate, y.shape[1]
        signs = random_signs((self.probes, len(y), n_particles, 3), self.generator) if self.probes else None

        def velocity(state: Tensor, t: float) -> Tensor:
            y = state[:, :n_particles]
            q = chart.to_q(y)
            now = torch.full((len(y),), t, dtype=q.dtype, device=q.device)
            u, traces = traced(self.network, q.contiguous(), now, signs)
            length = norm(q)
            s, slope = chart.speed(length)
            # A particle at q = 0 to the last bit has no direction; it has no weight either.
            along = (u * q).sum(-1) / torch.where(length == 0, 1.0, length)
            kept = (length > 0).to(along.dtype)
            lost = -(s * traces + torch.nan_to_num(slope, posinf=0.0) * along * kept).sum(-1)
            return rate * torch.cat([chart.tangent(y, u), _as_rows(lost, y)], 1)

        def project(state: Tensor) -> Tensor:
            return torch.cat([chart.project(state[:, :n_particles]), state[:, n_particles:]], 1)

        none = torch.zeros(self.probes or 1, len(y), dtype=torch.float64, device=y.device)
        state, solver = torch.cat([y, _as_rows(none, y)], 1), integrate if to_data else integrate_back
        with torch.no_grad():
            for _, last in solver(velocity, state, self.spec["sampling"], project):
                state = last
        found = state[:, n_particles:, 0]
        found = found.real if found.is_complex() else found
        if not torch.isfinite(found.sum()):
            bad = int((~torch.isfinite(found)).any(1).sum())
            raise OnshellError(
                f"likelihood: {self.spec['run']}: {bad} of {len(found)} events have none that is finite; use smaller "
                "steps, or the adaptive solver"
            )
        return state[:, :n_particles], found.T


def traced(network: Network, x: Tensor, t: Tensor, signs: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return u [n, N, 3] of `network` at x [n, N, 3], t [n], and div_I u of every particle [K, n, N].

    Exact (K = 1), or along each of the `signs` [K, n, N, 3].
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        u = network(x, t)
        if not u.requires_grad:
            return u, x.new_zeros((1 if signs is None else len(signs), *x.shape[:2]))
        if signs is None:
            parts = u.flatten(1).unbind(1)
            rows = [_gradient(part.sum(), x).flatten(1)[:, i] for i, part in enumerate(parts)]
            found = torch.stack(rows, 1).view_as(x)[None]
        else:
            found = torch.stack([sign * _gradient((sign * u).sum(), x) for sign in signs.to(x.dtype)])
    return u.detach(), found.sum(-1)


def _gradient(value: Tensor, x: Tensor) -> Tensor:
    """Return d value/dx, zero where it does not depend on x; the graph is kept."""
    (found,) = torch.autograd.grad(value, x, retain_graph=True, allow_unused=True, materialize_grads=True)
    return found


def _as_rows(values: Tensor, y: Tensor) -> Tensor:
    """Return `values` [K, n] as the first components of rows [n, K, ...] like those of the states `y`."""
    rows = torch.zeros((y.shape[0], len(values), y.shape[2]), dtype=y.dtype, device=y.device)
    rows[..., 0] = values.T.to(y.dtype)
    return rows
