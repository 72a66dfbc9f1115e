"""Recipes: everything that a model needs, as types; which settings belong together is said by the types."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from onshell.config.losses import FlowMatching, NoisePrediction, Power, ScoreMatching, Velocity
from onshell.core.validation import Count, Positive, Settings, Share, Small, key, problem

Precision = Literal["auto", "fp32", "bf16"]


class Training(Settings):
    """Optimiser and loop."""

    epochs: Count = key("passes over the training set")
    batch_size: Count = key("events per step")
    lr: Positive = key("AdamW learning rate")
    weight_decay: Power = key("AdamW weight decay")
    betas: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=2, max_length=2)] = key("AdamW betas")
    clip: Positive = key("gradient norm is clipped to this")
    lr_schedule: Literal["cosine", "constant", "onecycle"] = key("how the learning rate changes")
    keep: Literal["lowest-loss", "last"] = key("which epoch's weights become the model")
    ema: Annotated[float, Field(ge=0, lt=1)] = key(
        "decay of the moving average of the weights that becomes the model; 0: none"
    )
    precision: Precision = key("auto: bf16 autocast where the processor gains from it")
    compile: bool = key("compile the network with torch.compile")
    optimizer: Literal["adamw", "muon"] = key(
        "muon: orthogonalised momentum for the matrices of hidden layers, AdamW for the rest", "adamw"
    )
    muon_lr: Positive = key("muon: learning rate of the hidden layers' matrices; lr is that of the rest", None)
    warmup: Annotated[int, Field(ge=0)] = key("steps over which the learning rate rises to lr_schedule's; 0: none", 0)

    @model_validator(mode="after")
    def _rates(self) -> Self:
        """Refuse Muon without its learning rate."""
        if self.optimizer == "muon" and self.muon_lr is None:
            raise problem("missing; the optimiser muon needs it, such as 0.005", "muon_lr")
        return self


class Tail(Settings):
    """Another rho for small times."""

    below: Small = key("the time at which the tail begins, above `smallest`")
    rho: Positive = key("of the tail")


class Grid(Settings):
    """Steps that shrink towards t = 0."""

    rho: Positive = key("1: equal steps down to the smallest time; larger: more of them at small times")
    smallest: Small = key("the last time before 0")
    tail: Tail = key("a rho for times smaller than `below`; steps just above and below are alike", None)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse a tail that begins at or below the smallest time."""
        if self.tail and self.tail.below <= self.smallest:
            above = f"is not above the smallest time, {self.smallest:g}; choose a larger one"
            raise problem(f"{self.tail.below:g} {above}", "tail.below")
        return self


class StepSampling(Settings):
    """Events by the reverse steps of a schedule."""

    noun: ClassVar[str] = "sampling by the steps of a schedule"

    precision: Precision = key("precision of the network while sampling, as in training; maps are float64")
    noise: Literal["full", "last-step-noiseless", "posterior"] = key(
        "variance of a reverse step: 2 gamma in every one, 2 gamma but 0 in the step to t = 0, or 2 gamma "
        "sigma_{t-1}^2/sigma_t^2"
    )


class SolverSampling(Settings):
    """Events by a solver of the flow's differential equation."""

    noun: ClassVar[str] = "sampling by a solver"

    precision: Precision = key("precision of the network while sampling, as in training; maps are float64")
    solver: Literal["euler", "midpoint", "rk4", "multistep", "ancestral", "adaptive"] = key(
        "how the ODE is solved; multistep: Adams-Bashforth; ancestral: steps with fresh noise, chart spinor, "
        "prior rambo"
    )
    steps: Count = key("steps of a solver other than adaptive, the last one of a grid among them")
    tolerance: Positive = key("error of a step of the adaptive solver")
    grid: Grid = key(
        "steps that shrink towards t = 0, t_k = (1 + (k/K)(smallest^(1/rho) - 1))^rho, K = steps - 1, then one of "
        "euler to 0; equal steps if absent",
        None,
    )
    order: Annotated[int, Field(ge=1, le=6)] = key(
        "multistep: how many velocities it looks back at; the larger, the more steps it needs to be stable", 4
    )
    langevin: Power = key(
        "chart spinor, prior rambo: after each step from t to t1, a Langevin step of size langevin b^2 min(1, 2(t - "
        "t1)/t); 0: none",
        0.0,
    )
    eta: Share = key("ancestral: share of fresh noise in a step; 0 follows the ODE, 1 is ancestral sampling", 1.0)

    @model_validator(mode="after")
    def _steps(self) -> Self:
        """Refuse a grid of one step, and Langevin steps where there are no steps to come between."""
        if self.grid and self.steps < 2:
            raise problem("1 has no room for the last step of a grid; use 2 or more", "steps")
        if self.langevin and self.solver not in (fit := ("euler", "midpoint", "rk4", "ancestral")):
            others = f"{', '.join(fit[:-1])} or {fit[-1]}"
            raise problem(f"{self.solver!r} takes no steps between its own; use {others}", "langevin")
        return self


class Recipe(Settings):
    """What every model needs."""

    space: Literal["q", "p"] = key("where the model lives")
    family: Literal["diffusion", "flow"] = key("kind of model")
    augmentation: str = key("q-space: a name under `augmentations`", None)
    unit: Positive = key("p-space: networks see p over this", None)
    network: str = key("a name under `networks`")
    training: Training = key("optimiser and loop")

    @classmethod
    def name_of(cls, data: Mapping[str, Any]) -> str:
        """Return what `data` are in an error."""
        velocity = " with a loss of type velocity" if _kind(data) == "velocity" else ""
        return f"a {data.get('space')}-space {data.get('family')}{velocity}"

    @classmethod
    def refusal(cls, unknown: str, data: Mapping[str, Any]) -> str:
        """Return why the key `unknown` cannot be among `data`: it may be one of another kind of recipe."""
        if unknown in ("schedule", "prior"):
            return f"{cls.name_of(data)} has no such key; remove it"
        return super().refusal(unknown, data).replace(f"{cls.name_of(data)} has no such key", "unknown key")

    @model_validator(mode="before")
    @classmethod
    def _family(cls, data: Any) -> Any:
        """Refuse a loss that does not train models of the family."""
        if isinstance(data, dict) and isinstance(data.get("loss"), dict) and "type" in data["loss"]:
            kind, family = data["loss"]["type"], data.get("family")
            if family in ("flow", "diffusion") and (kind == "flow") != (family == "flow"):
                use = "flow" if family == "flow" else "ism, noise or velocity"
                raise problem(f"{kind!r} does not train a {family}; use {use}", "loss.type")
        return data

    @model_validator(mode="after")
    def _space(self) -> Self:
        """Refuse a recipe without the keys of its space, and with those of the other."""
        wanted, other = ("augmentation", "unit") if self.space == "q" else ("unit", "augmentation")
        what = f"a {self.space}-space {self.family}"
        if getattr(self, wanted) is None:
            raise problem(f"missing; {what} needs it", wanted)
        if getattr(self, other) is not None:
            raise problem(f"{what} has no such key; remove it", other)
        return self


class SteppedDiffusion(Recipe):
    """A diffusion in the steps of a schedule."""

    schedule: str = key("a name under `schedules`")
    loss: Annotated[ScoreMatching | NoisePrediction, Field(discriminator="type")] = key("training objective")
    sampling: StepSampling = key("how events are drawn")

    @model_validator(mode="after")
    def _chart(self) -> Self:
        """Refuse what only the other space has."""
        if isinstance(self.loss, NoisePrediction) and self.loss.target == "chain" and self.space != "p":
            raise problem("'chain' needs the closed form of p-space; use step", "loss.target")
        if self.loss.chart != "q" and self.space == "p":
            raise problem(f"{self.loss.chart!r} is a chart of q-space; use q", "loss.chart")
        return self


class SolvedDiffusion(Recipe):
    """A diffusion that is sampled as a flow is."""

    loss: Velocity = key("training objective")
    sampling: SolverSampling = key("how events are drawn")

    @model_validator(mode="after")
    def _chart(self) -> Self:
        """Refuse it in p-space."""
        if self.space == "p":
            raise problem(
                f"{self.loss.chart!r} is a chart of q-space, and a loss of type velocity needs it", "loss.chart"
            )
        return self


class Flow(Recipe):
    """A flow."""

    prior: Literal["rambo", "gaussian"] = key("where it starts: (8), or a Gaussian fitted to the training set")
    loss: FlowMatching = key("training objective")
    sampling: SolverSampling = key("how events are drawn")

    @model_validator(mode="after")
    def _chart(self) -> Self:
        """Refuse in p-space what is of q-space, and noise in steps that the model allows none in."""
        loss, sampling = self.loss, self.sampling
        if self.space == "p":
            if self.prior == "rambo":
                raise problem("'rambo' is a law of q-space; use gaussian", "prior")
            if loss.chart != "q":
                raise problem(f"{loss.chart!r} is a chart of q-space; use q", "loss.chart")
            if loss.coupled:
                raise problem("is made for q-space; use independent", f"loss.coupling.{loss.coupled[0]}")
        noisy = {"langevin": "0"} if sampling.langevin else {}
        for name, other in (noisy | ({"solver": "multistep"} if sampling.solver == "ancestral" else {})).items():
            if loss.chart != "spinor" or self.prior == "gaussian":
                need = "needs the chart spinor and the prior rambo, of known score"
                raise problem(f"{need}; use {other}", f"sampling.{name}")
            if loss.coupled:
                other += f", or loss.coupling.{loss.coupled[0]}: independent"
                raise problem(f"needs source and target to be independent; use {other}", f"sampling.{name}")
        return self


def _kind(data: Any) -> str:
    """Return which kind of recipe `data` are."""
    if not isinstance(data, Mapping) or data.get("family") == "flow":
        return "flow"
    loss = data.get("loss")
    return "velocity" if isinstance(loss, Mapping) and loss.get("type") == "velocity" else "steps"


AnyRecipe = Annotated[
    Annotated[SteppedDiffusion, Tag("steps")]
    | Annotated[SolvedDiffusion, Tag("velocity")]
    | Annotated[Flow, Tag("flow")],
    Discriminator(_kind),
]
