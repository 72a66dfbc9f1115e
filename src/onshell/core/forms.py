"""What our files hold, as types: metadata of event tables, model files, and what trainings and samplings keep.

Keys that are not named here may hold anything; those that are have the type that the code which reads them relies on.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Vector = Annotated[list[float], Field(min_length=3, max_length=3)]
Span = Annotated[list[int], Field(min_length=2, max_length=2)]
Range = Annotated[list[float], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
ABSENT: Any = Field(None)
"""Of a key that may be absent, but not null."""


class Form(BaseModel):
    """A JSON object whose named keys have their types exactly, numbers finite; others may be there."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=())


class Augmentation(Form):
    """The frames (b, x) of a training set; none where each event has its own."""

    name: str = ""
    spec: dict[str, Any] | None = None
    b: list[Vector] | None = None
    x: list[float] | None = None

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        """Refuse frames of which a half is missing."""
        if len(self.b or ()) != len(self.x or ()):
            raise ValueError("as many b as x are needed")
        return self


class Lhe(Form):
    """What an imported table says of its Les Houches file."""

    file: str
    e_cm: Range
    events: Count
    kept: Count
    held_out: float
    dropped: dict[str, int]
    particles: list[str] | None
    places: list[list[int]]
    weights: dict[str, Any]


class Network(Form):
    """A network of a spec."""

    type: str


class Loss(Form):
    """A loss of a spec."""

    type: str
    chart: str | None = None


class Schedule(Form):
    """The steps of a diffusion."""

    steps: Annotated[int, Field(ge=1)] | None = None
    gamma: Sequence[float] | None = None


class Draws(Form):
    """How events are drawn from a model."""

    precision: str
    noise: str | None = None
    steps: int | None = None


class Brief(Form):
    """What defines a model, as far as tables of its events say it."""

    run: str = ""
    family: str = ""
    space: Literal["p", "q"] = ABSENT
    network: Network = ABSENT
    preset: str | None = None
    augmentation: str | None = None
    schedule: Schedule | None = None
    prior: str | None = None
    loss: Loss = ABSENT
    training: dict[str, Any] = {}
    sampling: Draws | dict[str, Any] = {}


class Spec(Brief):
    """What defines a model."""

    run: str
    dataset: str
    process: str
    n_particles: Annotated[int, Field(ge=2)]
    family: str
    space: Literal["p", "q"]
    unit: Positive
    seed: int
    network: Network
    loss: Loss
    training: dict[str, Any]
    sampling: Draws


class Metadata(Form):
    """What an event table says of itself."""

    dataset: str = ""
    process: str = ""
    run: str = ""
    generator: str = ""
    parameters: dict[str, Any] | None = None
    cutoff: float | None = None
    n_particles: int | None = None
    e_cm: float | None = None
    seed: Count = 0
    split: dict[str, Span] | None = None
    augmentation: Augmentation | None = None
    conserves: bool = True
    massive: bool = False
    masses: list[Annotated[float, Field(ge=0, lt=1)]] | None = None
    ordered: bool | None = None
    lhe: Lhe = ABSENT
    spec: Brief = ABSENT
    likelihood: dict[str, Any] = {}
    sampling: dict[str, Any] | None = None
    n_evaluations: float | None = None
    forward: str = ""
    schedule: Schedule | None = None
    times: list[float] = []
    commit: str | None = None
    version: str | None = None


class Model(Form):
    """The content of a model file, format and version apart."""

    weights: dict[str, Any]
    ema: dict[str, Any] | None
    spec: Spec
    source: dict[str, Any] | None
    fitted: dict[str, Any] | None = None


class State(Form):
    """The content of a training's resume state, format and version apart."""

    learner: dict[str, Any]
    history: list[dict[str, Any]]
    best: dict[str, Any]
    spent: dict[str, float]
    part: dict[str, Any]


class Autoencoders(Form):
    """The content of an autoencoder file, kind and format apart."""

    n_particles: Annotated[int, Field(ge=3)]
    ordered: bool = True
    losses: list[float]
    states: Annotated[list[dict[str, Any]], Field(min_length=1)]
    provenance: dict[str, Any]


class Means(Form):
    """By what the blocks of a sampling are drawn."""

    device: str
    precision: str


class Sampling(Form):
    """The settings beside the finished blocks of a sampling."""

    means: Means
