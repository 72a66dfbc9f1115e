"""Blocks of events with their densities, as columns of their table.

In q-space `log_prob` is ln rho(q)/p_ref(q) of the drawn q: relative to p_ref, which is uniform phase space times the
law of (b, x). The frames `bx`, `by`, `bz`, `x` go with it, so that q can be made from p again. The density of p
alone is an average over (b, x): `log_prob_p`, relative to uniform phase space.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.events.augment import fills_fibre
from onshell.physics import fibre, rambo
from onshell.sampling import likelihood
from onshell.sampling.likelihood import FlowDensity
from onshell.sampling.sampler import Draw, Network, Spec

FEW = 100
"""With fewer events no law of (b, x) is fitted to them."""
Q_MEASURE = "p_ref(q) d^3N q: uniform phase space times the law of the frame (b, x)"
P_MEASURE = "d^3N p in units of E_cm"
UNIFORM = "uniform phase space, dPhi_N over its volume"
MASSIVE = "dPhi_N of the masses over the volume of massless phase space"


def likelihood_options(
    spec: Spec, source: Mapping[str, Any] | None, *, trace: str = "auto", fibre_draws: int = 0
) -> dict[str, Any]:
    """Return, as plain types, how the densities of events of the run `spec` are to be found, or raise if they cannot.

    `source` is what its model file says of the training set; `fibre_draws` of (b, x) estimate the density of p.
    """
    likelihood.check_deterministic(spec)
    probes = likelihood.probes_of(spec, trace)
    found: dict[str, Any] = {"measure": Q_MEASURE if spec["space"] == "q" else P_MEASURE}
    found |= {"trace": "hutchinson", "probes": probes} if probes else {"trace": "exact"}
    if not fibre_draws:
        return found
    if spec["space"] != "q" or fibre_draws < 2 or probes:
        why = "2 draws or more give an error"
        if spec["space"] != "q":
            why = f"{spec['run']} is in p-space, where there is none"
        elif probes:
            why = "it averages densities, which estimated traces would bias; use --trace exact"
        raise OnshellError(f"fibre: {fibre_draws} draws of (b, x) an event: {why}")
    law = "prior" if fills_fibre((source or {}).get("augmentation")) else "fitted"
    measure = MASSIVE if (source or {}).get("masses") else UNIFORM
    return found | {"fibre_draws": fibre_draws, "fibre_law": law, "measure_p": measure}


def likelihood_warnings(spec: Spec, source: Mapping[str, Any] | None) -> list[str]:
    """Return what the densities of events of the run `spec` are not good for; `source` as in `likelihood_options`.

    Frames that events share leave the training set on a sheet of no volume: the better a model, the less is its law one
    that has a density in q-space. Where a field jumps it gathers events or parts them, which no divergence sees.
    """
    found, network = [], spec["network"]
    augmentation = (source or {}).get("augmentation") or {}
    if spec["space"] == "q" and fills_fibre(augmentation or None) is False:
        found.append(
            f"trained with augmentation {augmentation.get('name')!r}, in frames (b, x) that events share: log_prob is "
            "singular along the fibre, and `onshell weights` refuses these events; train with augmentation continuous"
        )
    if network["type"] == "equivariant-mlp" and network.get("exchangeable", True):
        found.append(
            "an equivariant-mlp of exchangeable particles sorts them, and its field jumps where two have the same "
            "energy: its densities leave that out; train with exchangeable: false, or an equivariant-transformer"
        )
    return found


def density_block(
    network: Network, spec: Spec, k: int, size: int, draw: Draw, options: Mapping[str, Any]
) -> dict[float | str, Tensor]:
    """Return block `k` of a sample: its states [size, N, 3] at t = 0, as `sample_block` has them, and columns [size].

    `options` are those of `likelihood_options`. The network is one in float64.
    """
    name, probes = (draw.seed, "sample", spec["run"], k), options.get("probes", 0)
    generator = torch_stream(*name, "signs", device=str(draw.device))
    x, found = FlowDensity(network, spec, draw.fitted, generator, probes).sample(size, stream(*name, "prior"))
    x, found = x.cpu(), found.cpu() - 3 * spec["n_particles"] * torch.tensor(spec["unit"]).double().log()
    in_q = spec["space"] == "q"
    columns = {"log_prob": found.mean(0) - (rambo.prior_log_prob(spec["unit"] * x) if in_q else 0.0)}
    if probes:
        columns["log_prob_error"] = found.std(0) / probes**0.5
    if in_q:
        b, frame_x = rambo.frame(spec["unit"] * x)
        columns |= dict(zip(("bx", "by", "bz"), b.unbind(-1), strict=True)) | {"x": frame_x}
    if draws := options.get("fibre_draws"):
        exact, n_particles = FlowDensity(network, spec, draw.fitted, generator), spec["n_particles"]
        law: fibre.Frames = fibre.PriorFrames(n_particles)
        if options["fibre_law"] == "fitted" and size >= FEW:
            law = fibre.FittedFrames(b, frame_x, n_particles, dof=5.0, prior=0.1)
        density, error = fibre.log_density(
            lambda q: exact.log_prob(q)[0].cpu(), rambo.to_p(x), draws, stream(*name, "fibre"), law
        )
        columns |= {"log_prob_p": density, "log_prob_p_error": error}
    block: dict[float | str, Tensor] = {0.0: x}
    block.update(columns.items())
    return block
