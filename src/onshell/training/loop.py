"""The training loop: one for every network, process and loss, in one process or several."""

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onshell.core.errors import OnshellError, StoppedError
from onshell.core.format import format_duration
from onshell.core.progress import Count, Progress, log
from onshell.core.provenance import provenance
from onshell.models import custom, priors
from onshell.training import cache
from onshell.training.batches import check_training, weights_of
from onshell.training.checkpoint import read_state, save_model, state_key, write_history, write_record, write_state
from onshell.training.device import choose_precision, hold_memory
from onshell.training.distributed import ProcessGroup, process_group
from onshell.training.epoch import EpochState, row, run_epoch, steps_of
from onshell.training.learner import Learner
from onshell.training.lease import claimed
from onshell.training.stopping import Stop, stopping


@dataclass(frozen=True)
class TrainOptions:
    """How a training runs, besides what its spec says.

    Attributes
    ----------
    device : auto, cpu, cuda or cuda:N
    resume : a state file to go on from, which must exist
    minutes : it stops, and saves, in time before so many from now are over
    source : metadata of the data, kept with the model
    weights : one per event [n], negative ones included: the loss is the mean of weight / mean |weight| times that of
        each event
    """

    device: str = "auto"
    resume: Path | None = None
    minutes: float | None = None
    source: Mapping[str, Any] | None = None
    weights: np.ndarray | None = None


def train(
    spec: Mapping[str, Any],
    data: Tensor,
    out: Path,
    options: TrainOptions = TrainOptions(),
    progress: Progress = log,
) -> Path:
    """Return the path of the model file: the network of the run `spec` trained on events `data` [n, N, 3] float64.

    Writes model.pt, history.csv and run.json into the folder `out`. A state file there, written after each epoch and
    when the training is asked to stop, and removed at the end, lets the same call go on after an interruption; every
    random number comes from a stream named by epoch, chunk and shard, so on a CPU, with as many threads, the result is
    the same to the bit. Started by torchrun, the processes share every batch, and the result is the same up to
    rounding.

    A training stops, and saves, after the step in which it receives SIGTERM, SIGINT or SIGUSR1. One that is over
    already is not made again, but restored.

    Raises
    ------
    OnshellError
        For data that are empty, not finite or of another N, a state file that does not belong here, a device that is
        missing, a number of processes that cannot share a batch, a loss that is no longer finite, and another training
        that writes into `out`.
    StoppedError
        When it was stopped; the same call goes on.
    """
    check_training(spec, data)
    weights = weights_of(spec, options.weights, len(data))
    out = Path(out)
    with stopping(options.minutes) as stop, process_group(options.device) as group, contextlib.ExitStack() as held:
        # One speaks and writes for all.
        tell = progress if group.rank == 0 else _silent
        check_lease = held.enter_context(claimed(out, tell)) if group.rank == 0 else _nothing
        training = _Training(spec, data, weights, out, group, tell, check_lease)
        return training.run(options, stop)


class _Training:
    """A training as one of the processes of a `group`; `check_lease` raises when another trains in the folder `out`."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        data: Tensor,
        weights: Tensor | None,
        out: Path,
        group: ProcessGroup,
        tell: Progress,
        check_lease: Callable[[], None],
    ) -> None:
        self.spec, self.data, self.weights, self.out, self.group = spec, data, weights, out, group
        self.tell, self.check_lease = tell, check_lease
        self.run_name, self.writes, self.per_epoch = spec["run"], group.rank == 0, steps_of(spec, data)
        self.precision = choose_precision(spec["training"]["precision"], group.device)
        self.code = custom.provenance_of(spec)
        # The state depends on device, precision and the code of a custom network: with others, a training that goes on
        # would not be the same training.
        weighted = {} if weights is None else {"weights": hashlib.sha256(weights.numpy().tobytes()).hexdigest()}
        place = {"device": group.device.type, "precision": self.precision}
        self.key = state_key(spec, data, **place, **weighted, **self.code)
        self.state_path = out / f"state-{self.key}.pt"
        self.history: list[dict[str, float]] = []
        self.epoch = EpochState()
        self.best: dict[str, Any] = {"loss": math.inf, "epoch": 0, "weights": {}, "ema": None}
        self.spent = {"seconds": 0.0, "cpu_seconds": 0.0}

    def run(self, options: TrainOptions, stop: Stop) -> Path:
        """Return what `train` does."""
        model, epochs = self.out / "model.pt", self.spec["training"]["epochs"]
        restore = self.writes and options.resume is None
        if self.group.total(float(restore and cache.restore(self.out, self.key, self.check_lease))):
            folder = cache.cache_folder(self.out, self.key)
            self.tell(f"{model}: was trained already, with these settings, data and code ({folder})")
            return model
        hold_memory()
        self.fitted = priors.fit(self.spec, self.data)
        self.learner = Learner(self.spec, self.fitted, self.group, self.precision)
        self._resume(options.resume)
        # A folder that cannot be written, or a full disk, shows before the first epoch and not after it.
        self._save()
        self.size = sum(weight.numel() for weight in self.learner.network.parameters())
        self.tell(
            f"{self.run_name}: {len(self.data):,} events x {epochs} epochs on {self._place()}, {self.precision}, "
            f"{self.size:,} weights"
        )
        for number in range(len(self.history) + 1, epochs + 1):
            self._run_epoch(number, stop)
        self._finish(options.source)
        return model

    def _resume(self, named: Path | None) -> None:
        """Go on from the state that was `named`, or from that of this training, if there is one."""
        if named is not None or self.state_path.exists():
            path = Path(named or self.state_path)
            state = read_state(path, self.key, named=named is not None)
            try:
                self.learner.load_state_dict(state["learner"])
                self.history, self.best, self.spent = state["history"], state["best"], state["spent"]
                self.epoch = EpochState(**state["part"])
            except Exception as error:  # whatever numbers and sizes that do not belong together raise
                raise OnshellError(f"{path}: a damaged training state; remove it to start afresh") from error
            self.tell(f"{self.run_name}: going on after {self._progress()} from {path}")
        # Nobody writes before everybody has read.
        made = len(self.history) * self.per_epoch + self.epoch.steps
        if self.group.total(made) != self.group.size * made:
            raise OnshellError(
                f"{self.state_path}: not the same in every process; put it where all of them can read it"
            )
        for other in sorted(self.out.glob("state-*.pt")) if self.writes else ():
            if other != self.state_path:
                self.tell(
                    f"{self.run_name}: {other} is of other settings, data, device, precision or custom code: not used"
                )

    def _save(self) -> None:
        """Write the state; when the one process that does is done, all go on."""
        if self.writes:
            state = {"learner": self.learner.state_dict(), "history": self.history, "best": self.best}
            part = asdict(self.epoch)
            write_state(self.state_path, self.key, self.check_lease, **state, spent=self.spent, part=part)
        self.group.wait()

    def _run_epoch(self, number: int, stop: Stop) -> None:
        """Train an epoch, or what is left of it, and save; raise `StoppedError` where it does not come to its end."""
        options, begun, begun_cpu = self.spec["training"], time.perf_counter(), time.process_time()
        self.epoch = run_epoch(number, self.learner, self.spec, self.data, self.epoch, stop.asked, self.weights)
        self.spent["cpu_seconds"] += self.group.total(time.process_time() - begun_cpu)
        self.spent["seconds"] += time.perf_counter() - begun
        if self.epoch.steps < self.per_epoch:
            self._save()
            why = stop.why or "stopped with another of its processes"
            raise StoppedError(
                f"{self.run_name}: {why}, after {self._progress()}; the same command goes on from {self.state_path}"
            )
        seconds = self.spent["seconds"] - sum(past["seconds"] for past in self.history)
        rate = len(self.data) / seconds
        self.history.append({**row(self.epoch, number, self.spec, self.data), "seconds": seconds, "events_per_s": rate})
        loss, self.epoch = self.history[-1]["loss"], EpochState()
        if loss < self.best["loss"] or options["keep"] == "last":
            self.best = {"loss": loss, "epoch": number, **self.learner.weights()}
        self._save()
        if self.writes:
            write_history(self.out / "history.csv", self.history, self.check_lease)
        elapsed, numbers = self.spent["seconds"], {"loss": loss, "events/s": rate}
        left = elapsed / number * (options["epochs"] - number)
        self.tell(Count(number, options["epochs"], "epoch", self.run_name, numbers, elapsed=elapsed, left=left))

    def _finish(self, source: Mapping[str, Any] | None) -> None:
        """Write record, history and model, each only if the lease still holds, and remove the states."""
        if self.writes:
            device, origin = self.group.device, provenance(**self.code)
            record = {
                "epochs": len(self.history),
                "kept_epoch": self.best["epoch"],
                "kept_loss": self.best["loss"],
                "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
                "processes": self.group.size,
                "precision": self.precision,
                "n_events": len(self.data),
                "n_parameters": self.size,
                **self.spent,
            }
            write_record(self.out / "run.json", self.spec, {**record, "provenance": origin}, self.check_lease)
            write_history(self.out / "history.csv", self.history, self.check_lease)
            made = {name: record[name] for name in ("epochs", "kept_epoch", "kept_loss", "precision", "n_events")}
            save_model(
                self.out / "model.pt",
                self.best["weights"],
                self.spec,
                provenance=origin,
                training=made,
                source=source,
                ema=self.best["ema"],
                fitted=self.fitted,
                ready=self.check_lease,
            )
            cache.store(self.out, self.key, self.check_lease)
            for state in self.out.glob("state-*.pt"):
                self.check_lease()
                state.unlink(missing_ok=True)
        self.tell(
            f"{self.out / 'model.pt'}: epoch {self.best['epoch']} kept, loss {self.best['loss']:+.4f}, "
            f"{format_duration(self.spent['seconds'])}"
        )
        self.group.wait()

    def _place(self) -> str:
        """Return where the processes compute, in words."""
        kind = self.group.device.type
        return kind if self.group.size == 1 else f"{self.group.size} processes on {kind}"

    def _progress(self) -> str:
        """Return how far the training is, in words."""
        more = f", step {self.epoch.steps} of {self.per_epoch} of the next" if self.epoch.steps else ""
        return f"epoch {len(self.history)}{more}"


def _silent(_: Count | str) -> None:
    """Say nothing."""


def _nothing() -> None:
    """Do nothing."""
