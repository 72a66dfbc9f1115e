"""Training objectives, as types."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from onshell.core.validation import Count, Positive, Settings, Share, Small, key, problem

Power = Annotated[float, Field(ge=0)]


class Times(Settings):
    """How times are drawn."""

    uniform: Share = key("share of the times that is uniform in 0 ... 1; the others are log-uniform")
    smallest: Small = key("where the log-uniform times begin; they end at 1")


class Coupling(Settings):
    """How the source and the target of a path are coupled."""

    fibre: Literal["independent", "shared"] = key(
        "shared: the data take the (b, x) of the prior's event; right for all data", "independent"
    )
    particles: Literal["independent", "matched"] = key(
        "matched: the prior's particles in the order of the shortest paths; only for data of exchangeable particles",
        "independent",
    )
    rotation: Literal["independent", "aligned"] = key(
        "aligned: the prior's event turned towards that of the data; only for isotropic data", "independent"
    )
    phases: Literal["independent", "aligned"] = key(
        "chart spinor: aligned phases make paths geodesics of |dq|^2/(2|q|)", "independent"
    )


class Loss(Settings):
    """A training objective."""

    @classmethod
    def name_of(cls, data: Mapping[str, Any]) -> str:
        """Return what `data` are in an error."""
        return f"a loss of type {data.get('type')}"


class ScoreMatching(Loss):
    """Implicit score matching, (5)."""

    chart: ClassVar[str] = "q"
    coupled: ClassVar[tuple[str, ...]] = ()

    type: Literal["ism"] = key("implicit score matching (5)")
    divergence: Literal["exact", "hutchinson"] = key("how div s is computed, exactly or by one random probe")
    preconditioning: Literal["none", "sigma"] = key("score = network, or network/sigma_t with the loss times sigma_t^2")
    time_weight_power: Power = key("times are drawn with weight (1 - t/T + floor)^power")
    loss_weight_power: Power = key("the loss is weighted by (1 - t/T + floor)^power")
    time_floor: Positive = key("floor of both weights")


class NoisePrediction(Loss):
    """Noise prediction, (28)."""

    coupled: ClassVar[tuple[str, ...]] = ()

    type: Literal["noise"] = key("noise prediction (28)")
    target: Literal["step", "chain"] = key("noise of one further step (25)-(28), or all of it since t = 0 (p-space)")
    times_per_event: Count = key(
        "times at which each simulated chain is used; with 8 of them an epoch simulates the chains of an eighth of the "
        "events, so that 18 epochs are 2.25 passes over the events"
    )
    chart: Literal["q", "log-polar"] = key("in q-space: coordinates in which steps are made", "q")


class Velocity(Loss):
    """The velocity of a diffusion whose forward process is known in closed form."""

    coupled: ClassVar[tuple[str, ...]] = ()

    type: Literal["velocity"] = key("velocity of a diffusion in the chart spinor")
    chart: Literal["spinor"] = key("coordinates in which paths are drawn and steps are made")
    times: Times = key("how times are drawn; uniformly if absent", None)


class FlowMatching(Loss):
    """Flow matching, (13)."""

    type: Literal["flow"] = key("flow matching (13)")
    chart: Literal["q", "log-polar", "spinor"] = key(
        "in q-space: coordinates in which paths are drawn and steps are made", "q"
    )
    times: Times = key("how times are drawn; uniformly if absent", None)
    coupling: Coupling = key("how source and target of a path are coupled; independently if absent", None)

    @property
    def coupled(self) -> list[str]:
        """The keys of the coupling that are not independent."""
        return [name for name, value in (self.coupling or ()) if value != "independent"]

    @model_validator(mode="after")
    def _phases(self) -> Self:
        """Refuse phases in a chart without."""
        if "phases" in self.coupled and self.chart != "spinor":
            raise problem(f"the chart {self.chart!r} has no phases; use independent", "coupling.phases")
        return self
