"""Small runs of the four kinds, and forward chains simulated plainly."""

import numpy as np

from helpers.networks import small_spec

SMALL = small_spec()
SAMPLING = {
    "diffusion": SMALL["sampling"],
    "flow": {"precision": "fp32", "solver": "midpoint", "steps": 20, "tolerance": 1e-4},
}
LOSS = {
    "ism": SMALL["loss"],
    "noise": {"type": "noise", "target": "step", "times_per_event": 1},
    "flow": {"type": "flow"},
}


def run_spec(space="q", family="diffusion", loss=None, **over):
    """The spec of a small run in this space, of this family; `over` as in `small_spec`.

    `loss` is the name of a loss, or settings that go before those of the loss of their type.
    """
    settings = {"type": loss} if isinstance(loss, str) else loss or {}
    kind = settings.get("type", "ism" if family == "diffusion" else "flow")
    spec = small_spec(run=f"small-{space}-{family}", space=space, family=family)
    spec |= {
        "augmentation": "single" if space == "q" else None,
        "unit": 1.0 if space == "q" else 0.1,
        "schedule": dict(SMALL["schedule"]) if family == "diffusion" else None,
        "prior": None if family == "diffusion" else "gaussian",
        "loss": {**LOSS[kind], **settings},
        "sampling": dict(SAMPLING[family]),
    }
    for key, value in over.items():
        spec[key] = {**spec[key], **value} if isinstance(value, dict) and spec.get(key) else value
    return spec


def flow_spec(chart="spinor", prior="rambo", **over):
    """The spec of a small flow in this chart; `over` as in `small_spec`."""
    return run_spec(family="flow", prior=prior, loss={"type": "flow", "chart": chart}, **over)


def diffusion_spec(sampling=None):
    """The spec of a small diffusion of spinors that is drawn as flows are; `sampling` goes before their settings."""
    loss, solved = {"type": "velocity", "chart": "spinor"}, {**SAMPLING["flow"], **(sampling or {})}
    return run_spec() | {"loss": loss, "sampling": solved, "schedule": None}


def plain_chain(q, gammas, rng, gaussian=(), softening=0.0):
    """Yield the states at t = 0, 1, ... of (10), all events [n, N, 3] (NumPy) together; `gaussian` steps are of (3)."""
    yield q
    for k, gamma in enumerate(gammas):
        size = np.sqrt((q**2).sum(-1, keepdims=True))
        score = -q if k in gaussian else -q / size - q / (size**2 + softening**2)
        q = q + gamma * score + np.sqrt(2 * gamma) * rng.standard_normal(q.shape)
        yield q


def gaussian_path(space, gammas, mean, spread):
    """Mean and variance at t = 0 ... T of one component of Gaussian data: p-space (29), or q-space all in phase (3)."""
    means, variances = [mean], [spread**2]
    for gamma in gammas:
        decay = (1 - 2 * gamma) ** 0.5 if space == "p" else 1 - gamma
        means.append(decay * means[-1])
        variances.append(decay**2 * variances[-1] + 2 * gamma)
    return np.array(means), np.array(variances)
