"""The training loop: one for every network, process and loss."""

import contextlib
import csv
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from onshell.config import digest
from onshell.errors import OnshellError
from onshell.files import whole
from onshell.models.build import Objective, build, objective
from onshell.provenance import provenance
from onshell.streams import stream, torch_stream
from onshell.training.checkpoint import save_model
from onshell.training.device import autocast, choose_device, choose_precision, hold_memory
from onshell.training.state import read_state, state_key, write_state

CHUNK = 32
"""Batches per chunk: noise is made for a chunk of events at a time, so memory does not grow with the data."""

HISTORY = ("epoch", "loss", "lr", "grad_norm", "seconds", "events_per_s")

LR_SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
}
"""The learning rate over its largest value as a function of the fraction of all steps done."""


def train(
    spec: Mapping[str, Any],
    data: Tensor,
    out: Path,
    *,
    device: str = "auto",
    progress: Callable[[str], None] = print,
    resume: Path | None = None,
    source: Mapping[str, Any] | None = None,
) -> Path:
    """Return the path of the model file: the network of the run `spec` trained on events `data` [n, N, 3] float64.

    Writes model.pt, history.csv and run.json into the folder `out`. A state file there, written after each epoch and
    removed at the end, lets the same call go on after an interruption; every random number comes from a stream named by
    epoch and chunk, so on a CPU, with as many threads, the result is the same to the bit. `resume` names a state file
    that must exist. `source`, the metadata of the data, is kept in the model file.

    Raises
    ------
    OnshellError
        For data that are empty, not finite or of another N, a state file that does not belong here, a device that is
        missing, and a loss that is no longer finite.
    """
    options, where = spec["training"], choose_device(device)
    precision = choose_precision(options["precision"], where)
    _check(spec, data)
    # The state depends on device and precision: a training that goes on elsewhere would not be the same training.
    key = state_key(spec, data, device=where.type, precision=precision)
    state_path = Path(out) / f"state-{key}.pt"
    hold_memory()

    network, task = build(spec).to(where), objective(spec)
    optimizer = torch.optim.AdamW(
        network.parameters(), options["lr"], tuple(options["betas"]), weight_decay=options["weight_decay"], fused=True
    )
    history: list[dict[str, float]] = []
    best: dict[str, Any] = {"loss": math.inf, "epoch": 0, "weights": {}}
    spent = {"seconds": 0.0, "cpu_seconds": 0.0}
    if resume is not None or state_path.exists():
        state = read_state(Path(resume or state_path), key, named=resume is not None)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        history, best, spent = state["history"], state["best"], state["spent"]
        progress(f"{spec['run']}: going on after epoch {len(history)} from {resume or state_path}")
    for other in sorted(Path(out).glob("state-*.pt")):
        if other != state_path:
            progress(f"{spec['run']}: {other} is of other settings, data, device or precision: not used")
    # A folder that cannot be written, or a full disk, shows before the first epoch and not after it.
    write_state(state_path, key, **_state(network, optimizer, history, best, spent))
    progress(
        f"{spec['run']}: {len(data):,} events x {options['epochs']} epochs on {where.type}, {precision}, "
        f"{sum(p.numel() for p in network.parameters()):,} weights"
    )
    with _stop_on_sigterm(spec["run"], state_path):
        for epoch in range(len(history) + 1, options["epochs"] + 1):
            begun, begun_cpu = time.perf_counter(), time.process_time()
            row = _epoch(epoch, network, task, optimizer, spec, data, where, precision)
            seconds = time.perf_counter() - begun
            history.append({**row, "seconds": seconds, "events_per_s": len(data) / seconds})
            if row["loss"] < best["loss"] or options["keep"] == "last":
                weights = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
                best = {"loss": row["loss"], "epoch": epoch, "weights": weights}
            spent["seconds"] += time.perf_counter() - begun
            spent["cpu_seconds"] += time.process_time() - begun_cpu
            write_state(state_path, key, **_state(network, optimizer, history, best, spent))
            _write_history(Path(out) / "history.csv", history)
            left = spent["seconds"] / epoch * (options["epochs"] - epoch)
            progress(
                f"{spec['run']}: epoch {epoch}/{options['epochs']}  loss {row['loss']:+.4f}  "
                f"{len(data) / seconds:,.0f} events/s  elapsed {_clock(spent['seconds'])}  left {_clock(left)}"
            )

    record = {
        "epochs": len(history),
        "kept_epoch": best["epoch"],
        "kept_loss": best["loss"],
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else "cpu",
        "precision": precision,
        "n_events": len(data),
        "n_parameters": sum(p.numel() for p in network.parameters()),
        **spent,
    }
    with whole(Path(out) / "run.json") as part:
        part.write_text(
            json.dumps(
                {"spec": spec, "config_hash": digest(dict(spec)), **record, "provenance": provenance()}, indent=2
            )
            + "\n"
        )
    path = Path(out) / "model.pt"
    kept = {name: record[name] for name in ("epochs", "kept_epoch", "kept_loss", "precision", "n_events")}
    save_model(path, best["weights"], spec, provenance=provenance(), training=kept, source=source)
    for state in Path(out).glob("state-*.pt"):
        state.unlink()
    progress(f"{path}: epoch {best['epoch']} kept, loss {best['loss']:+.4f}, {_clock(spent['seconds'])}")
    return path


def _epoch(
    epoch: int,
    network: nn.Module,
    task: Objective,
    optimizer: torch.optim.Optimizer,
    spec: Mapping[str, Any],
    data: Tensor,
    device: torch.device,
    precision: str,
) -> dict[str, float]:
    """Return loss, lr and grad_norm, means over the epoch's events, after one pass over the shuffled `data`."""
    options, name = spec["training"], (spec["seed"], "train", spec["run"], epoch)
    batch, n = options["batch_size"], len(data)
    per_epoch = math.ceil(n / batch)
    order = torch.from_numpy(stream(*name, "order").permutation(n))
    step, sums = (epoch - 1) * per_epoch, torch.zeros(2, dtype=torch.float64, device=device)
    for chunk, index in enumerate(order.split(CHUNK * batch)):
        rows = task.draw(
            data[index].to(device),
            stream(*name, "times", chunk),
            torch_stream(*name, "noise", chunk, device=str(device)),
        )
        for part in zip(*(tensor.split(batch) for tensor in rows), strict=True):
            lr = options["lr"] * LR_SCHEDULES[options["lr_schedule"]](step / (per_epoch * options["epochs"]))
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.zero_grad()
            with autocast(device, precision):
                loss = task.loss(network, *part)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), options["clip"])
            seen = torch.stack([loss.detach(), norm]).double()
            if not torch.isfinite(seen).all():
                raise OnshellError(
                    f"{spec['run']}: loss {seen[0]:.3g}, gradient {seen[1]:.3g} at epoch {epoch}, step "
                    f"{step % per_epoch + 1} of {per_epoch}, lr {lr:.2g}: training diverged; lower training.lr or "
                    "training.clip, or set training.precision: fp32, and check the data for extreme events"
                )
            optimizer.step()
            sums += seen * len(part[0])
            step += 1
    loss, norm = (sums / n).tolist()
    return {"epoch": epoch, "loss": loss, "lr": lr, "grad_norm": norm}


def _check(spec: Mapping[str, Any], data: Tensor) -> None:
    """Raise unless the data and the settings of the loop make sense."""
    options = spec["training"]
    if len(data) == 0:
        raise OnshellError(f"{spec['run']}: the training set has no events; generate some")
    if data.shape[1:] != (spec["n_particles"], 3):
        raise OnshellError(
            f"{spec['run']}: events of shape {tuple(data.shape[1:])}, the network takes ({spec['n_particles']}, 3); "
            "use the training set of this run's dataset"
        )
    bad = (~torch.isfinite(data).flatten(1).all(1)).nonzero().flatten()
    if len(bad):
        raise OnshellError(
            f"{spec['run']}: {len(bad)} events of the training set are not finite (first: {bad[:5].tolist()}); "
            "remove them"
        )
    for key, known in (("lr_schedule", LR_SCHEDULES), ("keep", ("lowest-loss", "last"))):
        if options[key] not in known:
            raise OnshellError(f"training.{key}: {options[key]!r} is not known; use {' or '.join(known)}")
    for key in ("epochs", "batch_size", "lr", "clip"):
        if not options[key] > 0:
            raise OnshellError(f"training.{key}: {options[key]} is not above zero")


def _state(
    network: nn.Module, optimizer: torch.optim.Optimizer, history: list, best: dict, spent: dict
) -> dict[str, Any]:
    """Return what a training needs to go on after its last epoch."""
    return {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history,
        "best": best,
        "spent": spent,
    }


@contextlib.contextmanager
def _stop_on_sigterm(run: str, state: Path) -> Iterator[None]:
    """Turn SIGTERM, which a batch system sends before it kills, into an error that says where the run goes on."""

    def stop(*_: Any) -> None:
        raise OnshellError(f"{run}: stopped by SIGTERM; the same command goes on after the last epoch in {state}")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one line per epoch."""
    with whole(path) as part, part.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, HISTORY)
        writer.writeheader()
        writer.writerows(history)


def _clock(seconds: float) -> str:
    """Return a time as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
