"""What `onshell metrics` and `onshell autoencoder` do, as plain functions of paths."""

import json
from collections.abc import Callable
from pathlib import Path

from onshell import provenance
from onshell.errors import OnshellError
from onshell.evaluation import autoencoder as autoencoders
from onshell.evaluation.metrics import floor, measure, report
from onshell.events.table import Events, read_events, read_metadata, split
from onshell.files import whole

Progress = Callable[[str], None]


def _truth(path: Path, part: str) -> Events:
    """Return the `part` ("train" or "test") rows of a truth file; every row of a file without a split."""
    metadata = read_metadata(path)
    rows = split(metadata, part) if "split" in metadata else None
    found = read_events(path, space="p", rows=rows)
    if not len(found.momenta):
        raise OnshellError(f"{path}: the {part} part has no events; generate more, or change the split")
    return found


def metrics_file(
    sample_path: Path,
    truth_path: Path,
    out: Path,
    *,
    autoencoder: Path | None = None,
    run: str | None = None,
    seed: int | None = None,
    replicates: int = 10,
    splits: int = 5,
    progress: Progress = print,
) -> dict:
    """Return the metrics of a sample against the test part of truth, after writing them to `out` as JSON.

    `seed` defaults to the truth's own; `replicates` pairs of fresh truth samples make the statistical floor (0: none);
    `splits` repeats the classifier tests.
    """
    truth_path, sample_path = Path(truth_path), Path(sample_path)
    truth = _truth(truth_path, "test")
    generated = read_events(sample_path, space="p", n_particles=truth.n_particles)
    sample, spec = generated.momenta, generated.metadata.get("spec", {})
    if not len(sample):
        raise OnshellError(f"{sample_path}: no events to compare; sample the model again")
    dataset = truth.metadata.get("dataset", truth_path.stem)
    run = run or generated.metadata.get("run", sample_path.stem)
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    process = truth.metadata.get("process", "")
    networks = autoencoders.load(autoencoder).networks if autoencoder else []
    if any(network.n_particles != sample.shape[1] for network in networks):
        raise OnshellError(f"{autoencoder}: made for other than {sample.shape[1]} particles; give that of {dataset}")
    name = ("metrics", run)
    measured = measure(sample, truth.momenta, process, seed=seed, name=name, splits=splits, autoencoders=networks)
    sizes = (len(sample), len(truth.momenta))
    floors = {}
    if replicates:
        floors = floor(truth.metadata, dataset, sizes, seed=seed, replicates=replicates, autoencoders=networks)
    counts = {"sample": sizes[0], "truth": sizes[1], "replicates": replicates, "splits": splits}
    header = {"format": 1, "run": run, "dataset": dataset, "process": process, "augmentation": spec.get("augmentation")}
    header["provenance"] = provenance.identity()
    found = header | report(sample, measured, floors, counts)
    with whole(out) as part:
        part.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    worst = max(found["observables"], key=lambda key: found["observables"][key]["ks"])
    farthest = f"largest KS {found['observables'][worst]['ks']:.4f} ({worst})"
    progress(f"{run}: {sizes[0]} events against {sizes[1]} of {dataset}; {farthest}")
    return found


def autoencoder_file(
    events_path: Path,
    out: Path,
    *,
    seeds: int = 2,
    seed: int | None = None,
    epochs: int = 20,
    max_events: int = 50_000,
    progress: Progress = print,
) -> None:
    """Write to `out` one .pt file with `seeds` autoencoders, trained on the train part of a truth file alone."""
    events_path = Path(events_path)
    truth = _truth(events_path, "train")
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    networks, losses = [], []
    for index in range(seeds):
        name = ("autoencoder", events_path.stem, index)
        network, loss = autoencoders.train_one(truth.momenta[:max_events], seed=seed, name=name, epochs=epochs)
        progress(
            f"autoencoder {index + 1}/{seeds} of {events_path.stem}: reconstruction error {loss:.2e} of the variance"
        )
        networks.append(network)
        losses.append(loss)
    autoencoders.save(out, autoencoders.Ensemble(networks, losses, provenance.identity()))
