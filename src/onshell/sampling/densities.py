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
from onshell.sampling.sample import Spec

FEW = 100
"""With fewer events no law of (b, x) is fitted to them."""
Q_MEASURE = "p_ref(q) d^3N q: uniform phase space times the law of the frame (b, x)"
P_MEASURE = "d^3N p in units of E_cm"
UNIFORM = "uniform phase space, dPhi_N over its volume"


def wish(spec: Spec, source: Mapping[str, Any] | None, *, trace: str = "auto", fibre_draws: int = 0) -> dict[str, Any]:
    """Return, as plain types, how the densities of events of the run `spec` are to be found, or raise if they cannot.

    `source` is what its model file says of the training set; `fibre_draws` of (b, x) estimate the density of p.
    """
    likelihood.check_deterministic(spec)
    probes, found = likelihood.probes_of(spec, trace), {}
    if spec["space"] == "q":
        found |= {"measure": Q_MEASURE}
    else:
        found |= {"measure": P_MEASURE}
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
    return found | {"fibre_draws": fibre_draws, "fibre_law": law, "measure_p": UNIFORM}


def doubts(spec: Spec, source: Mapping[str, Any] | None) -> list[str]:
    """Return what the densities of events of the run `spec` are not good for; `source` is as for `wish`.

    Frames that events share leave the training set on a sheet of no volume: the better a model, the less is its law one
    that has a density in q-space. Where a field jumps it gathers events or parts them, which no divergence sees.
    """
    found, network = [], spec["network"]
    augmentation = (source or {}).get("augmentation")
    if spec["space"] == "q" and fills_fibre(augmentation) is False:
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


def sample_block(
    network: likelihood.Network,
    spec: Spec,
    k: int,
    size: int,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    fitted: Mapping[str, Any] | None = None,
    wish: Mapping[str, Any],
) -> dict[float | str, Tensor]:
    """Return block `k` of a sample: its states [size, N, 3] at t = 0, as `sample.sample_block`, and columns [size].

    They start from the same points; `wish` says how densities are found. The network is one in float64.
    """
    name, probes = (seed, "sample", spec["run"], k), wish.get("probes", 0)
    generator = torch_stream(*name, "signs", device=str(device))
    x, found = likelihood.drawn(network, spec, fitted, size, stream(*name, "prior"), generator, probes=probes)
    x, found = x.cpu(), found.cpu() - 3 * spec["n_particles"] * torch.tensor(spec["unit"]).double().log()
    in_q = spec["space"] == "q"
    columns = {"log_prob": found.mean(0) - (rambo.prior_log_prob(spec["unit"] * x) if in_q else 0.0)}
    if probes:
        columns["log_prob_error"] = found.std(0) / probes**0.5
    if in_q:
        b, frame_x = rambo.frame(spec["unit"] * x)
        columns |= dict(zip(("bx", "by", "bz"), b.unbind(-1), strict=True)) | {"x": frame_x}
    if draws := wish.get("fibre_draws"):
        n_particles = spec["n_particles"]
        law: fibre.Frames = fibre.PriorFrames(n_particles)
        if wish["fibre_law"] == "fitted" and size >= FEW:
            law = fibre.FittedFrames(b, frame_x, n_particles, dof=5.0, prior=0.1)

        def log_rho(q: Tensor) -> Tensor:
            return likelihood.log_prob(network, spec, fitted, q, generator)[0].cpu()

        density, error = fibre.log_density(log_rho, rambo.to_p(x), draws, stream(*name, "fibre"), law)
        columns |= {"log_prob_p": density, "log_prob_p_error": error}
    return {0.0: x, **columns}
