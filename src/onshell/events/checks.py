"""What every event must satisfy: finite numbers and, for truth, the massless shell in the centre-of-mass frame."""

from dataclasses import dataclass, field

import torch

from onshell.core.errors import OnshellError
from onshell.physics import kinematics

TOLERANCE = 1e-9
"""Largest |sum E - 1| and |sum p| (each component) of an event in units of E_cm."""


@dataclass
class Faults:
    """The bad events found so far in a table that is checked piece by piece."""

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
        kind, bad, off = self._judge(momenta)
        self.checked += len(momenta)
        rows = bad.nonzero()[:, 0]
        # The first kind of fault met is the one reported: numbers that are not finite have no distance to the shell.
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

    def _judge(self, momenta: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor | None]:
        """Return the kind of fault, the mask of bad events [n] and how far off they are [n, 4]."""
        # One sum tells whether anything is wrong at all; the mask is only worked out if it is.
        if not torch.isfinite(momenta.sum()):
            finite = torch.isfinite(momenta).flatten(1).all(1)
            if not finite.all():
                return "finite", ~finite, None
        if not self.shell:
            return "shell", torch.zeros(len(momenta), dtype=torch.bool), None
        energy, total = kinematics.violation(momenta)
        off = torch.cat([energy[:, None], total], 1).abs()
        return "shell", off.amax(1) > TOLERANCE, off

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
