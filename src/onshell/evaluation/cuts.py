"""Cuts that the truth of a process is known to obey, and a model may leak across."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from onshell.physics.kinematics import pair_products
from onshell.physics.process import PROCESSES

ROUNDING = 1e-9
"""Relative: events this close to a cut are on the right side of it."""


def pair_cut(metadata: Mapping[str, Any]) -> float | None:
    """Return the smallest s_IJ/E_cm^2 of any pair in truth, by its table's metadata; None where no cut is known."""
    known = PROCESSES.get(metadata.get("generator", ""))
    if known is None or known.cut is None or not known.cut.pair_mass:
        return None
    cutoff = (metadata.get("parameters") or {}).get("cutoff", metadata.get("cutoff"))
    return None if cutoff is None else float(cutoff)


def inside(p: Tensor, cut: float) -> Tensor:
    """Return which events [n, N, 3] have all s_IJ at or above `cut`, as booleans [n]."""
    return torch.cat(
        [2.0 * pair_products(part.double()).amin(-1) >= cut * (1.0 - ROUNDING) for part in p.split(1 << 15)]
    )
