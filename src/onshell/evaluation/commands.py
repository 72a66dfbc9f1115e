"""What `onshell metrics` and `onshell autoencoder` do, as plain functions of paths."""

import json
from collections.abc import Callable
from pathlib import Path

from onshell import provenance
from onshell.errors import OnshellError
from onshell.evaluation import autoencoder as autoencoders
from onshell.evaluation.metrics import floor, measure, report
from onshell.evaluation.truth import held_out, some
from onshell.events.table import read_events
from onshell.files import whole

Progress = Callable[[str], None]


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

    `seed` defaults to the truth's own; `replicates` pairs of fresh truth samples make the statistical floor (0: none,
    else two at least); `splits` repeats the comparisons in features on random halves, for the model and the floor.
    """
    if replicates < 0 or replicates == 1:
        raise OnshellError(f"replicates: {replicates} make no floor, a spread needs two; ask for 2 or more, or for 0")
    truth_path, sample_path = Path(truth_path), Path(sample_path)
    truth = held_out(truth_path)
    generated = some(sample_path, read_events(sample_path, space="p", n_particles=truth.n_particles))
    sample, spec = generated.momenta, generated.metadata.get("spec", {})
    dataset = truth.metadata.get("dataset", truth_path.stem)
    origin = generated.metadata.get("dataset", dataset)
    if origin != dataset:
        raise OnshellError(
            f"{truth_path}: is truth of {dataset!r}, but {sample_path} is of {origin!r}; give its own truth"
        )
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
        repeats = {"replicates": replicates, "splits": splits}
        floors = floor(truth.metadata, dataset, sizes, seed=seed, **repeats, autoencoders=networks)
    counts = {"sample": sizes[0], "truth": sizes[1], "replicates": replicates, "splits": splits}
    counts["autoencoders"] = len(networks)
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
    """Write to `out` one .pt file with `seeds` autoencoders, trained on the train part of a truth file alone.

    A file without a split is refused: its events are those that the autoencoder would judge.
    """
    events_path = Path(events_path)
    truth = some(events_path, read_events(events_path, space="p", rows="train"))
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
