"""Networks and noise schedules, as types: what each kind of them takes."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from onshell.core.custom import IMPORT_PATH
from onshell.core.validation import Count, Settings, key, problem
from onshell.models.limits import schedule_faults
from onshell.models.networks.options import (
    EquivariantMlpOptions,
    EquivariantTransformerOptions,
    MlpOptions,
    PetOptions,
    TransformerOptions,
)

CUSTOM = "module:Class"

Gamma = Annotated[float, Field(gt=0, lt=0.5)]


class CustomNetwork(Settings):
    """A custom class: all other keys are its arguments, which it checks when it is made. It is not imported here."""

    model_config = ConfigDict(extra="allow")
    symmetric: ClassVar[bool] = False
    max_particles: ClassVar[None] = None

    type: Annotated[str, Field(pattern=":")] = key(
        '"module:Class", a torch.nn.Module in a file where you run, or installed'
    )

    @model_validator(mode="after")
    def _named(self) -> Self:
        """Refuse what is no import path, and what cannot be an argument."""
        if not IMPORT_PATH.match(self.type) or self.type.partition(":")[0].endswith(".py"):
            example = "module:Class, such as my_networks:DeepSet for a class in my_networks.py"
            raise problem(f"{self.type!r} is not an import path; write {example}", "type")
        for name in self.model_extra or ():
            if not name.isidentifier():
                raise problem("is not the name of an argument of a class; rename it", name)
            if name == "n_particles":
                raise problem("is that of the dataset, which every network gets; remove it", name)
        return self


def _kind(data: Any) -> str | None:
    """Return which member of the union a network is: its type, all that have a colon being custom classes."""
    kind = data.get("type") if isinstance(data, dict) else getattr(data, "type", None)
    return CUSTOM if isinstance(kind, str) and ":" in kind else kind


Network = Annotated[
    Annotated[MlpOptions, Tag("mlp")]
    | Annotated[PetOptions, Tag("pet")]
    | Annotated[TransformerOptions, Tag("transformer")]
    | Annotated[EquivariantMlpOptions, Tag("equivariant-mlp")]
    | Annotated[EquivariantTransformerOptions, Tag("equivariant-transformer")]
    | Annotated[CustomNetwork, Tag(CUSTOM)],
    Discriminator(_kind),
]


class Geometric(Settings):
    """Steps before all others that grow by a ratio."""

    steps: Count = key("how many; they come on top of `steps`")
    first: Gamma = key("gamma of the first step")
    ratio: Annotated[float, Field(ge=1)] = key("from one step's gamma to the next")


class Schedule(Settings):
    """A noise schedule."""

    steps: Annotated[int, Field(ge=2)] = key("number of diffusion steps, the Gaussian phase among them")
    gamma: Annotated[list[Gamma], Field(min_length=2, max_length=2)] = key(
        "gamma_t grows linearly from the first to the second value"
    )
    gaussian_steps: Annotated[int, Field(ge=0)] = key(
        "T_gauss: the first steps use the Gaussian score -q; at most `steps`", 0
    )
    gaussian_gamma: Gamma = key("gamma of the Gaussian phase", None)
    geometric: Geometric = key("further steps before all others, first x ratio^k", None)
    softening: Annotated[float, Field(ge=0)] = key("s in the reference drift -q/|q| - q/(|q|^2 + s^2); 0 is (9)", 0.0)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Refuse numbers that do not fit together."""
        for fault in schedule_faults(self.model_dump(exclude_unset=True)):
            at, _, text = fault.partition(": ")
            raise problem(text, at)
        return self
