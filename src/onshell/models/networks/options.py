"""What each type of network is made from: names, types and defaults of its options, and what they must fulfil.

To add a network, write its class, `Class(n_particles, options)`, and its options here, and name them in `NETWORKS`:
configurations, the registry and the tests read everything from there. Nothing here imports torch.
"""

import math
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from onshell.core.errors import nearest


def _positive(value: int) -> int:
    if value < 1:
        raise ValueError(f"{value} is too small; use 1 or more")
    return value


def _even(value: int) -> int:
    if value % 2:
        raise ValueError(f"{value} is odd; sines and cosines come in pairs, use an even number")
    return value


def _multiple_of_four(value: int) -> int:
    if value % 4:
        raise ValueError(f"{value} is no multiple of 4: sines and cosines of two times; use 64, say")
    return value


def _two_or_more(value: int) -> int:
    if value < 2:
        raise ValueError(f"{value} is too small; use 2 or more")
    return value


def _direction(axis: Sequence[float] | None) -> Sequence[float] | None:
    if axis is not None and not (len(axis) == 3 and all(map(math.isfinite, axis)) and any(axis)):
        raise ValueError(f"{list(axis)!r} is not a direction; give three numbers, such as [0, 0, 1]")
    return axis


Count = Annotated[int, AfterValidator(_positive)]
TimeDim = Annotated[int, AfterValidator(_positive), AfterValidator(_even)]
LogTimeDim = Annotated[int, AfterValidator(_positive), AfterValidator(_multiple_of_four)]
Particles = Annotated[int, AfterValidator(_two_or_more)]
Axis = Annotated[Sequence[float] | None, AfterValidator(_direction)]

NO_SIZES = ("type", "exchangeable", "labelled", "axis", "log_pairs", "max_particles")
"""Options that say what a network is, and not how large: the same at every scale."""


class NetworkOptions(BaseModel):
    """The options of a type of network; `network` is the "module:Class" that takes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    network: ClassVar[str]

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
    type: Literal["mlp"] = "mlp"
    width: Count = 256
    depth: Count = 4
    time_dim: TimeDim = 64

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike: it does not."""
        return False


class PetOptions(_Heads):
    """The Point-Edge Transformer of App. A.2, in the "small" size."""

    network: ClassVar[str] = "onshell.models.networks.pet:Pet"
    type: Literal["pet"] = "pet"
    width: Count = 128
    blocks: Count = 8
    heads: Count = 8
    local_layers: Count = 2
    neighbours: Count = 10
    mlp_ratio: Count = 4
    time_dim: TimeDim = 64
    max_particles: Particles = 200


class TransformerOptions(_Heads):
    """A small transformer over the particles."""

    network: ClassVar[str] = "onshell.models.networks.transformer:Transformer"
    type: Literal["transformer"] = "transformer"
    width: Count = 128
    blocks: Count = 4
    heads: Count = 4
    mlp_ratio: Count = 4
    time_dim: TimeDim = 64
    max_particles: Particles = 200


class EquivariantMlpOptions(NetworkOptions):
    """A perceptron on the invariants of an event, of `exchangeable` or labelled particles, about an `axis` or none."""

    network: ClassVar[str] = "onshell.models.networks.equivariant:EquivariantMlp"
    type: Literal["equivariant-mlp"] = "equivariant-mlp"
    width: Count = 256
    depth: Count = 4
    time_dim: LogTimeDim = 64
    exchangeable: bool = True
    axis: Axis = None
    log_pairs: bool = True

    @property
    def symmetric(self) -> bool:
        """Whether the network treats all particles alike."""
        return self.exchangeable


class EquivariantTransformerOptions(_Heads):
    """A transformer on the invariants of particles and pairs, `labelled` or not, with an `axis` or without."""

    network: ClassVar[str] = "onshell.models.networks.equivariant:EquivariantTransformer"
    type: Literal["equivariant-transformer"] = "equivariant-transformer"
    width: Count = 64
    blocks: Count = 3
    heads: Count = 4
    pair_width: Count = 32
    mlp_ratio: Count = 2
    time_dim: LogTimeDim = 64
    labelled: bool = False
    axis: Axis = None
    max_particles: Particles = 200

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
    options = NETWORKS[entry["type"]]
    try:
        options.model_validate(dict(entry))
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            key, cause = ".".join(map(str, fault["loc"])), fault.get("ctx", {}).get("error")
            if fault["type"] == "extra_forbidden":
                known = [name for name in options.model_fields if name != "type"]
                yield f"{key}: a network of type {entry['type']} has no such key; {nearest(key, known)}"
            else:
                yield f"{key}: {cause or repr(fault['input']) + ' is wrong: ' + fault['msg']}"
