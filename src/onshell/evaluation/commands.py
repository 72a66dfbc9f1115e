"""What `onshell metrics`, `onshell floor` and `onshell autoencoder` do, as plain functions of paths."""

from dataclasses import dataclass, replace
from pathlib import Path

from onshell.core import provenance
from onshell.core.custom import check_named
from onshell.core.errors import OnshellError
from onshell.core.files import json_text, whole, write_json
from onshell.core.progress import Count, Progress, log
from onshell.evaluation import autoencoder as autoencoders
from onshell.evaluation import floors
from onshell.evaluation.features import exchangeable
from onshell.evaluation.floors import CLASSIFIED, Comparison, Replicates, Source
from onshell.evaluation.metrics import Measurement, Protocol, SamplePair, measure
from onshell.evaluation.reporting import report, uncertainties
from onshell.evaluation.tails import tails
from onshell.evaluation.truth import check_same_kind, held_out, inside, judged_by, not_empty, pair_cut, pool_of
from onshell.evaluation.weights import COLUMNS, summary, weights_of
from onshell.events.table import read_events

LEAST = 4
"""Events without which nothing is compared."""


@dataclass(frozen=True)
class MetricsOptions:
    """How `metrics_file` and `floor_file` compare.

    Parameters
    ----------
    autoencoder
        The file of autoencoders whose latent space is a space of features too.
    seed
        Of all streams; by default the truth's own.
    splits
        Random halves on which the comparisons in features are repeated, for the model and the floor.
    replicates
        Pairs of fresh truth samples that make the floor; 0 of metrics: none, else two at least.
    classified
        Of these, those that the boosted classifier is trained for.
    extended
        Adds what `measure_extended` measures and, of metrics, ``tails`` of tau, how the events were drawn
        (``generation``), and, where truth has a known cut, the share of events outside of it (``veto``) and all
        metrics without them (``vetoed``).
    judge
        The part of truth that judges.
    generator
        A generator that is not of this package, which truth names, is imported only if this names it too.
    """

    autoencoder: Path | None = None
    seed: int | None = None
    splits: int = 5
    replicates: int = 0
    classified: int = CLASSIFIED
    extended: bool = False
    judge: str = "test"
    generator: str | None = None


class _Truth:
    """The truth of a comparison, as its options have it."""

    def __init__(self, path: Path, options: MetricsOptions):
        self.path, self.options = Path(path), options
        self.events = held_out(self.path, options.judge)
        self.metadata = self.events.metadata
        self.dataset = self.metadata.get("dataset", self.path.stem)
        self.process = self.metadata.get("process", "")
        self.protocol = Protocol(
            int(self.metadata.get("seed", 0)) if options.seed is None else options.seed,
            options.splits,
            self._networks(),
            options.extended,
        )

    def _networks(self) -> list[autoencoders.Autoencoder]:
        """Return the autoencoders, which fit the events; none without a file."""
        path = self.options.autoencoder
        networks, n = autoencoders.load(path).networks if path else [], self.events.n_particles
        if any(network.n_particles != n for network in networks):
            raise OnshellError(f"{path}: made for other than {n} particles; give that of {self.dataset}")
        return networks

    def comparison(self, sample: int) -> Comparison:
        """Return what decides the floor under a sample of `sample` events."""
        parameters = dict(self.metadata.get("parameters") or {})
        if "lhe" in self.metadata:
            # Without a generator the events themselves decide.
            parameters = {key: self.metadata["lhe"][key] for key in ("file", "kept", "e_cm", "weights")}
        digest = autoencoders.fingerprint(self.protocol.autoencoders)
        sizes = sample, len(self.events)
        generator = self.metadata.get("generator", "")
        return Comparison(self.dataset, generator, parameters, *sizes, self.protocol.splits, digest)

    def floor(self, sample: int, progress: Progress = lambda line: None) -> Measurement:
        """Return the floor under a sample of `sample` events, made anew."""
        options = self.options
        check_named(self.metadata.get("generator", ""), options.generator, self.path, "--generator")
        source = Source(self.dataset, self.metadata, pool_of(self.path))
        replicates = Replicates(options.replicates, options.classified)
        return floors.floor(source, (sample, len(self.events)), self.protocol, replicates, progress)


def metrics_file(
    sample_path: Path,
    truth_path: Path,
    out: Path,
    options: MetricsOptions = MetricsOptions(),
    *,
    floor: Path | None = None,
    run: str | None = None,
    progress: Progress = log,
) -> dict:
    """Return the metrics of a sample against a part of truth after writing them to `out` as JSON.

    `floor` is a file of `floor_file`, the statistical floor beside which all distances stand; without one it is made
    here, if `options` ask for replicates.
    """
    if options.replicates < 0 or options.replicates == 1:
        Replicates(options.replicates).check(extended=False)
    truth, sample_path = _Truth(truth_path, options), Path(sample_path)
    asked = {"space": "p", "n_particles": truth.events.n_particles, "columns": COLUMNS}
    generated = not_empty(sample_path, read_events(sample_path, **asked))
    weights = weights_of(generated, sample_path), weights_of(truth.events, truth.path)
    sample, spec = generated.momenta, generated.metadata.get("spec", {})
    origin = generated.metadata.get("dataset", truth.dataset)
    if origin != truth.dataset:
        raise OnshellError(
            f"{truth.path}: is truth of {truth.dataset!r}, but {sample_path} is of {origin!r}; give its own truth"
        )
    check_same_kind((sample_path, truth.path), generated, truth.events)
    run = run or generated.metadata.get("run", sample_path.stem)
    values, repeats = floors.load(floor, truth.comparison(len(sample))) if floor else ({}, options.replicates)
    pair = SamplePair(sample, truth.events.momenta, truth.process, weights, truth.metadata.get("ordered"))
    measured = measure(pair, truth.protocol, ("metrics", run))
    if floor and (missing := sorted(measured.keys() - values.keys())):
        raise OnshellError(f"{floor}: no floor of {', '.join(missing)}; make it again (`onshell floor`)")
    if options.replicates and not floor:
        values = truth.floor(len(sample))
    counts = {"sample": len(sample), "truth": len(pair.truth), "replicates": repeats, "splits": options.splits}
    counts["autoencoders"] = len(truth.protocol.autoencoders)
    if "boosted.auc" in measured and "boosted.auc" in values:
        counts["classifier_replicates"] = len(values["boosted.auc"])
    if any(side is not None for side in weights):
        sides = zip(("sample", "truth"), weights, pair.sizes, strict=True)
        counts["weights"] = {name: summary(side, n) for name, side, n in sides}

    def reported(pair: SamplePair, measured: Measurement) -> dict:
        errors = uncertainties(pair, extended=options.extended)
        return report(pair.sample, measured, values, {**counts, "sample": len(pair.sample)}, errors)

    header = {"format": 1, "run": run, "dataset": truth.dataset, "process": truth.process}
    header |= {"augmentation": spec.get("augmentation"), "judge": judged_by(truth.metadata, options.judge)}
    found = header | {"provenance": provenance.identity()} | reported(pair, measured)
    if options.extended:
        found["tails"] = tails(*pair.log10_tau, pair.weights)
        found["generation"] = {key: generated.metadata.get(key) for key in ("n_evaluations", "sampling")}
        if (cut := pair_cut(truth.metadata)) is not None:
            keep = inside(sample, cut)
            found["veto"] = {"cut": cut, "outside": float(1.0 - keep.double().mean())}
            if LEAST <= int(keep.sum()) < len(keep):
                ours = None if weights[0] is None else weights[0][keep.numpy()]
                kept = replace(pair, sample=sample[keep], weights=(ours, weights[1]))
                rest = reported(kept, measure(kept, truth.protocol, ("metrics", run)))
                found["vetoed"] = rest | {"tails": tails(*kept.log10_tau, kept.weights)}
    write_json(out, found)
    worst = max(found["observables"], key=lambda key: found["observables"][key]["ks"])
    farthest = f"largest KS {found['observables'][worst]['ks']:.4f} ({worst})"
    progress(f"{run}: {len(sample)} events against {len(pair.truth)} of {truth.dataset}; {farthest}")
    return found


def floor_file(
    truth_path: Path, out: Path, sample_size: int, options: MetricsOptions, *, progress: Progress = log
) -> dict:
    """Return the statistical floor of a dataset after writing it to `out` as JSON, for all samples of `sample_size`.

    Pairs of fresh samples, of `sample_size` events and of as many as the judging part of truth has, are compared as
    `metrics_file` compares a model's sample with truth. Where there is no generator, as for imported events, the pairs
    are drawn from all events of the table, and the file says how.
    """
    if sample_size < LEAST:
        raise OnshellError(f"sample size: {sample_size} events are too few to compare; give {LEAST} or more")
    truth = _Truth(truth_path, options)
    header = {"dataset": truth.dataset, "process": truth.process, "seed": truth.protocol.seed}
    header |= {"replicates": options.replicates, "provenance": provenance.identity()}
    if options.extended:
        header |= {"extended": True, "classifier_replicates": min(options.replicates, options.classified)}
    pool = pool_of(truth.path)
    sizes = sample_size, len(truth.events)
    header["origin"] = "fresh events of the generator" if pool is None else pool.method(sizes)
    with whole(out) as part:
        values = truth.floor(sample_size, progress)
        found = floors.document(values, truth.comparison(sample_size), header)
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
    truth = not_empty(events_path, read_events(events_path, space="p", rows="train", columns=COLUMNS))
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
