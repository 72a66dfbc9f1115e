"""What events and their weights must satisfy: finite numbers, the massless centre-of-mass shell, a positive sum."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.physics import kinematics

TOLERANCE = 1e-9
"""Largest |sum E - 1| and |sum p| (each component) of an event in units of E_cm."""


@dataclass
class BadEvents:
    """The bad events found so far in a table that is checked piece by piece.

    The first kind of fault met is the one reported: numbers that are not finite have no distance to the shell.
    """

    where: str
    shell: bool
    checked: int = 0
    count: int = 0
    rows: list[int] = field(default_factory=list)
    kind: str = ""
    worst: float = 0.0
    at_worst: tuple[float, float] = (0.0, 0.0)

    def add(self, momenta: torch.Tensor, first: int) -> bool:
        """Return whether the events `momenta` [n, N, 3], of which the first is row `first`, are all good."""
        self.checked += len(momenta)
        kind, off = "finite", None
        # One sum shows whether any number is not finite; the mask is only worked out if so.
        finite = torch.isfinite(momenta.sum()) or torch.isfinite(momenta).flatten(1).all(1)
        bad = torch.zeros(len(momenta), dtype=torch.bool) if finite.ndim == 0 else ~finite
        if self.shell and not bad.any():
            energy, total = kinematics.violation(momenta)
            off = torch.cat([energy[:, None], total], 1).abs()
            kind, bad = "shell", off.amax(1) > TOLERANCE
        rows = bad.nonzero()[:, 0]
        if len(rows) == 0 or (self.kind and kind != self.kind):
            return len(rows) == 0
        self.kind = kind
        self.count += len(rows)
        self.rows += [first + row for row in rows[: 5 - len(self.rows)].tolist()]
        if off is not None and (largest := float(off[rows].amax())) > self.worst:
            self.worst = largest
            event = momenta[rows[off[rows].amax(-1).argmax()]]
            energy, total = kinematics.violation(event[None])
            self.at_worst = (1.0 + float(energy[0]), float(total[0].norm()))
        return False

    def raise_if_any(self) -> None:
        """Raise the one-line error that names the bad events, if there are any."""
        if not self.count:
            return
        shown = ", ".join(map(str, self.rows)) + ", ..." * (self.count > len(self.rows))
        which = f"event{'s' * (self.count > 1)} {shown} ({self.count} of {self.checked})"
        if self.kind == "finite":
            raise OnshellError(
                f"{self.where}: {which}: momenta that are NaN or infinite; make the file again or drop them"
            )
        energy, total = self.at_worst
        raise OnshellError(
            f"{self.where}: {which}: off the massless centre-of-mass shell by up to {self.worst:.3g} (allowed "
            f"{TOLERANCE:g}; worst has sum|p| = {energy:.12g}, |sum p| = {total:.3g}); `onshell embed --project` "
            "boosts and scales massless events of any frame, units or rounding"
        )


def checked_weights(values: np.ndarray | None, n: int, where: object) -> NDArray[np.float64] | None:
    """Return the weights [n] of n events, or None where they have none or all the same; `where` names them in errors.

    Raises
    ------
    OnshellError
        When there is not one finite weight for each event, or when they do not sum to more than 0.
    """
    if values is None:
        return None
    weights = np.asarray(values, np.float64)
    if weights.shape != (n,):
        raise OnshellError(f"{where}: {weights.shape} weights for {n} events; give one for each")
    if n == 0:
        return None
    if not np.isfinite(weights).all():
        raise OnshellError(f"{where}: the weights of {n} events are not all finite; remove these events")
    if not weights.sum() > 0.0:
        raise OnshellError(
            f"{where}: the weights of {n} events sum to {weights.sum():.6g}, which is no distribution; "
            "give more events, or set the weights right"
        )
    return None if (weights == weights[0]).all() else weights
