"""What our files of results hold, as types: records of trainings, metrics and floors."""

from typing import Annotated, Any, Literal

from pydantic import Field

from onshell.core.forms import Brief, Count, Form, Loss


class Origin(Form):
    """Where a record comes from."""

    processor: str | None = None
    packages: dict[str, str | None] = Field(default_factory=dict)


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

    bins: list[Bin] = Field(default_factory=list)
    worst: float | None = None
    beyond: float | None = None
    decades: float | None = None
    outside: float | None = None


class Veto(Form):
    """The share of events outside a known cut."""

    outside: float | None = None


class Measured(Form):
    """What metrics hold of one sample."""

    observables: dict[str, Observable] = Field(default_factory=dict)
    features: dict[str, dict[str, Feature]] = Field(default_factory=dict)
    all: dict[str, Summed] = Field(default_factory=dict)
    conservation: Conservation = Field(None)
    counts: Counts = Counts()
    tails: Tails = Tails()


class PartialMetrics(Measured):
    """The metrics of a run, as far as a figure asks for them."""

    run: str = ""
    dataset: str = ""
    process: str = ""
    judge: str = "test"
    augmentation: str | None = None
    generation: Generation = Generation()
    veto: Veto = Veto()
    vetoed: Measured = Field(None)


class Metrics(PartialMetrics):
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
    extended: bool = False
