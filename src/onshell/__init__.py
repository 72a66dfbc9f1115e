"""Generative models that stay on phase space (arXiv:2604.02415).

What other programs need is here: the maps and the prior of RAMBO, `QSpace` for models of any library, event tables, and
trained models with their sampler. Each is imported when it is first asked for, as torch takes a second.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onshell.core.errors import OnshellError
    from onshell.core.rng import stream
    from onshell.events.table import Events, iter_events, read_events, write_events
    from onshell.physics.rambo import prior_log_prob, prior_score, sample_frames, sample_prior, to_p, to_q
    from onshell.qspace import QSpace, RamboPrior, largest_violation
    from onshell.sampling.sampler import Draw, sample
    from onshell.training.checkpoint import load_model
    from onshell.zoo import load

__version__ = version("onshell")

__all__ = [
    "Draw",
    "Events",
    "OnshellError",
    "QSpace",
    "RamboPrior",
    "__version__",
    "iter_events",
    "largest_violation",
    "load",
    "load_model",
    "prior_log_prob",
    "prior_score",
    "read_events",
    "sample",
    "sample_frames",
    "sample_prior",
    "stream",
    "to_p",
    "to_q",
    "write_events",
]

_HOMES = {
    "onshell.core.errors": ("OnshellError",),
    "onshell.core.rng": ("stream",),
    "onshell.events.table": ("Events", "iter_events", "read_events", "write_events"),
    "onshell.physics.rambo": ("prior_log_prob", "prior_score", "sample_frames", "sample_prior", "to_p", "to_q"),
    "onshell.qspace": ("QSpace", "RamboPrior", "largest_violation"),
    "onshell.sampling.sampler": ("Draw", "sample"),
    "onshell.training.checkpoint": ("load_model",),
    "onshell.zoo": ("load",),
}


def __getattr__(name: str) -> Any:
    """Return what is asked for by `name`, imported from where it is written."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
