"""What each type of network is made from: names, types and defaults of its options, and what they must fulfil.

To add a network, write its class, `Class(n_particles, options)`, and its options here, and name them in `NETWORKS`:
configurations, the registry and the tests read everything from there. Nothing here imports torch.
"""

import math
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationInfo, field_validator

from onshell.core.validation import Count, Settings, key, parsed


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd; sines and cosines come in pairs, use an even number")
    return value


def _multiple_of_four(value: int) -> int:
    if value % 4:
        raise ValueError(f"{value} is no multiple of 4: sines and cosines of two times; use 64, say")
    return value


def _direction(axis: Sequence[float] | None) -> Sequence[float] | None:
    if axis is not None and not (len(axis) == 3 and all(map(math.isfinite, axis)) and any(axis)):
        raise ValueError(f"{list(axis)!r} is not a direction; give three numbers, such as [0, 0, 1]")
    return axis


TimeDim = Annotated[Count, AfterValidator(_even)]
LogTimeDim = Annotated[Count, AfterValidator(_multiple_of_four)]
Particles = Annotated[int, Field(ge=2)]
Axis = Annotated[Sequence[float] | None, AfterValidator(_direction)]

NO_SIZES = ("type", "exchangeable", "labelled", "axis", "log_pairs", "max_particles")
"""Options that say what a network is, and not how large: the same at every scale."""


class NetworkOptions(Settings):
    """The options of a type of network; `network` is the "module:Class" that takes them."""

    network: ClassVar[str]

    @classmethod
    def name_of(cls, data: Mapping[str, Any]) -> str:
        """Return what `data` are in an error."""
        return f"a network of type {cls.model_fields['type'].default}"

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike: permuting them permutes its output."""
        return True

    def make(self, n_particles: int) -> Any:
        """Return a new network, its weights drawn from torch's global generator."""
        return pkgutil.resolve_name(self.network)(n_particles, self)


class _Heads(NetworkOptions):
    """The options of a transformer: attention in `heads`, which must divide the `width`."""

    @field_validator("heads", check_fields=False)
    @classmethod
    def _divides(cls, heads: int, info: ValidationInfo) -> int:
        if (width := info.data.get("width", heads)) % heads:
            raise ValueError(f"{heads} do not divide the width, {width}; choose a divisor")
        return heads


class MlpOptions(NetworkOptions):
    """The multilayer perceptron of App. A.1: `depth` hidden layers of `width`."""

    network: ClassVar[str] = "onshell.models.networks.mlp:Mlp"
    type: Literal["mlp"] = key("architecture", "mlp")
    width: Count = key("hidden width, or dimensions of a particle's features", 256)
    depth: Count = key("number of hidden layers", 4)
    time_dim: TimeDim = key("dimensions of the sinusoidal time embedding", 64)

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike: it does not."""
        return False


class PetOptions(_Heads):
    """The Point-Edge Transformer of App. A.2, in the "small" size."""

    network: ClassVar[str] = "onshell.models.networks.pet:Pet"
    type: Literal["pet"] = key("architecture", "pet")
    width: Count = key("hidden width, or dimensions of a particle's features", 128)
    blocks: Count = key("number of blocks", 8)
    heads: Count = key("attention heads; must divide the width", 8)
    local_layers: Count = key("local-attention layers", 2)
    neighbours: Count = key("nearest neighbours k; at most N - 1 are used", 10)
    mlp_ratio: Count = key("width of a block's MLP over that of a particle's features", 4)
    time_dim: TimeDim = key("dimensions of the sinusoidal time embedding", 64)
    max_particles: Particles = key("largest N", 200)


class TransformerOptions(_Heads):
    """A small transformer over the particles."""

    network: ClassVar[str] = "onshell.models.networks.transformer:Transformer"
    type: Literal["transformer"] = key("architecture", "transformer")
    width: Count = key("hidden width, or dimensions of a particle's features", 128)
    blocks: Count = key("number of blocks", 4)
    heads: Count = key("attention heads; must divide the width", 4)
    mlp_ratio: Count = key("width of a block's MLP over that of a particle's features", 4)
    time_dim: TimeDim = key("dimensions of the sinusoidal time embedding", 64)
    max_particles: Particles = key("largest N", 200)


class EquivariantMlpOptions(NetworkOptions):
    """A perceptron on the invariants of an event, of `exchangeable` or labelled particles, about an `axis` or none."""

    network: ClassVar[str] = "onshell.models.networks.equivariant:EquivariantMlp"
    type: Literal["equivariant-mlp"] = key("architecture", "equivariant-mlp")
    width: Count = key("hidden width, or dimensions of a particle's features", 256)
    depth: Count = key("number of hidden layers", 4)
    time_dim: LogTimeDim = key("dimensions of the sinusoidal time embedding", 64)
    exchangeable: bool = key("particles have no order (or labels, if false)", True)
    axis: Axis = key("a direction that the physics singles out, such as the beam, [0, 0, 1]", None)
    log_pairs: bool = key("sees the logarithms of angles and pair masses", True)

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike."""
        return self.exchangeable


class EquivariantTransformerOptions(_Heads):
    """A transformer on the invariants of particles and pairs, `labelled` or not, with an `axis` or without."""

    network: ClassVar[str] = "onshell.models.networks.equivariant:EquivariantTransformer"
    type: Literal["equivariant-transformer"] = key("architecture", "equivariant-transformer")
    width: Count = key("hidden width, or dimensions of a particle's features", 64)
    blocks: Count = key("number of blocks", 3)
    heads: Count = key("attention heads; must divide the width", 4)
    pair_width: Count = key("dimensions of a pair's features", 32)
    mlp_ratio: Count = key("width of a block's MLP over that of a particle's features", 2)
    time_dim: LogTimeDim = key("dimensions of the sinusoidal time embedding", 64)
    labelled: bool = key("particles have labels (or no order, if false)", False)
    axis: Axis = key("a direction that the physics singles out, such as the beam, [0, 0, 1]", None)
    max_particles: Particles = key("largest N", 200)

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike."""
        return not self.labelled


NETWORKS: dict[str, type[NetworkOptions]] = {
    options.model_fields["type"].default: options
    for options in (MlpOptions, PetOptions, TransformerOptions, EquivariantMlpOptions, EquivariantTransformerOptions)
}
"""By type; a type "module:Class" is a custom class, whose constructor says what it takes."""


def problems(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a network of the package, one line each that begins with the key."""
    yield from (line.removeprefix(".") for line in parsed(TypeAdapter(NETWORKS[entry["type"]]), dict(entry))[1])
