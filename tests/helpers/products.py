"""Small products of the workflow, made from exact generators: stand-ins for the files that figures and tables read."""

import numpy as np
import torch

from onshell.evaluation.commands import autoencoder_file, metrics_file
from onshell.events.augment import AUGMENTATIONS
from onshell.events.commands import embed_file, generate_file
from onshell.events.table import read_events, write_events
from onshell.physics import rambo
from onshell.streams import stream

SEED = 20260402
FRAME = {"b": [-0.0732, 0.2644, -0.1534], "x": 0.0846}


def silent(*_):
    """Take progress and say nothing."""


def truth(folder, dataset, process, generator, n, **parameters):
    """Return the path of a truth file with `n` train and `n` test events."""
    path = folder / f"{dataset}.parquet"
    sizes = {"n_train": n, "n_test": n}
    names = {"dataset": dataset, "process": process, "generator": generator, "parameters": parameters}
    generate_file(path, cutoff=parameters.get("cutoff"), seed=SEED, **names, **sizes)
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


def snapshots(folder, name, source):
    """Return the path of a two-step forward snapshot: the training set, and draws from p_ref."""
    table = read_events(source)
    end = rambo.sample_prior(len(table), table.n_particles, stream(SEED, "test", "forward", name))
    metadata = {key: value for key, value in table.metadata.items() if key != "split"}
    path = folder / f"{name}.forward.parquet"
    steps = [(q, {"step": np.full(len(q), t)}) for t, q in ((0, table.momenta), (1000, end))]
    write_events(path, steps, metadata, space="q")
    return path


def everything(folder, n=3000):
    """Return paths by kind and name, as the workflow passes them: the inputs of all figures and tables."""
    events = {"muon": truth(folder, "muon", "muon", "muon", n)}
    events["uniform_3"] = truth(folder, "uniform_3", "uniform", "uniform", n, n_particles=3)
    for cut in ("1e-2", "1e-3", "1e-4"):
        events[f"qqg_{cut}"] = truth(folder, f"qqg_{cut}", "qqg", "qqg", n, cutoff=float(cut))
    for xi in (20, 30, 40):
        events[f"aps_{xi}"] = truth(folder, f"aps_{xi}", "aps", "sarge", n, cutoff=float(xi), n_particles=10)
    embedded = {}
    sets = [("muon", "many"), ("muon", "continuous"), *[(f"aps_{xi}", "single") for xi in (20, 30, 40)]]
    for dataset, name in sets:
        spec = FRAME if dataset.startswith("aps") else AUGMENTATIONS[name]
        path = embedded[f"{dataset}.{name}"] = folder / f"{dataset}.{name}.parquet"
        embed_file(events[dataset], path, name=name, spec=spec, seed=SEED)
    forward = {f"aps_{xi}": snapshots(folder, f"aps_{xi}", embedded[f"aps_{xi}.single"]) for xi in (20, 30, 40)}
    autoencoder = folder / "muon.pt"
    autoencoder_file(events["muon"], autoencoder, seed=SEED, epochs=2, progress=silent)
    samples, metrics = {}, {}
    for i, name in enumerate(AUGMENTATIONS):
        run = "muon-q-diffusion" + (f"-{name}" if i else "")
        samples[run] = smeared(folder, run, events["muon"], 0.1 + 0.1 * i, {"augmentation": name})
        metrics[run] = folder / f"{run}.json"
        compared = (samples[run], events["muon"], metrics[run])
        metrics_file(*compared, autoencoder=autoencoder, seed=SEED, replicates=2, splits=2, progress=silent)
    kinds = {"events": events, "embedded": embedded, "forward": forward, "samples": samples, "metrics": metrics}
    return kinds | {"autoencoder": {"muon": autoencoder}}
