"""The work behind `onshell train`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from onshell.errors import OnshellError
from onshell.events.table import read_events
from onshell.training.loop import train


def _check_origin(path: Path, spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Raise if the table says that it is the training set of another run; a table that says nothing may be anyone's."""
    embedding = metadata.get("augmentation") or {}
    for key, found in (("dataset", metadata.get("dataset")), ("augmentation", embedding.get("name"))):
        if found is not None and found != spec[key]:
            raise OnshellError(
                f"{path}: its {key} is {found!r}, but {spec['run']} trains on {spec[key]!r}; "
                f"give it {spec['dataset']}.{spec['augmentation']}, or add a run to the configuration"
            )


def train_file(
    data_path: Path,
    spec: Mapping[str, Any],
    out: Path,
    *,
    device: str = "auto",
    resume: Path | None = None,
    progress: Callable[[str], None] = print,
) -> Path:
    """Return the path of the model file, in the folder `out`, of the run `spec` trained on the table `data_path`."""
    events = read_events(data_path, space=spec["space"], n_particles=spec["n_particles"])
    if len(events) == 0:
        raise OnshellError(f"{data_path}: no events to train on; write a training set with `onshell embed`")
    _check_origin(data_path, spec, events.metadata)
    return train(
        spec, events.momenta, Path(out), device=device, resume=resume, progress=progress, source=events.metadata
    )
