"""Densities of known processes relative to uniform phase space: normalised, so that their mean over it is 1."""

import itertools
import math
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError, nearest
from onshell.physics import rambo
from onshell.physics.generators.blocks import find
from onshell.physics.kinematics import dot, pair_products
from onshell.physics.matrix_elements import helicity_rates, muon_weight, qqg_weight, sarge_density, total
from onshell.physics.process import PROCESSES

Density = Callable[[Tensor], Tensor]
ROUNDING = 1e-9
"""Relative: pair masses this close to a cut are above it."""


def target(generator: str, parameters: Mapping[str, Any] | None = None) -> tuple[Density, bool]:
    """Return the density [n] at events p [n, N, 3] of the law of `generator`, and whether it is normalised.

    `generator` is the name of a process with a density, which takes `parameters`, or the "package.module:function" of a
    custom matrix element: function(p) -> [n], in any units. Particles are in the order of the generator, or in any if
    it permutes them.
    """
    options = dict(parameters or {})
    if ":" in generator:
        return find(generator), False
    known = {name: process.density for name, process in PROCESSES.items() if process.density}
    if generator not in known:
        names = [*known, "package.module:function"]
        raise OnshellError(f"target: {generator!r} has no known density; {nearest(generator, names)}")
    options.pop("n_particles", None)
    try:
        return pkgutil.resolve_name(known[generator])(**options), True
    except TypeError as error:
        raise OnshellError(f"target: {generator!r} with {options}: {error}") from error


def uniform() -> Density:
    """Return the density 1."""
    return lambda p: torch.ones_like(p[..., 0, 0])


def muon() -> Density:
    """Return that of muon decay (15), 12 E_3 (1 - 2 E_3): 96 of it over the 8 of uniform phase space in (E_1, E_2)."""
    return lambda p: 12 * muon_weight(p)


def qqg(cutoff: float, sqrt_s: float = 1000.0, permute: bool = True) -> Density:
    """Return that of (17) above the cutoff on s_IJ/s, of labelled particles, or of any order if they `permute`."""
    from scipy import integrate

    PROCESSES["qqg"].check(cutoff=cutoff, sqrt_s=sqrt_s)
    # Averaged over orientations, w is a third of the rates times (x_1^2 + x_2^2)/((1 - x_1)(1 - x_2)); uniform phase
    # space has density 2 in the two s_IJ, of which one is integrated in closed form.
    inner = integrate.quad(
        lambda y: 2 * (1 - y) ** 2 / y * math.log((1 - cutoff - y) / cutoff),
        cutoff,
        1 - 2 * cutoff,
        epsabs=0,
        epsrel=1e-11,
    )[0]
    norm = sum(helicity_rates(sqrt_s)) / 3 * 2 * inner

    def density(p: Tensor) -> Tensor:
        inside = 2 * pair_products(p).amin(-1) >= cutoff * (1 - ROUNDING)
        # Every order is as likely as any other.
        orders = list(itertools.permutations(range(3))) if permute else [(0, 1, 2)]
        weight = sum(qqg_weight(p[..., order, :], sqrt_s) for order in orders) / len(orders)
        return torch.where(inside, weight / norm, 0.0)

    return density


def sarge(cutoff: float, permute: bool = True) -> Density:
    """Return that of SARGE with cutoff xi, of the chain 1 ... N, or of particles in any order if they `permute`."""
    if not permute:
        return lambda p: sarge_density(p, cutoff) * math.exp(rambo.log_volume(p.shape[-2]))
    return lambda p: sarge_permuted_density(p, cutoff) * math.exp(rambo.log_volume(p.shape[-2]))


def sarge_permuted_density(p: Tensor, cutoff: float) -> Tensor:
    """Return the density [...] of SARGE events `p` [..., N, 3] whose particles are in random order, per dPhi_N of (2).

    It is the mean of `sarge_density` over all N! orders. Given the last of the chain, every step of it has its own
    limits, so that paths are summed set by set, as in `aps_weight`: N 2^(N-1) (N-1)^2 steps.
    """
    n, s = p.shape[-2], dot(p)
    # Units in which products stay near 1: there are N of them in a chain.
    scale = s.flatten(-2).sum(-1)[..., None, None] / (n * (n - 1))
    s = s / scale
    inverse = s.diagonal_scatter(torch.ones_like(p[..., 0]), dim1=-2, dim2=-1).reciprocal()
    density = torch.zeros_like(p[..., 0, 0])
    for last in range(n):
        nodes = [i for i in range(n) if i != last]
        step = {(i, j): _allowed(s, i, j, last, cutoff) * inverse[..., i, j] for i in nodes for j in nodes if i != j}
        paths = {1 << i: {i: inverse[..., last, i]} for i in nodes}
        whole = sum(1 << i for i in nodes)
        for size in range(2, n):
            for chosen in itertools.combinations(nodes, size):
                visited = sum(1 << i for i in chosen)
                paths[visited] = {
                    end: total(
                        [paths[visited ^ 1 << end][start] * step[start, end] for start in chosen if start != end]
                    )
                    for end in chosen
                }
        density = density + sum(value * inverse[..., end, last] for end, value in paths[whole].items())
    constant = -math.log(2) - (n - 1) * math.log(math.pi) - 2 * (n - 2) * math.log(2 * math.log(cutoff))
    return density * (constant - math.lgamma(n + 1) - n * scale[..., 0, 0].log()).exp()


def _allowed(s: Tensor, start: int, end: int, last: int, cutoff: float) -> Tensor:
    """Return 1 where the antenna of `start` and `last` may emit `end`, else 0, from the products `s` [..., N, N]."""
    ratios = torch.stack([s[..., start, end], s[..., end, last]], -1) / s[..., start, last, None]
    return ((ratios >= 1 / cutoff) & (ratios <= cutoff)).all(-1).to(s.dtype)
