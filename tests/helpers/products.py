"""Small products of the workflow, made from exact generators: stand-ins for the files that figures and tables read."""

import numpy as np
import torch

from onshell.core.rng import stream
from onshell.evaluation import floors
from onshell.evaluation.commands import MetricsOptions, autoencoder_file, floor_file, metrics_file
from onshell.evaluation.metrics import Protocol, SamplePair, measure
from onshell.events.augment import AUGMENTATIONS
from onshell.events.datasets import Embedding, Truth, embed_file, generate_file
from onshell.events.table import read_events, write_events
from onshell.physics import rambo

SEED = 20260402
FRAME = {"b": [-0.0732, 0.2644, -0.1534], "x": 0.0846}


def silent(*_):
    """Take progress and say nothing."""


def make_metrics(sample, truth, out, *, floor=None, run=None, progress=silent, **options):
    """Return the metrics of a sample after writing them to `out`."""
    return metrics_file(sample, truth, out, MetricsOptions(**options), floor=floor, run=run, progress=progress)


def make_floor(truth, out, *, sample_size, replicates=10, progress=silent, **options):
    """Return a floor after writing it to `out`."""
    return floor_file(truth, out, sample_size, MetricsOptions(replicates=replicates, **options), progress=progress)


def measured(a, b, process, *, seed, name, weights=(None, None), ordered=None, **protocol):
    """Return all distances between two samples."""
    return measure(SamplePair(a, b, process, weights, ordered), Protocol(seed, **protocol), name)


def floor_values(metadata, dataset, sizes, *, seed, replicates, pool=None, **protocol):
    """Return the values of all replicates of a floor."""
    source = floors.Source(dataset, metadata, pool)
    return floors.floor(source, sizes, Protocol(seed, **protocol), floors.Replicates(replicates))


def truth(folder, dataset, process, generator, n, **parameters):
    """Return the path of a truth file with `n` train and `n` test events."""
    path = folder / f"{dataset}.parquet"
    cutoff = parameters.get("cutoff")
    generate_file(path, Truth(dataset, process, generator, parameters, SEED, n_train=n, n_test=n, cutoff=cutoff))
    return path


def smeared(folder, run, source, strength, spec):
    """Return the path of events like those of an imperfect model: truth smeared in q-space and mapped back."""
    p = read_events(source, rows="train").momenta
    draws = stream(SEED, "test", "smeared", run)
    q = rambo.to_q(p, *rambo.sample_frames(len(p), p.shape[1], draws))
    noise = torch.from_numpy(draws.standard_normal(q.shape)) + torch.tensor([0.0, 0.0, 0.5], dtype=torch.float64)
    path = folder / f"{run}.parquet"
    write_events(path, [rambo.to_p(q + strength * q.norm(dim=-1, keepdim=True) * noise)], {"run": run, "spec": spec})
    return path


def off_shell(folder, run, source, strength):
    """Return the path of events like those of an imperfect p-space model: truth with every momentum smeared."""
    p = read_events(source, rows="train").momenta
    noise = torch.from_numpy(stream(SEED, "test", "off shell", run).standard_normal(p.shape))
    path = folder / f"{run}.parquet"
    write_events(path, [p * (1.0 + strength * noise)], {"run": run, "spec": {}, "conserves": False})
    return path


def snapshots(path, source, times, name, **metadata):
    """Return `path`, a process at normalised `times`: on straight lines (12) from a training set to p_ref."""
    table = read_events(source)
    end = rambo.sample_prior(len(table), table.n_particles, stream(SEED, "test", "snapshots", name))
    states = [((1 - t) * table.momenta + t * end, {"time": np.full(len(table), float(t))}) for t in times]
    metadata = {key: value for key, value in table.metadata.items() if key != "split"} | metadata
    write_events(path, states, metadata, space="q")
    return path


def processes(folder, embedded):
    """Return paths by kind and name: snapshots of forward and of reverse processes."""
    forward, trajectories = {}, {}
    for name, steps in (("single", 500), ("single", 1000), ("identity", 1000)):
        long, source = "-long" if steps > 500 else "", embedded[f"qqg_1e-3.{name}"]
        variant = long + ("-identity" if name == "identity" else "")
        key, run = f"qqg_1e-3{variant}", f"qqg_1e-3-q-diffusion{variant}"
        schedule = {"steps": steps}
        forward[key] = snapshots(folder / f"{key}.forward.parquet", source, (0, 1), key, schedule=schedule)
        spec = {"schedule": schedule, "augmentation": name}
        path, times = folder / f"{run}.trajectory.parquet", (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0)
        trajectories[run] = snapshots(path, source, times, run, run=run, spec=spec)
    for xi in (20, 30, 40):
        path = folder / f"aps_{xi}.forward.parquet"
        forward[f"aps_{xi}"] = snapshots(path, embedded[f"aps_{xi}.single"], (0, 1), f"aps_{xi}")
    return {"forward": forward, "trajectories": trajectories}


def models(folder, events):
    """Return the paths of generated events by run: all models but those of muon decay."""
    found = {}
    for name in ("qqg_1e-2", "qqg_1e-3", "qqg_1e-4", "aps_20", "aps_30", "aps_40"):
        found[f"{name}-q-diffusion"] = smeared(folder, f"{name}-q-diffusion", events[name], 0.05, {})
    found["aps_30-q-flow"] = smeared(folder, "aps_30-q-flow", events["aps_30"], 0.01, {})
    for family, strength in (("diffusion", 0.1), ("flow", 0.003)):
        found[f"aps_30-p-{family}"] = off_shell(folder, f"aps_30-p-{family}", events["aps_30"], strength)
    return found


def everything(folder, n=3000):
    """Return paths by kind and name, as the workflow passes them: the inputs of all figures and tables."""
    events = {"muon": truth(folder, "muon", "muon", "muon", n)}
    for size in (3, 10):
        events[f"uniform_{size}"] = truth(folder, f"uniform_{size}", "uniform", "uniform", n, n_particles=size)
    for cut in ("1e-2", "1e-3", "1e-4"):
        events[f"qqg_{cut}"] = truth(folder, f"qqg_{cut}", "qqg", "qqg", n, cutoff=float(cut))
    for xi in (20, 30, 40):
        events[f"aps_{xi}"] = truth(folder, f"aps_{xi}", "aps", "sarge", n, cutoff=float(xi), n_particles=10)
    embedded = {}
    sets = [("muon", "many"), ("muon", "continuous"), *[(f"aps_{xi}", "single") for xi in (20, 30, 40)]]
    sets += [("qqg_1e-3", "single"), ("qqg_1e-3", "identity")]
    for dataset, name in sets:
        spec = FRAME if dataset.startswith("aps") else AUGMENTATIONS[name]
        path = embedded[f"{dataset}.{name}"] = folder / f"{dataset}.{name}.parquet"
        embed_file(events[dataset], path, Embedding(name, spec, SEED))
    autoencoder = folder / "muon.pt"
    autoencoder_file(events["muon"], autoencoder, seed=SEED, epochs=2, progress=silent)
    samples, metrics, floor = models(folder, events), {}, folder / "muon.floor.json"
    options = {"autoencoder": autoencoder, "seed": SEED, "splits": 2}
    make_floor(events["muon"], floor, sample_size=n, replicates=2, **options)
    for i, name in enumerate(AUGMENTATIONS):
        run = "muon-q-diffusion" + (f"-{name}" if i else "")
        samples[run] = smeared(folder, run, events["muon"], 0.1 + 0.1 * i, {"augmentation": name})
        metrics[run] = folder / f"{run}.json"
        make_metrics(samples[run], events["muon"], metrics[run], floor=floor, **options)
    kinds = {"events": events, "embedded": embedded, "samples": samples, "metrics": metrics}
    return kinds | processes(folder, embedded) | {"autoencoder": {"muon": autoencoder}}
