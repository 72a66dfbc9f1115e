"""The training loop: one for every network, process and loss, in one process or several."""

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError, StoppedError
from onshell.core.format import format_duration
from onshell.core.progress import Count, Progress, log
from onshell.core.provenance import provenance
from onshell.models import custom as own
from onshell.models import priors
from onshell.training.checkpoint import save_model
from onshell.training.checks import check, weights_of
from onshell.training.device import choose_precision, hold_memory
from onshell.training.epoch import Part, row, run_epoch, steps_of
from onshell.training.finished import memory, recall, remember
from onshell.training.learner import Learner
from onshell.training.lease import claimed
from onshell.training.processes import Team, team
from onshell.training.record import write_history, write_record
from onshell.training.state import read_state, state_key, write_state
from onshell.training.stopping import Stop, stopping


def train(
    spec: Mapping[str, Any],
    data: Tensor,
    out: Path,
    *,
    device: str = "auto",
    progress: Progress = log,
    resume: Path | None = None,
    source: Mapping[str, Any] | None = None,
    minutes: float | None = None,
    weights: np.ndarray | None = None,
) -> Path:
    """Return the path of the model file: the network of the run `spec` trained on events `data` [n, N, 3] float64.

    Writes model.pt, history.csv and run.json into the folder `out`. A state file there, written after each epoch and
    when the training is told to stop, and removed at the end, lets the same call go on after an interruption; every
    random number comes from a stream named by epoch, chunk and shard, so on a CPU, with as many threads, the result is
    the same to the bit. Started by torchrun, the processes share every batch, and the result is the same up to
    rounding. `resume` names a state file that must exist. `source`, the metadata of the data, is kept with the model.
    With `weights` [n], one per event, negative ones included, the loss is the mean of weight / mean |weight| times the
    loss of each event.

    A training stops, and saves, after the step in which it receives SIGTERM, SIGINT or SIGUSR1, and in time before
    `minutes` from now are over. One that is over already is not made again, but brought back.

    Raises
    ------
    OnshellError
        For data that are empty, not finite or of another N, a state file that does not belong here, a device that is
        missing, a number of processes that cannot share a batch, a loss that is no longer finite, and another training
        that writes into `out`.
    StoppedError
        When it was stopped; the same call goes on.
    """
    check(spec, data)
    weighed = weights_of(spec, weights, len(data))
    out = Path(out)
    with stopping(minutes) as stop, team(device) as members, contextlib.ExitStack() as held:
        # One speaks and writes for all.
        tell = progress if members.rank == 0 else _silent
        mine = held.enter_context(claimed(out, tell)) if members.rank == 0 else _nothing
        return _train(spec, data, weighed, out, members, tell, resume, source, stop, mine)


def _train(
    spec: Mapping[str, Any],
    data: Tensor,
    weights: Tensor | None,
    out: Path,
    members: Team,
    tell: Progress,
    resume: Path | None,
    source: Mapping[str, Any] | None,
    stop: Stop,
    check_claim: Callable[[], None],
) -> Path:
    """Return what `train` does, as one of the `members` of a team."""
    options, where, run = spec["training"], members.device, spec["run"]
    precision, writes = choose_precision(options["precision"], where), members.rank == 0
    # The state depends on device and precision: a training that goes on elsewhere would not be the same training.
    weighed = {} if weights is None else {"weights": hashlib.sha256(weights.numpy()).hexdigest()}
    # So would one whose network the user rewrote meanwhile.
    code = own.provenance_of(spec)
    key = state_key(spec, data, device=where.type, precision=precision, **weighed, **code)
    state_path = out / f"state-{key}.pt"
    if members.total(float(writes and resume is None and recall(out, key, check_claim))):
        tell(f"{out / 'model.pt'}: was trained already, with these settings, data and code ({memory(out, key)})")
        return out / "model.pt"
    hold_memory()
    fitted = priors.fit(spec, data)
    learner = Learner(spec, fitted, members, precision)
    history: list[dict[str, float]] = []
    part, per_epoch = Part(), steps_of(spec, data)
    best: dict[str, Any] = {"loss": math.inf, "epoch": 0, "weights": {}, "ema": None}
    spent = {"seconds": 0.0, "cpu_seconds": 0.0}
    if resume is not None or state_path.exists():
        state = read_state(Path(resume or state_path), key, named=resume is not None)
        try:
            learner.load_state_dict(state["learner"])
            history, best, spent, part = state["history"], state["best"], state["spent"], Part(**state["part"])
        except Exception as error:  # whatever numbers and sizes that do not belong together raise
            place = resume or state_path
            raise OnshellError(f"{place}: a damaged training state; remove it to start afresh") from error
        tell(f"{run}: going on after {_place_in(history, part, per_epoch)} from {resume or state_path}")
    # Nobody writes before everybody has read.
    made = len(history) * per_epoch + part.steps
    if members.total(made) != members.size * made:
        raise OnshellError(f"{state_path}: not the same in every process; put it where all of them can read it")
    for other in sorted(out.glob("state-*.pt")) if writes else ():
        if other != state_path:
            tell(f"{run}: {other} is of other settings, data, device, precision or code of one's own: not used")

    def save() -> None:
        """Write the state; when the one process that does is done, all go on."""
        if writes:
            state = {"learner": learner.state_dict(), "history": history, "best": best, "spent": spent}
            write_state(state_path, key, check_claim, **state, part=asdict(part))
        members.wait()

    # A folder that cannot be written, or a full disk, shows before the first epoch and not after it.
    save()
    size = sum(weight.numel() for weight in learner.network.parameters())
    tell(
        f"{run}: {len(data):,} events x {options['epochs']} epochs on {_place(members)}, {precision}, {size:,} weights"
    )
    for epoch in range(len(history) + 1, options["epochs"] + 1):
        begun, begun_cpu = time.perf_counter(), time.process_time()
        part = run_epoch(epoch, learner, spec, data, part, stop.asked, weights)
        spent["cpu_seconds"] += members.total(time.process_time() - begun_cpu)
        spent["seconds"] += time.perf_counter() - begun
        if part.steps < per_epoch:
            save()
            why = stop.why or "stopped with another of its processes"
            raise StoppedError(
                f"{run}: {why}, after {_place_in(history, part, per_epoch)}; the same command goes on from {state_path}"
            )
        seconds = spent["seconds"] - sum(past["seconds"] for past in history)
        history.append({**row(part, epoch, spec, data), "seconds": seconds, "events_per_s": len(data) / seconds})
        loss, part = history[-1]["loss"], Part()
        if loss < best["loss"] or options["keep"] == "last":
            best = {"loss": loss, "epoch": epoch, **learner.weights()}
        save()
        if writes:
            write_history(out / "history.csv", history, check_claim)
        left = spent["seconds"] / epoch * (options["epochs"] - epoch)
        numbers = {"loss": loss, "events/s": len(data) / seconds}
        tell(Count(epoch, options["epochs"], "epoch", run, numbers, elapsed=spent["seconds"], left=left))

    if writes:
        numbers = {"n_events": len(data), "n_parameters": size, **spent}
        _write(out, spec, learner, history, best, numbers, fitted, source, provenance(**code), check_claim)
        remember(out, key, check_claim)
        for state in out.glob("state-*.pt"):
            check_claim()
            state.unlink(missing_ok=True)
    tell(
        f"{out / 'model.pt'}: epoch {best['epoch']} kept, loss {best['loss']:+.4f}, {format_duration(spent['seconds'])}"
    )
    members.wait()
    return out / "model.pt"


def _write(
    out: Path,
    spec: Mapping[str, Any],
    learner: Learner,
    history: list[dict[str, float]],
    best: Mapping[str, Any],
    numbers: Mapping[str, float],
    fitted: Mapping[str, Any],
    source: Mapping[str, Any] | None,
    origin: Mapping[str, Any],
    check_claim: Callable[[], None],
) -> None:
    """Write record, history and model of a training that is over, each only if the claim still holds."""
    device = learner.team.device
    record = {
        "epochs": len(history),
        "kept_epoch": best["epoch"],
        "kept_loss": best["loss"],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processes": learner.team.size,
        "precision": learner.precision,
        **numbers,
    }
    write_record(out / "run.json", spec, {**record, "provenance": origin}, check_claim)
    training = {name: record[name] for name in ("epochs", "kept_epoch", "kept_loss", "precision", "n_events")}
    said = {"provenance": origin, "training": training, "source": source, "fitted": fitted}
    write_history(out / "history.csv", history, check_claim)
    save_model(out / "model.pt", best["weights"], spec, ema=best["ema"], **said, ready=check_claim)


def _place(members: Team) -> str:
    """Return where the team computes, in words."""
    return members.device.type if members.size == 1 else f"{members.size} processes on {members.device.type}"


def _place_in(history: list[dict[str, float]], part: Part, per_epoch: int) -> str:
    """Return how far a training is, in words."""
    more = f", step {part.steps} of {per_epoch} of the next" if part.steps else ""
    return f"epoch {len(history)}{more}"


def _silent(_: Count | str) -> None:
    """Say nothing."""


def _nothing() -> None:
    """Do nothing."""
