"""The resume state of a training: one file, named by what is trained on which data."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.files import save_whole
from onshell.core.forms import State
from onshell.core.reading import checked, load

FORMAT = "onshell-training-state"
VERSION = 3

BLOCK = 2**16
"""Events hashed together: laying them out in order takes a copy."""


def state_key(spec: Mapping[str, Any], data: Tensor, **settings: Any) -> str:
    """Return twelve hexadecimal digits that depend on the spec (but not on its sampling), the data and `settings`."""
    trained = {key: value for key, value in spec.items() if key != "sampling"}
    digest = hashlib.sha256(json.dumps([trained, settings, list(data.shape)], sort_keys=True).encode())
    for block in data.split(BLOCK):
        digest.update(block.contiguous().numpy())
    return digest.hexdigest()[:12]


def write_state(path: Path, key: str, ready: Callable[[], None], **content: Any) -> None:
    """Write a training's state, plain types and tensors, atomically; `ready` as in `files.whole`."""
    save_whole({"format": FORMAT, "version": VERSION, "key": key, **content}, path, ready)


def read_state(path: Path, key: str, *, named: bool = False) -> dict[str, Any]:
    """Return the state in `path`, which must be that of the training `key`; `named` by --resume, or found."""
    remedy = "leave out --resume to start afresh" if named else "remove it to start afresh"
    state = load(path, "training state", remedy)
    if state.get("format") != FORMAT:
        raise OnshellError(f"{path}: a foreign or damaged training state; {remedy}")
    if state.get("version") != VERSION:
        raise OnshellError(f"{path}: training state of version {state.get('version')}, not {VERSION}; {remedy}")
    if state.get("key") != key:
        raise OnshellError(
            f"{path}: the state of another training ({state.get('key')}, this one is {key}): its settings, data, "
            f"device, precision or code of one's own differ; {remedy}"
        )
    return checked(state, State, f"{path}: training state", remedy)
