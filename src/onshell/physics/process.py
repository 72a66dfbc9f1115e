"""The physics processes of the package: one record each, from which everything that depends on the process is read.

To add a process, write a generator block and, where it is known, a density, and add one record to `PROCESSES`. Nothing
here imports torch, so that configurations are checked quickly.
"""

import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real
from typing import Any

from onshell.core.errors import OnshellError


@dataclass(frozen=True)
class Cut:
    """A cutoff that a generator needs: its name, its symbol in a figure, and the open interval of its values."""

    name: str
    symbol: str
    low: float
    high: float = math.inf
    pair_mass: bool = False
    """Whether it is the least s_IJ/s of any pair, which no event may lie below."""

    def problem(self, value: float) -> str | None:
        """Return what is wrong with a cutoff, or None."""
        if self.low < value < self.high:
            return None
        below = f" and below {Fraction(self.high).limit_denominator(100)}" if self.high < math.inf else ""
        return f"{value!r} leaves no phase space; {self.name} must be above {self.low:g}{below}"


@dataclass(frozen=True)
class Process:
    """What is known of a process.

    Parameters
    ----------
    name
        Its generator's name in a configuration.
    generator
        "module:function" of its block of events, `block(rng, size, **parameters)` -> [size, N, 3].
    particles
        Their names, in the order of the generator; none if any number of at least `least` will do.
    exchangeable
        Whether events have their particles in random order, so that the order means nothing.
    oriented
        Whether events know the direction of the beam, +z, and are not isotropic.
    parameters
        What each parameter besides n_particles and the cutoff must be; all are positive numbers.
    density
        "module:function" that makes its density relative to uniform phase space of cutoff and parameters, if known.
    observables
        Names of the observables that only this process has, in addition to those of its number of particles.
    """

    name: str
    generator: str
    particles: tuple[str, ...] | None = None
    least: int = 2
    exchangeable: bool = True
    oriented: bool = False
    cut: Cut | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    density: str | None = None
    observables: tuple[str, ...] = ()

    def block(self) -> Callable[..., Any]:
        """Return the generator's function."""
        return pkgutil.resolve_name(self.generator)

    def problems(self, **values: Any) -> Iterator[tuple[str, str]]:
        """Yield the name of each faulty one among `values`, n_particles, cutoff and parameters, and what is wrong."""
        for key, value in values.items():
            if key == "n_particles" and self.particles:
                if value != (n := len(self.particles)):
                    yield key, f"{value!r}, but {self.name} has {n} particles"
            elif key == "n_particles":
                if not isinstance(value, int) or value < self.least:
                    yield key, f"{value!r} must be an integer of at least {self.least}"
            elif key == "cutoff":
                if self.cut and (problem := self.cut.problem(value)):
                    yield key, problem
            elif not isinstance(value, Real) or not 0 < float(value) < math.inf:
                yield key, f"{value!r} must be {self.parameters[key]}"

    def check(self, **values: Any) -> None:
        """Raise OnshellError for the first of the `problems` of `values`."""
        for key, problem in self.problems(**values):
            raise OnshellError(f"{self.name}: {key} = {problem}")


PROCESSES = {
    process.name: process
    for process in (
        Process(
            "uniform",
            generator="onshell.physics.generators.many_body:uniform",
            density="onshell.physics.targets:uniform",
        ),
        Process(
            "muon",
            generator="onshell.physics.generators.three_body:muon",
            particles=("electron", "neutrino", "electron antineutrino"),
            exchangeable=False,
            density="onshell.physics.targets:muon",
            observables=("ln_f", "u_1", "u_2"),
        ),
        Process(
            "qqg",
            generator="onshell.physics.generators.three_body:qqg",
            particles=("quark", "antiquark", "gluon"),
            oriented=True,
            cut=Cut("m^2_cut/s", r"m^2_{\mathrm{cut}}", 0.0, 1 / 3, pair_mass=True),
            parameters={"sqrt_s": "a positive energy in GeV, such as 1000"},
            density="onshell.physics.targets:qqg",
        ),
        Process(
            "sarge",
            generator="onshell.physics.generators.many_body:sarge",
            least=3,
            cut=Cut("xi", r"\xi", 1.0),
            density="onshell.physics.targets:sarge",
        ),
    )
}
"""By the name of the generator; a custom generator "package.module:function" has no record."""


def labelled(name: str) -> bool:
    """Return whether the order of the particles of a process is known to mean something."""
    return name in PROCESSES and not PROCESSES[name].exchangeable
