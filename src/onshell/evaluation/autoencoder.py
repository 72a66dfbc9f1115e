"""A small autoencoder of truth events; its latent space is a feature space learned without any model's sample.

Where the order of particles means nothing it sees the event's shape (`features.shapes`), whose latent space a
hyperplane can cut; in a latent space of raw momenta it would be blind to all but the orientation.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from onshell.core import reading
from onshell.core.errors import OnshellError
from onshell.core.files import save_whole
from onshell.core.forms import Autoencoders
from onshell.core.rng import stream, torch_stream
from onshell.evaluation.features import shapes

FORMAT = 1
KIND = "onshell-autoencoder"
WIDTH = 128
BATCH = 1024
LEARNING_RATE = 2e-3


class Autoencoder(nn.Module):
    """Coordinates of events [n, N, 3] -> latent [n, k] -> coordinates, k the number of degrees of freedom in them.

    The coordinates are the momenta, k = 3N - 4 the dimension of phase space; or, where the particles are not `ordered`,
    those of the event's shape, k = 3N - 7 without the orientation.
    """

    def __init__(self, n_particles: int, width: int = WIDTH, *, ordered: bool = True):
        super().__init__()
        self.n_particles, self.ordered = n_particles, ordered
        size, latent = (3 * n_particles, 3 * n_particles - 4) if ordered else (4 * n_particles - 4, 3 * n_particles - 7)
        self.encoder = _stack(size, width, latent)
        self.decoder = _stack(latent, width, size)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("latent_mean", torch.zeros(latent))
        self.register_buffer("latent_scale", torch.ones(latent))

    def standardise(self, p: Tensor) -> Tensor:
        """Return the coordinates [n, c] of events [n, N, 3], with truth's mean taken off and its spread made 1."""
        return (self.coordinates(p) - self.mean) / self.scale

    def coordinates(self, p: Tensor) -> Tensor:
        """Return what the network sees of events [n, N, 3]: momenta [n, 3N], or the shape [n, 4N - 4]; no masses."""
        return (p[..., :3].reshape(len(p), -1) if self.ordered else shapes(p)).to(self.mean.dtype)

    @torch.no_grad()
    def features(self, p: Tensor) -> np.ndarray:
        """Return latent features [n, k] of momenta [n, N, 3]; over truth each has mean 0 and standard deviation 1."""
        parts = [
            (self.encoder(self.standardise(part)) - self.latent_mean) / self.latent_scale for part in p.split(1 << 14)
        ]
        return torch.cat(parts).double().numpy()


def _stack(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Return a two-hidden-layer SiLU network; its parameters are not initialised yet."""

    def linear(n_in: int, n_out: int) -> nn.Linear:
        return nn.utils.skip_init(nn.Linear, n_in, n_out)

    return nn.Sequential(linear(inputs, width), nn.SiLU(), linear(width, width), nn.SiLU(), linear(width, outputs))


def _initialise(network: Autoencoder, generator: torch.Generator) -> None:
    """Draw every weight and bias uniformly within 1/sqrt(inputs), as torch does, but from a named stream."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def train_one(
    p: Tensor, *, seed: int, name: tuple[str | int, ...], epochs: int, ordered: bool = True
) -> tuple[Autoencoder, float]:
    """Return an autoencoder trained on events [n, N, 3] and its last epoch's loss (mean squared standardised error).

    Adam, batch 1024, cosine to zero; initial weights and the order of events come from streams under `name`. `ordered`
    is false where the order of the particles means nothing.
    """
    network = Autoencoder(p.shape[1], ordered=ordered)
    _initialise(network, torch_stream(seed, *name, "weights"))
    flat = network.coordinates(p)
    network.mean.copy_(flat.mean(0))
    # What does not vary in truth (a plane event's third direction) keeps its unit: a sample may well vary in it.
    spread = flat.std(0)
    network.scale.copy_(torch.where(spread < 1e-6, 1.0, spread))
    data = network.standardise(p)
    batches = -(-len(data) // BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * batches)
    loss_sum = 0.0
    for epoch in range(epochs):
        order = torch.from_numpy(stream(seed, *name, "order", epoch).permutation(len(data)))
        loss_sum = 0.0
        for rows in order.split(BATCH):
            batch = data[rows]
            optimizer.zero_grad(set_to_none=True)
            loss = (network.decoder(network.encoder(batch)) - batch).square().mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item() * len(rows)
    with torch.no_grad():
        latent = network.encoder(data)
    network.latent_mean.copy_(latent.mean(0))
    network.latent_scale.copy_(latent.std(0).clamp_min(1e-12))
    return network.eval().requires_grad_(False), loss_sum / len(data)


@dataclass
class Ensemble:
    """Autoencoders of one dataset that differ in their seed alone."""

    networks: list[Autoencoder]
    losses: list[float]
    provenance: dict


def fingerprint(networks: Sequence[Autoencoder]) -> str:
    """Return twelve hexadecimal digits that depend on every weight of the networks; empty for none."""
    tensors = [(name, t) for network in networks for name, t in sorted(network.state_dict().items())]
    parts = [part for name, t in tensors for part in (name.encode(), t.contiguous().numpy().tobytes())]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12] if parts else ""


def save(path: Path, ensemble: Ensemble) -> None:
    """Write the autoencoders to `path`, whole or not at all; equal content gives equal bytes."""
    content = {
        "kind": KIND,
        "format": FORMAT,
        "n_particles": ensemble.networks[0].n_particles,
        "ordered": ensemble.networks[0].ordered,
        "losses": ensemble.losses,
        "states": [network.state_dict() for network in ensemble.networks],
        "provenance": ensemble.provenance,
    }
    save_whole(content, path)


def load(path: Path) -> Ensemble:
    """Return the autoencoders stored in `path`."""
    path, remedy = Path(path), "make it again (`onshell autoencoder`)"
    content = reading.load(path, "autoencoder file", remedy)
    if (content.get("kind"), content.get("format")) != (KIND, FORMAT):
        raise OnshellError(f"{path}: not an autoencoder of this version of onshell; {remedy}")
    reading.checked(content, Autoencoders, f"{path}: autoencoder file", remedy)
    networks = []
    try:
        for state in content["states"]:
            width, ordered = len(state["encoder.0.bias"]), content.get("ordered", True)
            network = Autoencoder(content["n_particles"], width, ordered=ordered)
            network.load_state_dict(state)
            networks.append(network.eval().requires_grad_(False))
            # Weights may be numbers and yet too large to compute with.
            probe = torch.linspace(-1, 1, 3 * network.n_particles).view(1, -1, 3)
            if not np.isfinite(network.features(probe)).all():
                raise ValueError("features that are not finite")
        return Ensemble(networks, list(content["losses"]), dict(content["provenance"]))
    except Exception as error:  # whatever a file of plain types that are the wrong ones raises
        raise OnshellError(f"{path}: the networks in it do not fit together; {remedy}") from error
