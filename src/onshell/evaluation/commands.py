"""What `onshell metrics`, `onshell floor` and `onshell autoencoder` do, as plain functions of paths."""

from collections.abc import Callable
from pathlib import Path

from onshell import provenance
from onshell.errors import OnshellError
from onshell.evaluation import autoencoder as autoencoders
from onshell.evaluation import floors
from onshell.evaluation.features import exchangeable
from onshell.evaluation.floors import Comparison
from onshell.evaluation.metrics import measure, report
from onshell.evaluation.truth import held_out, some
from onshell.events.table import Events, read_events
from onshell.files import json_text, whole, write_json

Progress = Callable[[str], None]


def metrics_file(
    sample_path: Path,
    truth_path: Path,
    out: Path,
    *,
    autoencoder: Path | None = None,
    floor: Path | None = None,
    run: str | None = None,
    seed: int | None = None,
    replicates: int = 0,
    splits: int = 5,
    progress: Progress = print,
) -> dict:
    """Return the metrics of a sample against the test part of truth, after writing them to `out` as JSON.

    `seed` defaults to the truth's own; `splits` repeats the comparisons in features on random halves, for the model and
    the floor. `floor` is a file of `floor_file`, the statistical floor beside which all distances are told; without one
    `replicates` pairs of fresh truth samples make it here (0: none, else two at least).
    """
    if replicates < 0 or replicates == 1:
        raise OnshellError(f"replicates: {replicates} make no floor, a spread needs two; ask for 2 or more, or for 0")
    truth_path, sample_path = Path(truth_path), Path(sample_path)
    truth = held_out(truth_path)
    generated = some(sample_path, read_events(sample_path, space="p", n_particles=truth.n_particles))
    sample, spec = generated.momenta, generated.metadata.get("spec", {})
    dataset, process = _dataset(truth, truth_path), truth.metadata.get("process", "")
    origin = generated.metadata.get("dataset", dataset)
    if origin != dataset:
        raise OnshellError(
            f"{truth_path}: is truth of {dataset!r}, but {sample_path} is of {origin!r}; give its own truth"
        )
    run = run or generated.metadata.get("run", sample_path.stem)
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    networks = _networks(autoencoder, truth, truth_path)
    comparison = _comparison(truth, truth_path, len(sample), splits, networks)
    values, repeats = floors.load(floor, comparison) if floor else ({}, replicates)
    name = ("metrics", run)
    measured = measure(sample, truth.momenta, process, seed=seed, name=name, splits=splits, autoencoders=networks)
    if floor and (missing := sorted(measured.keys() - values.keys())):
        raise OnshellError(f"{floor}: no floor of {', '.join(missing)}; make it again (`onshell floor`)")
    if replicates and not floor:
        options = {"seed": seed, "replicates": replicates, "splits": splits, "autoencoders": networks}
        values = floors.floor(truth.metadata, dataset, (len(sample), len(truth)), **options)
    counts = {"sample": len(sample), "truth": len(truth), "replicates": repeats, "splits": splits}
    counts["autoencoders"] = len(networks)
    header = {"format": 1, "run": run, "dataset": dataset, "process": process, "augmentation": spec.get("augmentation")}
    header["provenance"] = provenance.identity()
    found = header | report(sample, measured, values, counts)
    write_json(out, found)
    worst = max(found["observables"], key=lambda key: found["observables"][key]["ks"])
    farthest = f"largest KS {found['observables'][worst]['ks']:.4f} ({worst})"
    progress(f"{run}: {len(sample)} events against {len(truth)} of {dataset}; {farthest}")
    return found


def floor_file(
    truth_path: Path,
    out: Path,
    *,
    sample_size: int,
    autoencoder: Path | None = None,
    replicates: int = 10,
    splits: int = 5,
    seed: int | None = None,
    progress: Progress = print,
) -> dict:
    """Return the statistical floor of a dataset after writing it to `out` as JSON, for all samples of `sample_size`.

    `replicates` pairs of fresh samples, of `sample_size` events and of as many as the test part of truth has, are
    compared as `metrics_file` compares a model's sample with truth; seed and splits as there.
    """
    truth_path = Path(truth_path)
    if sample_size < 4:
        raise OnshellError(f"sample size: {sample_size} events are too few to compare; give 4 or more")
    truth = held_out(truth_path)
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    networks = _networks(autoencoder, truth, truth_path)
    comparison = _comparison(truth, truth_path, sample_size, splits, networks)
    dataset, sizes = comparison.dataset, (sample_size, len(truth))
    options = {"seed": seed, "replicates": replicates, "splits": splits, "autoencoders": networks}
    header = {"dataset": dataset, "process": truth.metadata.get("process", ""), "seed": seed, "replicates": replicates}
    header["provenance"] = provenance.identity()
    with whole(out) as part:
        values = floors.floor(truth.metadata, dataset, sizes, **options, progress=progress)
        found = floors.document(values, comparison, header)
        part.write_text(json_text(found), encoding="utf-8")
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
    options = {"epochs": epochs, "ordered": not exchangeable(truth.metadata.get("process", ""), truth.n_particles)}
    networks, losses = [], []
    for index in range(seeds):
        name = ("autoencoder", events_path.stem, index)
        network, loss = autoencoders.train_one(truth.momenta[:max_events], seed=seed, name=name, **options)
        progress(
            f"autoencoder {index + 1}/{seeds} of {events_path.stem}: reconstruction error {loss:.2e} of the variance"
        )
        networks.append(network)
        losses.append(loss)
    autoencoders.save(out, autoencoders.Ensemble(networks, losses, provenance.identity()))


def _dataset(truth: Events, path: Path) -> str:
    """Return the name of the dataset that truth, read from `path`, belongs to."""
    return truth.metadata.get("dataset", path.stem)


def _networks(path: Path | None, truth: Events, truth_path: Path) -> list[autoencoders.Autoencoder]:
    """Return the autoencoders in `path`, which fit the events of truth; none without a path."""
    networks = autoencoders.load(path).networks if path else []
    if any(network.n_particles != truth.n_particles for network in networks):
        dataset = _dataset(truth, truth_path)
        raise OnshellError(f"{path}: made for other than {truth.n_particles} particles; give that of {dataset}")
    return networks


def _comparison(truth: Events, path: Path, sample: int, splits: int, networks: list) -> Comparison:
    """Return what decides the floor under a sample of `sample` events against the events of truth."""
    metadata = truth.metadata
    generator, parameters = metadata.get("generator", ""), dict(metadata.get("parameters") or {})
    digest = autoencoders.fingerprint(networks)
    return Comparison(_dataset(truth, path), generator, parameters, sample, len(truth), splits, digest)
