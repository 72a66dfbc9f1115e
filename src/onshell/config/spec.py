"""What defines a model: a run's recipe with names, sizes and overrides resolved."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from onshell.config.losses import FlowMatching, NoisePrediction, ScoreMatching, Velocity
from onshell.config.network import Network, Schedule
from onshell.config.recipe import SolverSampling, StepSampling, Training
from onshell.core.validation import Positive, Settings, key, problem


class RunSpec(Settings):
    """Everything that defines a model; it is plain data in `model.pt` and `run.json`."""

    run: str = key("name of the run")
    dataset: str = key("what it is trained on")
    process: str = key("the process of the dataset")
    n_particles: Annotated[int, Field(ge=2)] = key("number of particles")
    space: Literal["q", "p"] = key("where the model lives")
    family: Literal["diffusion", "flow"] = key("kind of model")
    augmentation: str | None = key("q-space: name of the augmentation")
    unit: Positive = key("networks see p over this")
    seed: int = key("of every random stream")
    preset: str = key("where the recipe is from")
    network: Network = key("the network, at the size of the scale")
    schedule: Schedule | None = key("steps of a diffusion")
    prior: Literal["rambo", "gaussian"] | None = key("where a flow starts")
    loss: Annotated[ScoreMatching | NoisePrediction | Velocity | FlowMatching, Field(discriminator="type")] = key(
        "training objective"
    )
    training: Training = key("optimiser and loop")
    sampling: StepSampling | SolverSampling = key("how events are drawn")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        """Refuse what the network, the chart or the data do not allow together."""
        largest = self.network.max_particles if hasattr(self.network, "max_particles") else None
        if largest is not None and self.n_particles > largest:
            raise problem(
                f"takes up to {largest} particles, {self.dataset} has {self.n_particles}; raise its max_particles",
                "network",
            )
        return self
