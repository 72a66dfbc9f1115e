"""Observables, a record each: what metrics compare, figures draw, and tables and pages name."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from onshell.physics import analytic, rambo
from onshell.physics.kinematics import energies, norm, pair_masses
from onshell.physics.observables import (
    LOG_FLOOR,
    c_parameter,
    cos_theta,
    log_dalitz,
    phi,
    plane_normal,
    rosenblatt,
    tau,
)
from onshell.physics.process import PROCESSES, labelled

Array = NDArray[np.float64]
End = float | Callable[[int], float] | None
"""An end of a range; it may depend on the number of particles, or be that of the events."""

E_CM = r"$E_{\mathrm{cm}}$"
MASS = rf"{E_CM}$^2$"
LOG_TAU_MAX = math.log10(analytic.TAU_MAX)
"""log10 of the largest tau of three particles."""

PLACES = 6
"""Up to so many particles each place is compared for itself, where the order has a meaning."""

_CHUNK = 1 << 15
_PLAIN = {r"\cos\theta": "cos θ", r"\ln ": "ln ", r"\phi": "φ", r"\tau": "τ", r"\mathrm": "", "{": "", "}": ""}


@dataclass(frozen=True)
class Observable:
    """A function of events, its symbol and the range that is drawn; a new observable is one entry of `OBSERVABLES`.

    Parameters
    ----------
    name
        Its key in metrics, such as ``E_1`` or ``log10_tau``.
    function
        Events [n, N, 3], or [n, N, 4] with masses, to values [n], or [n, k] of all particles or pairs, pooled.
    symbol
        TeX, without dollars; of what the logarithm is taken of where `log`.
    low, high
        The range; a function of N where that decides it, None where the events do.
    log
        Whether values are log10 of what the symbol names, and axes logarithmic.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    symbol: str
    low: End = None
    high: End = None
    unit: str = ""
    log: bool = False

    def __call__(self, p: Tensor) -> Array:
        """Return the values of events [n, N, 3], event after event."""
        parts = [self.function(p[start : start + _CHUNK]) for start in range(0, max(len(p), 1), _CHUNK)]
        return torch.cat(parts).double().flatten().numpy()

    def bounds(self, n_particles: int, *, massive: bool = False) -> tuple[float | None, float | None]:
        """Return both ends of the range of events of N particles; energies of massive ones have no end but E_cm."""
        low, high = (end(n_particles) if callable(end) else end for end in (self.low, self.high))
        return low, None if massive and self.unit == E_CM and self.symbol.startswith("E") else high

    @property
    def panel(self) -> str:
        """Return the name of its panels in the drawn numbers."""
        return self.name.removeprefix("log10_").removesuffix("_below")

    @property
    def axis(self) -> str:
        """Return the label of an axis."""
        return f"${self.symbol}$" + (f" [{self.unit}]" if self.unit else "")

    @property
    def plain(self) -> str:
        """Return the symbol without TeX."""
        text = self.symbol
        for tex, sign in _PLAIN.items():
            text = text.replace(tex, sign)
        return text


def log10(x: Tensor) -> Tensor:
    """Return log10 of values that are not negative, finite at zero."""
    return x.clamp_min(LOG_FLOOR).log() / math.log(10.0)


def _masses(p: Tensor) -> Tensor:
    """Return log10 s_IJ of all pairs [n, N(N-1)/2]."""
    return log10(pair_masses(p.double()))


def _place(kind: str, i: int) -> Observable:
    """Return energy, cos theta or phi of particle i, counted from 1."""
    function, symbol, low, high, unit = _SINGLE[kind]
    return Observable(f"{kind}_{i}", lambda p: function(p)[:, i - 1], f"{symbol}_{i}", low, high, unit)


def _pair(i: int, j: int) -> Observable:
    """Return the mass squared of particles i < j, counted from 1."""

    def mass(p: Tensor) -> Tensor:
        return _masses(p[:, [i - 1, j - 1]])

    return Observable(f"log10_s_{i}{j}", mass, f"s_{{{i}{j}}}", None, 0.0, MASS, log=True)


_SINGLE: dict[str, tuple[Callable[[Tensor], Tensor], str, float, float, str]] = {
    "E": (energies, "E", 0.0, 0.5, E_CM),
    "cos_theta": (cos_theta, r"\cos\theta", -1.0, 1.0, ""),
    "phi": (phi, r"\phi", -math.pi, math.pi, ""),
}

OBSERVABLES = {
    one.name: one
    for one in (
        Observable("ln_f", log_dalitz, r"\ln f", -4.0, math.log(12.0)),
        Observable("u_1", lambda p: rosenblatt(p)[0], "u_1", 0.0, 1.0),
        Observable("u_2", lambda p: rosenblatt(p)[1], "u_2", 0.0, 1.0),
        Observable("cos_theta_plane", lambda p: plane_normal(p)[0], r"\cos\theta_{\mathrm{plane}}", -1.0, 1.0),
        Observable("phi_plane", lambda p: plane_normal(p)[1], r"\phi_{\mathrm{plane}}", -math.pi, math.pi),
        *(Observable(kind, *about) for kind, about in _SINGLE.items()),
        Observable("log10_E", lambda p: log10(energies(p)), "E", None, math.log10(0.5), E_CM, log=True),
        # The hardest of N particles has 1/N of the energy at least, the softest at most.
        Observable("E_max", lambda p: energies(p).amax(-1), r"E_{\mathrm{max}}", lambda n: 1.0 / n, 0.5, E_CM),
        Observable(
            *("log10_E_min", lambda p: log10(energies(p).amin(-1)), r"E_{\mathrm{min}}"),
            *(None, lambda n: -math.log10(n), E_CM, True),
        ),
        Observable("log10_s", _masses, "s_{IJ}", None, 0.0, MASS, log=True),
        # tau of N particles is at most that of the most even event.
        Observable(
            *("log10_tau", lambda p: log10(tau(p)), r"\tau"),
            *(None, lambda n: -math.log10(n * (n - 1)), MASS, True),
        ),
        # Of states q of q-space: their length, the fibre (b, x) above their event, and tau of that.
        Observable("log10_|q|", lambda q: log10(energies(q)), "|q|", log=True),
        Observable("log10_|b|", lambda q: norm(rambo.frame(q)[0]).log10().clamp_min(-8.0), "|b|", log=True),
        Observable("log10_x", lambda q: rambo.frame(q)[1].log10(), "x", log=True),
        Observable("log10_tau_below", lambda q: log10(tau(rambo.to_p(q))), r"\tau", None, LOG_TAU_MAX, MASS, log=True),
        Observable("C", lambda p: c_parameter(p.double()), "C", 0.0, 1.0),
    )
}
"""All observables but those of one particle or pair, which `observable` makes: E_1, cos_theta_2, log10_s_12."""


def observable(name: str) -> Observable:
    """Return an observable by its name, one of a single particle or pair included."""
    if name not in OBSERVABLES:
        if match := re.fullmatch(r"(E|cos_theta|phi)_(\d+)", name):
            OBSERVABLES[name] = _place(match[1], int(match[2]))
        elif match := re.fullmatch(r"log10_s_(\d)(\d)", name):
            OBSERVABLES[name] = _pair(int(match[1]), int(match[2]))
    return OBSERVABLES[name]


def of_places(kind: str, n_particles: int) -> list[str]:
    """Return the names of one kind of observable of each particle, such as E_1, E_2, E_3."""
    return [f"{kind}_{i + 1}" for i in range(n_particles)]


def of_pairs(n_particles: int) -> list[str]:
    """Return the names of the masses of each pair."""
    return [f"log10_s_{i + 1}{j + 1}" for i, j in zip(*np.triu_indices(n_particles, 1), strict=True)]


def names(process: str, n_particles: int) -> list[str]:
    """Return what is compared of events of a process.

    Of three particles those that only the process has, the pooled energy unless its particles are labelled, and energy,
    cos theta and phi of each and of the plane. Of any other number, whose particles are exchangeable, the pooled
    energies, the largest and the least, and those of one particle and one pair. Always log10_tau, last.
    """
    if n_particles != 3:
        return ["log10_E", "E_1", "E_max", "log10_E_min", "cos_theta_1", "phi_1", "log10_s_12", "log10_tau"]
    special = PROCESSES[process].observables if process in PROCESSES else ()
    each = [name for kind in _SINGLE for name in of_places(kind, 3)]
    return [*special, *([] if labelled(process) else ["E"]), *each, "cos_theta_plane", "phi_plane", "log10_tau"]


def compared(p: Tensor, process: str, ordered: bool | None = None) -> dict[str, Array]:
    """Return the compared observables of events [n, N, 3] by name: [n], or, of all particles or pairs pooled, [n k].

    Those of `names`. For imported events, whose table says whether the order of the particles has a meaning, also the
    pair masses log10 s_IJ: all pooled (log10_s) where it has none, pair by pair where it has; there also E, cos theta
    and phi of each of up to 6 places. Events off the shell give finite numbers, too.
    """
    n = p.shape[-2]
    found = dict.fromkeys(names(process, n))
    if ordered and n <= PLACES:
        found |= dict.fromkeys([*(name for kind in _SINGLE for name in of_places(kind, n)), *of_pairs(n)])
    elif ordered is not None:
        found |= {"log10_s": None}
    return {name: observable(name)(p) for name in found}
