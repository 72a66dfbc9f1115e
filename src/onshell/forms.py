"""What our files hold, as types: metadata of event tables, model files, records of trainings, metrics and floors.

Keys that are not named here are anybody's; those that are have the type that the code which reads them relies on.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Vector = Annotated[list[float], Field(min_length=3, max_length=3)]
Span = Annotated[list[int], Field(min_length=2, max_length=2)]
Range = Annotated[list[float], Field(min_length=2, max_length=2)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


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


class Brief(Form):
    """What defines a model, as far as tables of its events tell it."""

    run: str = ""
    family: str = ""
    space: Literal["p", "q"] = Field(None)
    network: Network = Field(None)
    preset: str | None = None
    augmentation: str | None = None
    schedule: Schedule | None = None
    prior: str | None = None
    loss: Loss = Field(None)
    training: dict[str, Any] = {}
    sampling: dict[str, Any] = {}


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
    sampling: dict[str, Any]


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
    ordered: bool | None = None
    lhe: Lhe = Field(None)
    spec: Brief = Field(None)
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


class Origin(Form):
    """Where a record comes from."""

    processor: str | None = None
    packages: dict[str, str | None] = {}


class Record(Form):
    """The record of a training, run.json."""

    spec: Brief
    n_events: Count = 0
    epochs: Count = 0
    n_parameters: int | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    processes: int | None = None
    device: str = ""
    precision: str = ""
    provenance: Origin | None = None


class Finished(Record):
    """The record of a training that says how long it was."""

    n_events: Count
    epochs: Count


class Schooling(Form):
    """How a model of a study was trained."""

    epochs: Count


class Recipe(Brief):
    """What studies compare models by."""

    family: str
    space: Literal["p", "q"]
    loss: Loss
    training: Schooling


class Studied(Record):
    """The record of a training of a study."""

    spec: Recipe


class Observable(Form):
    """The distances of one observable; all keys are numbers."""

    w1: float
    ks: float
    __pydantic_extra__: dict[str, float | None]


class Feature(Form):
    """One measurement in a feature space; all keys are numbers."""

    mean: float
    __pydantic_extra__: dict[str, float | None]


class Summed(Form):
    """The worst, the mean or the excess of all observables; all other keys are numbers."""

    value: float
    observable: str = ""
    __pydantic_extra__: dict[str, float | None]


class Conservation(Form):
    """Means and largest values of |sum E - 1| and |sum p|; all keys are numbers."""

    median_energy: float
    __pydantic_extra__: dict[str, float]


class Counts(Form):
    """Numbers of events and of repetitions."""

    sample: Count | None = None
    truth: Count | None = None
    classifier_replicates: Count | None = None


class Generation(Form):
    """How the events of a study were drawn."""

    n_evaluations: float | None = None
    sampling: dict[str, Any] | None = None


class Bin(Form):
    """One bin of tau."""

    low: float
    high: float
    truth: float
    ratio: float
    error: float


class Tails(Form):
    """How the distributions of tau compare, bin by bin."""

    bins: list[Bin] = []
    worst: float | None = None
    beyond: float | None = None
    decades: float | None = None
    outside: float | None = None


class Veto(Form):
    """The share of events outside a known cut."""

    outside: float | None = None


class Measured(Form):
    """What metrics tell of one sample."""

    observables: dict[str, Observable] = {}
    features: dict[str, dict[str, Feature]] = {}
    all: dict[str, Summed] = {}
    conservation: Conservation = Field(None)
    counts: Counts = Counts()
    tails: Tails = Tails()


class Told(Measured):
    """The metrics of a run, as far as a figure asks for them."""

    run: str = ""
    dataset: str = ""
    process: str = ""
    judge: str = "test"
    augmentation: str | None = None
    generation: Generation = Generation()
    veto: Veto = Veto()
    vetoed: Measured = Field(None)


class Metrics(Told):
    """The metrics of a run, all of them."""

    run: str
    dataset: str
    process: str
    observables: dict[str, Observable]
    features: dict[str, dict[str, Feature]]
    conservation: Conservation


class Low(Form):
    """The floor of one measurement."""

    mean: float
    sd: float
    values: Annotated[list[float], Field(min_length=2)]


class Compared(Form):
    """What a floor is the floor of, see `evaluation.floors.Comparison`."""

    dataset: str
    generator: str
    parameters: dict[str, Any]
    sample: Count
    truth: Count
    splits: Count
    autoencoders: str


class Floor(Form):
    """A floor file, kind and format apart."""

    dataset: str = ""
    comparison: Compared
    floor: dict[str, Low]
    replicates: Annotated[int, Field(ge=2)]
    thorough: bool = False
