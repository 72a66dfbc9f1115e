"""Whether a model is the one that the configuration describes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onshell.core.errors import OnshellError

ABSENT = object()
"""The value of a key that is not there."""


def check_same_run(path: Path, spec: Mapping[str, Any], expect: Mapping[str, Any]) -> None:
    """Raise if the `spec` of the model file `path` differs from the configuration in any key of `expect`."""
    for key, wanted in expect.items():
        for place, found, other in differences(key, spec.get(key, ABSENT), wanted):
            trained = f"without {place}" if found is ABSENT else f"with {place} = {found!r}"
            says = "does not set it" if other is ABSENT else f"says {other!r}"
            raise OnshellError(f"{path}: trained {trained}, the configuration {says}; train it again")


def differences(place: str, found: Any, wanted: Any) -> list[tuple[str, Any, Any]]:
    """Return (key path, found, wanted) of every leaf in which two specs differ at `place`."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        keys = [*wanted, *(key for key in found if key not in wanted)]
        pairs = ((f"{place}.{key}", found.get(key, ABSENT), wanted.get(key, ABSENT)) for key in keys)
        return [difference for pair in pairs for difference in differences(*pair)]
    if isinstance(found, list | tuple) and isinstance(wanted, list | tuple):
        found, wanted = list(found), list(wanted)
    return [] if found == wanted else [(place, found, wanted)]
