"""Processes and augmentations, as types: exact truth, imported events, and how they are embedded in q-space."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, Tag, model_validator

from onshell.config.datasets import IMPORT
from onshell.core.errors import unknown_name
from onshell.core.validation import Count, Positive, Settings, Small, Unique, Vector, by, key, problem
from onshell.physics.process import PROCESSES

Number = Annotated[int, Field(ge=2)]
Text = Annotated[str, Field(min_length=1)]
LHE = r"\.lhe(\.(gz|bz2|xz|zst|lz4))?$"


def _cutoff(value: float | str) -> float | str:
    """Return a cutoff, as a number or as text whose spelling names the dataset."""
    try:
        small = not float(value) > 0
    except ValueError:
        raise problem(f"{value!r} is no number, such as 1e-3") from None
    if small:
        raise problem(
            f"{value:g} is too small; it must be > 0" if isinstance(value, float) else f"{value!r} is not above 0"
        )
    return value


Cutoff = Annotated[
    float | Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$")], AfterValidator(_cutoff)
]


class GeneratedProcess(Settings):
    """Exact truth of a generator."""

    title: str = key("for captions", "")
    generator: Text = key('uniform, muon, qqg, sarge, or a custom "package.module:function"')
    n_particles: Number | Annotated[list[Number], Field(min_length=1), Unique] = key(
        "number of particles N, or a list of them: one dataset each"
    )
    cutoffs: Annotated[list[Cutoff], Field(min_length=1), Unique] = key(
        "one dataset per cutoff (m^2_cut/s, or xi for SARGE)", None
    )
    parameters: dict[str, Any] = key("further keyword arguments of the generator", {})

    @classmethod
    def refusal(cls, unknown: str, data: Mapping[str, Any]) -> str:
        """Return why the key `unknown` cannot be there: it may be one of imported events."""
        if unknown in ImportedProcess.model_fields:
            return "is for a source, a Les Houches file; remove it"
        return super().refusal(unknown, data)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Refuse what the generator does not make."""
        numbers = self.n_particles if isinstance(self.n_particles, list) else [self.n_particles]
        cutoffs = self.cutoffs or []
        if cutoffs and isinstance(self.n_particles, list):
            raise problem("a list does not go with cutoffs; make one process per number", "n_particles")
        if ":" in self.generator:
            return self
        if self.generator not in PROCESSES:
            raise problem(unknown_name(self.generator, "generator", PROCESSES), "generator")
        process = PROCESSES[self.generator]
        for name in self.parameters:
            if name not in process.parameters:
                kind = f"parameter of {self.generator}"
                raise problem(unknown_name(name, kind, process.parameters), "parameters")
        for name, text in process.problems(**self.parameters):
            raise problem(text, f"parameters.{name}")
        for number in numbers:
            for name, text in process.problems(n_particles=number):
                raise problem(text, name)
        if bool(process.cut) != bool(cutoffs):
            text = (
                f"missing; {self.generator} needs at least one"
                if process.cut
                else f"{self.generator} takes none; remove them"
            )
            raise problem(text, "cutoffs")
        for cutoff in cutoffs:
            for _, text in process.problems(cutoff=float(cutoff)):
                raise problem(text, "cutoffs")
        return self


class ImportOptions(Settings):
    """How the events of a Les Houches file are imported."""

    particles: Annotated[list[int | str], Field(min_length=2)] = key(
        "the final particles to take, in this order: PDG numbers, names such as u~, mu+, gamma, w+, or groups q, qbar, "
        "g, j, a, l-, l+, nu, nubar, several for one place joined by |",
        IMPORT["particles"],
    )
    shuffle: bool = key("put the particles of every event into a random order", IMPORT["shuffle"])
    massless: Positive = key("largest mass over E_cm that counts as zero", IMPORT["massless"])
    any_energy: bool = key("do not compare E_cm with the beams of the file's header", IMPORT["any_energy"])
    unweighted: bool = key("count every event once", IMPORT["unweighted"])
    skip_bad: bool = key("leave bad events out, and count them", IMPORT["skip_bad"])
    held_out: Small = key("share of the events that no model will see", IMPORT["held_out"])


class ImportedProcess(ImportOptions):
    """The events of a Les Houches file."""

    title: str = key("for captions", "")
    source: Annotated[str, Field(pattern=LHE)] = key(
        "a Les Houches file (~ and $VARIABLE are replaced) of your events, .lhe, or compressed: .lhe.gz, .bz2, .xz, "
        ".zst, .lz4"
    )
    n_particles: Number = key("number of particles N of every event")
    final: Annotated[float, Field(ge=0, lt=1)] = key(
        "share of the held-out events that judge only where `judge` is final", 0.0
    )
    independent_energy: bool = key(
        "exported events of its models get E_cm, boost and kinds of particles of random imported ones, though these "
        "differ from event to event",
        False,
    )

    @classmethod
    def refusal(cls, unknown: str, data: Mapping[str, Any]) -> str:
        """Return why the key `unknown` cannot be there: it may be one of a generator."""
        if unknown in ("cutoffs", "parameters"):
            return "is for a generator; the events of a source are what they are: remove it"
        return super().refusal(unknown, data)

    @model_validator(mode="before")
    @classmethod
    def _one_number(cls, data: Any) -> Any:
        """Refuse a list of numbers of particles."""
        if isinstance(data, dict) and isinstance(data.get("n_particles"), list):
            raise problem("a list, but a file holds events of one number; make one process per file", "n_particles")
        return data

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        """Refuse other particles than there are."""
        if self.particles is not None and len(self.particles) != self.n_particles:
            raise problem(f"{len(self.particles)} of them where n_particles is {self.n_particles}", "particles")
        return self


Process = Annotated[
    Annotated[GeneratedProcess, Tag("generated")] | Annotated[ImportedProcess, Tag("imported")],
    by({"generated": ("generator",), "imported": ("source",)}),
]


class Frame(Settings):
    """One frame."""

    b: Vector = key("boost vector b = gamma beta")
    x: Positive = key("scale x = E_cm/M")


class Augmentation(Settings):
    """How truth is embedded in q-space: one of copies; per_event; b with x."""

    copies: Count = key("A copies of the truth, each with its own random (b, x)", None)
    per_event: Literal[True] = key("a fresh random (b, x) for every event", None)
    b: Vector = key("fixed boost vector b = gamma beta", None)
    x: Positive = key("fixed scale x = E_cm/M", None)
    by_process: dict[str, Frame] = key("a fixed (b, x) for single processes, in place of the random one", {})

    @property
    def has_direction(self) -> bool:
        """Whether it boosts the events of a training set in the same few directions."""
        return bool(self.copies) or any(
            any(b) for b in (self.b or (), *(frame.b for frame in self.by_process.values()))
        )

    @model_validator(mode="after")
    def _one(self) -> Self:
        """Refuse none, or several, of the choices."""
        given = self.model_fields_set
        if ("copies" in given) + ("per_event" in given) + ({"b", "x"} <= given) != 1:
            raise problem("must give exactly one of: copies; per_event; b with x")
        if "x" in given and "b" not in given:
            raise problem("goes with b; give both for a fixed frame, or neither", "x")
        if self.by_process and (self.per_event or (self.copies or 1) != 1):
            raise problem("names one frame, so it goes with copies: 1, or with b and x", "by_process")
        return self
