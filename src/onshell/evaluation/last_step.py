"""Truth with the noise of the last reverse step: what remains of a model's distance when its score is exact."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.rng import torch_stream
from onshell.events.augment import frames
from onshell.models.chart_diffusions import diffusion_of
from onshell.models.diffusion import unit_normal
from onshell.physics import rambo


def is_noisy(spec: Mapping[str, Any]) -> bool:
    """Return whether the reverse process (11) or (4) of the run `spec` adds noise in its step to t = 0."""
    return spec.get("sampling", {}).get("noise") == "full" and spec.get("loss", {}).get("chart", "q") == "q"


def embedded_as(p: Tensor, metadata: Mapping[str, Any]) -> Tensor:
    """Return events `p` [n, N, 3] in the units of a model's network, embedded as its training set was.

    Parameters
    ----------
    p
        Momenta in units of E_cm, in the centre-of-mass frame.
    metadata
        That of the model's sample: `spec`, `process`, and `augmentation` with its frames.

    Returns
    -------
    Tensor
        q [n, N, 3], or p over the network's unit of momentum.
    """
    spec = metadata["spec"]
    if spec["space"] == "p":
        return p / spec["unit"]
    about = metadata.get("augmentation")
    if not about or "spec" not in about:
        raise OnshellError("augmentation: the sample does not say how its training set was embedded; draw it again")
    n = len(p)
    chosen = frames(
        about["spec"], name=about["name"], process=metadata["process"], n_particles=p.shape[1], seed=about["seed"]
    )
    return rambo.to_q(p, *chosen.of_rows(0, n))


def noisy_truth(p: Tensor, metadata: Mapping[str, Any]) -> Tensor:
    """Return truth `p` [n, N, 3] as it would be after a last reverse step (11) of exact score and full noise.

    The exact score brings a state at t = 1 back to truth on average; what remains is the noise of that step, of
    standard deviation sqrt(2 gamma_0) per component in the network's units, added here to truth itself.

    Parameters
    ----------
    p
        Truth, momenta in units of E_cm.
    metadata
        That of the model's sample, as in `embedded_as`, and its `seed`, which names the stream of the noise.

    Returns
    -------
    Tensor
        Momenta [n, N, 3] in units of E_cm; those of a model in q-space are on phase space.
    """
    spec = metadata["spec"]
    if not is_noisy(spec):
        raise OnshellError(f"{spec['run']}: its last reverse step adds no noise to momenta; there is nothing to add")
    process = diffusion_of(spec)
    noise = unit_normal(*p.shape[:2], torch_stream(metadata["seed"], "last-step", spec["run"]))
    noisy = embedded_as(p, metadata).add(noise, alpha=process.reverse_size(1, "full"))
    return rambo.to_p(noisy) if spec["space"] == "q" else noisy * spec["unit"]
