"""The work behind `onshell train`."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onshell.core.errors import OnshellError
from onshell.core.progress import Progress, log
from onshell.events.table import Events, read_events, read_metadata
from onshell.training.loop import TrainOptions, train


def _training_set(path: Path, spec: Mapping[str, Any]) -> Events:
    """Return the events that the run `spec` trains on: all of a q-space table, the split "train" of the truth."""
    space, origin = spec["space"], spec["dataset"]
    if not path.exists():
        make = f"generate {origin} -o {path}"
        if space == "q":
            make = f"embed {origin}.parquet -a {spec['augmentation']} -o {path}"
        raise OnshellError(f"{path}: no such file; make the training set with `onshell {make}`")
    # A table made elsewhere has no splits: all of it is to train on.
    rows = "train" if space == "p" and read_metadata(path).get("split") else None
    events = read_events(path, space=space, n_particles=spec["n_particles"], rows=rows)
    if events.momenta.shape[-1] == 4:
        raise OnshellError(
            f"{path}: of massive particles, which models in p-space know nothing of; train one in q-space, where they "
            "are put onto their mass shells exactly"
        )
    if len(events) == 0:
        verb = "embed" if space == "q" else "generate"
        raise OnshellError(f"{path}: no events to train on; write a training set with `onshell {verb}`")
    return events


def _check_origin(path: Path, spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Raise if the table says that it is the training set of another run; a table that says nothing may be anyone's."""
    embedding = metadata.get("augmentation") or {}
    wanted = ".".join(name for name in (spec["dataset"], spec["augmentation"]) if name)
    for key, found in (("dataset", metadata.get("dataset")), ("augmentation", embedding.get("name"))):
        if found is not None and found != spec[key]:
            raise OnshellError(
                f"{path}: its {key} is {found!r}, but {spec['run']} trains on {spec[key]!r}; "
                f"give it {wanted}, or add a run to the configuration"
            )


def train_file(
    data_path: Path,
    spec: Mapping[str, Any],
    out: Path,
    options: TrainOptions | None = None,
    progress: Progress = log,
) -> Path:
    """Return the path of the model file, in the folder `out`, of the run `spec` trained on the table `data_path`.

    The network sees the momenta in units of spec["unit"]; a column `weight` weighs the events.
    """
    events = _training_set(Path(data_path), spec)
    _check_origin(data_path, spec, events.metadata)
    data = events.momenta.div_(spec["unit"])
    known = replace(options or TrainOptions(), source=events.metadata, weights=events.columns.get("weight"))
    return train(spec, data, Path(out), known, progress)
