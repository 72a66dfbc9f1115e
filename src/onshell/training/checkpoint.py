"""What a training leaves: the model file, the record and the history beside it, and the state to go on from.

Files of torch hold plain types and tensors only, and are readable with `torch.load(..., weights_only=True)`.
"""

import csv
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from onshell.config import digest
from onshell.core.custom import check_named
from onshell.core.errors import OnshellError
from onshell.core.files import save_whole, whole, write_json
from onshell.core.forms import Model, State
from onshell.core.reading import checked, load
from onshell.models import custom
from onshell.models.build import build

FORMAT = "onshell-model"
VERSION = 2
STATE_FORMAT = "onshell-training-state"
STATE_VERSION = 3
HISTORY = ("epoch", "loss", "lr", "grad_norm", "seconds", "events_per_s")
BLOCK = 2**16
"""Events hashed together: laying them out in order takes a copy."""
MAKE = "check the name, or make it with `onshell train`"


def save_model(
    path: str | os.PathLike[str],
    weights: Mapping[str, torch.Tensor],
    spec: Mapping[str, Any],
    *,
    provenance: Mapping[str, Any],
    training: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    ema: Mapping[str, torch.Tensor] | None = None,
    fitted: Mapping[str, Any] | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Write a model file: the weights (and their moving average, if there is one) with all that rebuilds the network.

    `training` says how the weights came about (epochs, kept epoch, loss), `source` from what data, and `fitted` holds
    what the prior took from these. `ready` as in `files.whole`.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "weights": _plain(weights),
        "ema": None if ema is None else _plain(ema),
        "spec": dict(spec),
        "schedule": dict(spec.get("schedule") or {}),
        "fitted": dict(fitted or {}),
        "training": dict(training or {}),
        "source": dict(source or {}),
        "provenance": dict(provenance),
    }
    if custom.is_custom(spec["network"]["type"]):
        content["answer"] = custom.answer(_built(content), spec["n_particles"])
    save_whole(content, path, ready)


def read_model(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the content of a model file, checked to be one of ours and of this version."""
    path = Path(path)
    content = load(path, "model file", MAKE)
    if content.get("format") != FORMAT:
        raise OnshellError(f"{path}: not a model file of onshell; give a model.pt that `onshell train` wrote")
    if content.get("version") != VERSION:
        raise OnshellError(
            f"{path}: model file of version {content.get('version')}, this onshell reads version {VERSION}; "
            "train it again or install the onshell that wrote it"
        )
    return checked(content, Model, f"{path}: model file", MAKE)


def load_model(
    path: str | os.PathLike[str], device: torch.device | str = "cpu", *, network: str | None = None
) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network of a model file, on `device` and ready to evaluate, and its spec (see `network_of`)."""
    path = Path(path)
    content = read_model(path)
    return network_of(content, path, device, network=network), content["spec"]


def network_of(
    content: Mapping[str, Any], path: Path, device: torch.device | str = "cpu", *, network: str | None = None
) -> nn.Module:
    """Return the network in the `content` of the model file `path`, on `device` and ready to evaluate.

    The moving average of the weights is used if there is one. The class of a custom network is imported only if
    `network`, "module:Class", names it too; one whose code computes other than when it was trained is refused.
    """
    spec = content["spec"]
    check_named(spec["network"]["type"], network, path, "--network")
    try:
        made = _built(content)
        if "answer" in content:
            custom.check_answer(spec["network"]["type"], custom.answer(made, spec["n_particles"]), content["answer"])
    except OnshellError as error:
        raise OnshellError(f"{path}: {error}") from error
    except Exception as error:  # whatever numbers and sizes that do not belong together raise
        fault = " ".join(str(error).split())
        raise OnshellError(
            f"{path}: the weights do not fit the network of its spec ({fault:.200}); train it again"
        ) from error
    return made.to(device)


def _built(content: Mapping[str, Any]) -> nn.Module:
    """Return the network in the `content` of a model file, ready to evaluate."""
    network = build(content["spec"])
    network.load_state_dict(content["ema"] or content["weights"])
    return network.eval().requires_grad_(False)


def _plain(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights as plain tensors on the CPU, each with storage of its custom."""
    return {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}


def state_key(spec: Mapping[str, Any], data: Tensor, **settings: Any) -> str:
    """Return twelve hexadecimal digits that depend on the spec (but not on its sampling), the data and `settings`."""
    trained = {key: value for key, value in spec.items() if key != "sampling"}
    found = hashlib.sha256(json.dumps([trained, settings, list(data.shape)], sort_keys=True).encode())
    for block in data.split(BLOCK):
        found.update(block.contiguous().numpy())
    return found.hexdigest()[:12]


def write_state(path: Path, key: str, ready: Callable[[], None], **content: Any) -> None:
    """Write a training's state, plain types and tensors, atomically; `ready` as in `files.whole`."""
    save_whole({"format": STATE_FORMAT, "version": STATE_VERSION, "key": key, **content}, path, ready)


def read_state(path: Path, key: str, *, named: bool = False) -> dict[str, Any]:
    """Return the state in `path`, which must be that of the training `key`; `named` by --resume, or found."""
    remedy = "leave out --resume to start afresh" if named else "remove it to start afresh"
    state = load(path, "training state", remedy)
    if state.get("format") != STATE_FORMAT:
        raise OnshellError(f"{path}: a foreign or damaged training state; {remedy}")
    if state.get("version") != STATE_VERSION:
        raise OnshellError(f"{path}: training state of version {state.get('version')}, not {STATE_VERSION}; {remedy}")
    if state.get("key") != key:
        raise OnshellError(
            f"{path}: the state of another training ({state.get('key')}, this one is {key}): its settings, data, "
            f"device, precision or custom code differ; {remedy}"
        )
    return checked(state, State, f"{path}: training state", remedy)


def write_history(path: Path, history: list[dict[str, float]], ready: Callable[[], None] | None = None) -> None:
    """Write one line per epoch; `ready` as in `files.whole`."""
    with whole(path, ready) as part, part.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HISTORY)
        writer.writeheader()
        writer.writerows(history)


def write_record(
    path: Path, spec: Mapping[str, Any], record: Mapping[str, Any], ready: Callable[[], None] | None = None
) -> None:
    """Write what was trained, and in `record` how it went and where it comes from; `ready` as in `files.whole`."""
    write_json(path, {"spec": spec, "config_hash": digest(dict(spec)), **record}, ready)
