"""What `onshell metrics`, `onshell floor` and `onshell autoencoder` do, as plain functions of paths."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from onshell.core import provenance
from onshell.core.custom import check_named
from onshell.core.errors import OnshellError
from onshell.core.files import json_text, whole, write_json
from onshell.core.progress import Count, Progress, log
from onshell.evaluation import autoencoder as autoencoders
from onshell.evaluation import floors
from onshell.evaluation.cuts import inside, pair_cut
from onshell.evaluation.extended import CLASSIFIED, closely, generation, log10_tau
from onshell.evaluation.features import exchangeable
from onshell.evaluation.floors import Comparison
from onshell.evaluation.metrics import Measurement, measure
from onshell.evaluation.reporting import report, uncertainties
from onshell.evaluation.tails import tails
from onshell.evaluation.truth import held_out, judged_by, pool_of, some
from onshell.evaluation.weights import COLUMNS, Weights, summary, weights_of
from onshell.events.table import Events, read_events

LEAST = 4
"""Events without which nothing is compared."""


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
    thorough: bool = False,
    judge: str = "test",
    generator: str | None = None,
    progress: Progress = log,
) -> dict:
    """Return the metrics of a sample against a part of truth, `judge`, after writing them to `out` as JSON.

    `seed` defaults to the truth's own; `splits` repeats the comparisons in features on random halves, for the model and
    the floor. `floor` is a file of `floor_file`, the statistical floor beside which all distances are told; without one
    `replicates` pairs of fresh truth samples make it here (0: none, else two at least).

    `thorough` adds what `closely` measures, ``tails`` of tau, how the events were drawn (``generation``), and, where
    truth has a known cut, the share of events outside of it (``veto``) and all metrics without them (``vetoed``).
    `generator` as for `floor_file`.
    """
    if replicates < 0 or replicates == 1:
        raise OnshellError(f"replicates: {replicates} make no floor, a spread needs two; ask for 2 or more, or for 0")
    truth_path, sample_path = Path(truth_path), Path(sample_path)
    truth = held_out(truth_path, judge)
    asked = {"space": "p", "n_particles": truth.n_particles, "columns": COLUMNS}
    generated = some(sample_path, read_events(sample_path, **asked))
    weights = weights_of(generated, sample_path), weights_of(truth, truth_path)
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
    options = {"seed": seed, "splits": splits, "autoencoders": networks}

    def taken(p: Tensor, weights: tuple[Weights, Weights]) -> Measurement:
        means = {"weights": weights, "ordered": truth.metadata.get("ordered")}
        found = measure(p, truth.momenta, process, name=name, **options, **means)
        further = closely(p, truth.momenta, process, seed=seed, name=name, **means) if thorough else {}
        return found | further

    def reported(p: Tensor, weights: tuple[Weights, Weights], measured: Measurement) -> dict:
        means = {"weights": weights, "ordered": truth.metadata.get("ordered")}
        errors = uncertainties(p, truth.momenta, process, thorough=thorough, **means)
        return report(p, measured, values, {**counts, "sample": len(p)}, errors)

    measured = taken(sample, weights)
    if floor and (missing := sorted(measured.keys() - values.keys())):
        raise OnshellError(f"{floor}: no floor of {', '.join(missing)}; make it again (`onshell floor`)")
    if replicates and not floor:
        check_named(truth.metadata.get("generator", ""), generator, truth_path, "--generator")
        own = {"replicates": replicates, "pool": pool_of(truth_path), "thorough": thorough}
        values = floors.floor(truth.metadata, dataset, (len(sample), len(truth)), **options, **own)
    counts = {"sample": len(sample), "truth": len(truth), "replicates": repeats, "splits": splits}
    counts["autoencoders"] = len(networks)
    if "boosted.auc" in measured and "boosted.auc" in values:
        counts["classifier_replicates"] = len(values["boosted.auc"])
    if any(side is not None for side in weights):
        sides = zip(("sample", "truth"), weights, (len(sample), len(truth)), strict=True)
        counts["weights"] = {name: summary(side, n) for name, side, n in sides}
    header = {"format": 1, "run": run, "dataset": dataset, "process": process, "augmentation": spec.get("augmentation")}
    header |= {"judge": judged_by(truth.metadata, judge), "provenance": provenance.identity()}
    found = header | reported(sample, weights, measured)
    if thorough:
        found |= _further(generated, truth, weights, lambda p, weights: reported(p, weights, taken(p, weights)))
    write_json(out, found)
    worst = max(found["observables"], key=lambda key: found["observables"][key]["ks"])
    farthest = f"largest KS {found['observables'][worst]['ks']:.4f} ({worst})"
    progress(f"{run}: {len(sample)} events against {len(truth)} of {dataset}; {farthest}")
    return found


def _further(
    generated: Events,
    truth: Events,
    weights: tuple[Weights, Weights],
    reported: Callable[[Tensor, tuple[Weights, Weights]], dict],
) -> dict:
    """Return what only studies write down of generated events: tau bin by bin, how they were drawn, what a cut leaves.

    `reported` makes the usual report of those that it leaves.
    """
    sample, taus = generated.momenta, log10_tau(truth.momenta)
    found = {"tails": tails(log10_tau(sample), taus, weights), "generation": generation(generated.metadata)}
    cut = pair_cut(truth.metadata)
    if cut is None:
        return found
    keep = inside(sample, cut)
    found["veto"] = {"cut": cut, "outside": float(1.0 - keep.double().mean())}
    if LEAST <= int(keep.sum()) < len(keep):
        kept, theirs = sample[keep], (None if weights[0] is None else weights[0][keep.numpy()], weights[1])
        found["vetoed"] = reported(kept, theirs) | {"tails": tails(log10_tau(kept), taus, theirs)}
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
    thorough: bool = False,
    classified: int = CLASSIFIED,
    judge: str = "test",
    generator: str | None = None,
    progress: Progress = log,
) -> dict:
    """Return the statistical floor of a dataset after writing it to `out` as JSON, for all samples of `sample_size`.

    `replicates` pairs of fresh samples, of `sample_size` events and of as many as the part `judge` of truth has, are
    compared as `metrics_file` compares a model's sample with truth; seed and splits as there. Where there is no
    generator, as for imported events, the pairs are drawn from all events of the table, and the file says how.
    `thorough` as there; the classifier is trained for the first `classified` replicates. A generator that is not of
    this package, which truth names, is imported only if `generator` names it too.
    """
    truth_path = Path(truth_path)
    if sample_size < LEAST:
        raise OnshellError(f"sample size: {sample_size} events are too few to compare; give {LEAST} or more")
    truth = held_out(truth_path, judge)
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    networks = _networks(autoencoder, truth, truth_path)
    comparison = _comparison(truth, truth_path, sample_size, splits, networks)
    dataset, sizes = comparison.dataset, (sample_size, len(truth))
    options = {"seed": seed, "replicates": replicates, "splits": splits, "autoencoders": networks}
    header = {"dataset": dataset, "process": truth.metadata.get("process", ""), "seed": seed, "replicates": replicates}
    header["provenance"] = provenance.identity()
    if thorough:
        options |= {"thorough": True, "classified": classified}
        header |= {"thorough": True, "classifier_replicates": min(replicates, classified)}
    pool = pool_of(truth_path)
    header["origin"] = "fresh events of the generator" if pool is None else pool.method(sizes)
    check_named(truth.metadata.get("generator", ""), generator, truth_path, "--generator")
    with whole(out) as part:
        values = floors.floor(truth.metadata, dataset, sizes, **options, pool=pool, progress=progress)
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
    progress: Progress = log,
) -> None:
    """Write to `out` one .pt file with `seeds` autoencoders, trained on the train part of a truth file alone.

    A file without a split is refused: its events are those that the autoencoder would judge.
    """
    events_path = Path(events_path)
    for name, value in (("train", max_events), ("epochs", epochs), ("seeds", seeds)):
        if value < 1:
            raise OnshellError(f"{name}: {value}; give 1 or more")
    truth = some(events_path, read_events(events_path, space="p", rows="train", columns=COLUMNS))
    if min(max_events, len(truth)) < LEAST:
        raise OnshellError(f"{events_path}: an autoencoder cannot learn from fewer than {LEAST} events; give it more")
    seed = int(truth.metadata.get("seed", 0)) if seed is None else seed
    about = truth.metadata
    ordered = not exchangeable(about.get("process", ""), truth.n_particles, about.get("ordered"))
    options = {"epochs": epochs, "ordered": ordered}
    networks, losses = [], []
    for index in range(seeds):
        name = ("autoencoder", events_path.stem, index)
        network, loss = autoencoders.train_one(truth.momenta[:max_events], seed=seed, name=name, **options)
        error = {"reconstruction error over the variance": loss}
        progress(Count(index + 1, seeds, "autoencoder", events_path.stem, error))
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
    if "lhe" in metadata:
        # Without a generator the events themselves decide.
        parameters = {key: metadata["lhe"][key] for key in ("file", "kept", "e_cm", "weights")}
    digest = autoencoders.fingerprint(networks)
    return Comparison(_dataset(truth, path), generator, parameters, sample, len(truth), splits, digest)
