"""Everything that small runs make, as sha256 by name: `python bytes.py CONFIG FOLDER` writes FOLDER/found.json.

A program of its own, since what a processor adds up in another order is settled when NumPy and Torch are imported.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from onshell import cli
from onshell.config import read
from onshell.events.table import read_events

METRICS = 5
"""Digits of metrics that count: they pass through libraries that add up in an order of their own."""


def digest(*arrays):
    """Return the sha256 of arrays, their shapes and types."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def onshell(*arguments):
    """Run a verb."""
    cli.app([str(argument) for argument in arguments], standalone_mode=False)


def rounded(value):
    """Return numbers to so many digits, without what tells of places and times."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items() if key not in ("provenance", "generation", "model")}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.{METRICS}g}") if isinstance(value, float) else value


def table(path):
    """Return the sha256 of a table of events."""
    events = read_events(path)
    return digest(events.momenta.numpy(), *(np.asarray(events.columns[name]) for name in sorted(events.columns)))


def main(config, folder):
    """Run all verbs from truth to metrics."""
    settings, found = read(config), {}
    use = ("--config", config)
    for dataset in ("muon", "qqg_1e-2", "aps_5"):
        onshell("generate", dataset, "-o", folder / f"{dataset}.parquet", *use)
        found[dataset] = table(folder / f"{dataset}.parquet")
        for augmentation in settings["augmentations"]:
            embedded = folder / f"{dataset}.{augmentation}.parquet"
            onshell("embed", folder / f"{dataset}.parquet", "-a", augmentation, "-o", embedded, *use)
            found[embedded.stem] = table(embedded)
    for run, entry in settings["runs"].items():
        recipe, dataset = settings["presets"]["paper"][entry["recipe"]], run.split("-q-")[0].split("-p-")[0]
        source = f"{dataset}.{recipe['augmentation']}" if recipe["space"] == "q" else dataset
        onshell("train", run, "--data", folder / f"{source}.parquet", "-o", folder / run, *use)
        state = torch.load(folder / run / "model.pt", weights_only=True)
        weights = [value for value in flat(state) if isinstance(value, torch.Tensor)]
        found[f"{run} model"] = digest(*(value.numpy() for value in weights))
        samples = folder / f"{run}.parquet"
        onshell("sample", folder / run / "model.pt", "-n", 200, "-o", samples)
        found[f"{run} samples"] = table(samples)
        onshell("metrics", samples, "--truth", folder / f"{dataset}.parquet", "-o", folder / f"{run}.json")
        metrics = rounded(json.loads((folder / f"{run}.json").read_text()))
        found[f"{run} metrics"] = hashlib.sha256(json.dumps(metrics, sort_keys=True).encode()).hexdigest()[:16]
    (folder / "found.json").write_text(json.dumps(found, indent=1))


def flat(tree):
    """Yield the leaves of nested mappings, in their order: names may change."""
    for value in tree.values():
        yield from flat(value) if isinstance(value, dict) else [value]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
