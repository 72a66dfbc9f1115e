"""How observables are written and where they live: symbol, unit and range, for axes and for tables."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Observable:
    """An observable's symbol (TeX, without dollars), its plain name, its unit and the range that is drawn."""

    symbol: str
    plain: str
    low: float
    high: float
    unit: str = ""

    @property
    def axis(self) -> str:
        """Return the axis label."""
        return f"${self.symbol}$" + (f" [{self.unit}]" if self.unit else "")


E_CM = r"$E_{\mathrm{cm}}$"
LN_F_MAX = math.log(12.0)

OBSERVABLES = {
    "ln_f": Observable(r"\ln f", "ln f", -4.0, LN_F_MAX),
    **{f"E_{i}": Observable(f"E_{i}", f"E_{i}", 0.0, 0.5, E_CM) for i in (1, 2, 3)},
    **{f"u_{i}": Observable(f"u_{i}", f"u_{i}", 0.0, 1.0) for i in (1, 2)},
    **{f"cos_theta_{i}": Observable(rf"\cos\theta_{i}", f"cos θ_{i}", -1.0, 1.0) for i in (1, 2, 3)},
    **{f"phi_{i}": Observable(rf"\phi_{i}", f"φ_{i}", -math.pi, math.pi) for i in (1, 2, 3)},
    "cos_theta_plane": Observable(r"\cos\theta_{\mathrm{plane}}", "cos θ_plane", -1.0, 1.0),
    "phi_plane": Observable(r"\phi_{\mathrm{plane}}", "φ_plane", -math.pi, math.pi),
}
ENERGIES = [f"E_{i}" for i in (1, 2, 3)]
COSINES = [*[f"cos_theta_{i}" for i in (1, 2, 3)], "cos_theta_plane"]
AZIMUTHS = [*[f"phi_{i}" for i in (1, 2, 3)], "phi_plane"]


def power_of_ten(value: float) -> str:
    """Return a number as TeX (no dollars): 0.001 -> 10^{-3}, 30 -> 30."""
    exponent = round(math.log10(value)) if value > 0 else 0
    exact = value > 0 and math.isclose(value, 10.0**exponent)
    return f"10^{{{exponent}}}" if exact and abs(exponent) > 1 else f"{value:g}"
