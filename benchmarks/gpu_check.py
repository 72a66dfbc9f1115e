"""Check and time onshell on a machine with a CUDA GPU, in at most eight minutes: `make gpu-check`.

Tests marked `cuda`; agreement of every network with the CPU; its training step at the paper's sizes, in fp32 and bf16,
plain and through torch.compile; sampling of 3 and of 10 particles; one training on two GPUs where there are two. The
numbers go to a JSON document and a table in Markdown. What does not fit into the time is listed as left out.
"""

import argparse
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from onshell import config as configuration
from onshell.core.errors import OnshellError
from onshell.core.files import json_text
from onshell.core.rng import stream, torch_stream
from onshell.models.build import build, objective
from onshell.models.networks.options import NETWORKS
from onshell.physics import rambo
from onshell.physics.kinematics import violation
from onshell.sampling.sampler import Draw, sample_block
from onshell.training.device import autocast
from onshell.training.distributed import ProcessGroup
from onshell.training.learner import Learner

ROOT = Path(__file__).parents[1]
RUNS = {3: "muon-q-diffusion", 10: "aps_30-q-diffusion"}
"""The published runs whose recipes are timed, by number of particles."""
PARTICLES = {"mlp": 3, "equivariant-mlp": 3}
"""Networks of three particles; the others are timed with ten."""
SECONDS = 480


@dataclass(frozen=True)
class Sizes:
    """How much is measured: events of a batch and of a sample, steps that are timed, and what overrides the runs."""

    batch: int = 1024
    steps: int = 50
    events: int = 4096
    network: Mapping[str, Any] | None = None
    schedule: Mapping[str, Any] | None = None


def specs(sizes: Sizes) -> dict[str, dict[str, Any]]:
    """Return the spec of a run for each type of network, with the options of its own or those of `sizes`."""
    config = configuration.load(ROOT / "config.yaml", ["scale=paper"])
    found = {}
    for kind, options in NETWORKS.items():
        spec = configuration.run_spec(config, RUNS[PARTICLES.get(kind, 10)])
        over = {key: value for key, value in (sizes.network or {}).items() if key in options.model_fields}
        found[kind] = {**spec, "network": {**options(**over).model_dump()}}
        found[kind]["schedule"] = {**spec["schedule"], **(sizes.schedule or {})}
        if spec["loss"]["type"] == "ism" and kind != "mlp":
            found[kind]["loss"] = {"type": "noise", "target": "step", "times_per_event": 1}
    return found


def rows_of(spec: Mapping[str, Any], n: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Return the rows of a batch of `n` events of uniform phase space: their law does not change the time."""
    data = rambo.sample_prior(n, spec["n_particles"], stream(1, "gpu-check")).to(device)
    return objective(spec).draw(data, stream(2, "gpu-check"), torch_stream(3, "gpu-check", device=str(device)))


def wait(device: torch.device) -> float:
    """Return the time when all work of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def training(
    spec: Mapping[str, Any], device: torch.device, precision: str, compiled: bool, sizes: Sizes
) -> dict[str, Any]:
    """Return steps per second, the seconds of the first step, peak memory in MB and whether the loss is finite."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    options = {**spec["training"], "compile": compiled}
    learner = Learner({**spec, "training": options}, {}, ProcessGroup(device), precision)
    rows, start = rows_of(spec, sizes.batch, device), wait(device)
    first = learner.step(rows, sizes.batch, options["lr"], 0)
    begin = wait(device)
    for done in range(sizes.steps):
        last = learner.step(rows, sizes.batch, options["lr"], done + 1)
    end = wait(device)
    memory = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    return {
        "steps_per_second": sizes.steps / (end - begin),
        "first_step_seconds": begin - start,
        "memory_mb": memory,
        "finite": bool(torch.isfinite(first).all() and torch.isfinite(last).all()),
    }


def sampling(spec: Mapping[str, Any], device: torch.device, precision: str, sizes: Sizes) -> dict[str, Any]:
    """Return events per second of an untrained network, and how far the events are off the shell."""
    network, start = build(spec).to(device).eval(), wait(device)
    q = sample_block(network, spec, 0, sizes.events, Draw(1, device, precision))[0.0]
    end = wait(device)
    off = max(part.abs().max().item() for part in violation(rambo.to_p(q)))
    return {"events_per_second": sizes.events / (end - start), "off_shell": off}


def agreement(spec: Mapping[str, Any], device: torch.device, sizes: Sizes) -> dict[str, Any]:
    """Return the relative difference of loss and gradient in fp32, and of the field in bf16, from those of the CPU."""
    task, rows = objective(spec), rows_of(spec, sizes.batch, torch.device("cpu"))

    def answers(where: torch.device, precision: str) -> list[torch.Tensor]:
        network, generator = build(spec), torch_stream(4, "gpu-check")
        with torch.no_grad():
            # A new network returns zero: its weights are moved.
            for weight in network.parameters():
                weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
        network, here = network.to(where), tuple(row.to(where) for row in rows)
        loss = task.loss(network, *here)
        loss.backward()
        gradient = torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])
        with torch.no_grad(), autocast(where, precision):
            return [part.detach().double().cpu() for part in (loss, gradient, network(*here[:2]))]

    ours, theirs = answers(device, "bf16"), answers(torch.device("cpu"), "fp32")
    names = ("loss_fp32", "gradient_fp32", "field_bf16")
    return {name: ((a - b).norm() / b.norm()).item() for name, a, b in zip(names, ours, theirs, strict=True)}


def two_processes(folder: Path, device: str = "cuda", events: int = 60_000, *settings: str) -> dict[str, Any]:
    """Return the last losses of a short training by one process and by two, and the seconds of both."""
    name, onshell = RUNS[3], [sys.executable, "-m", "onshell"]
    table, training_set = folder / "muon.parquet", folder / "muon.single.parquet"
    size = [part for one in ("scale=paper", f"runs.{name}.training.epochs=2", *settings) for part in ("--set", one)]
    counts = ["--train", str(events), "--test", "1000"]
    subprocess.run([*onshell, "generate", "muon", *counts, "-o", table], check=True, cwd=ROOT)
    subprocess.run([*onshell, "embed", table, "-o", training_set], check=True, cwd=ROOT)
    found: dict[str, Any] = {}
    for processes in (1, 2):
        out, start = folder / f"model-{processes}", time.perf_counter()
        command = [*onshell, "train", name, "--data", training_set, "-o", out, "--processes", str(processes), *size]
        subprocess.run([*command, "--device", device], check=True, cwd=ROOT)
        found[f"seconds_{processes}"] = time.perf_counter() - start
        found[f"loss_{processes}"] = float(pd.read_csv(out / "history.csv")["loss"].iloc[-1])
    return found


def measurements(device: torch.device, sizes: Sizes) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield what each measurement is, and a function that makes it: the dearest, torch.compile, last."""
    found = specs(sizes)
    for kind, spec in found.items():
        yield {"what": "agreement with the CPU", "network": kind}, lambda spec=spec: agreement(spec, device, sizes)
    for kind, precision in itertools.product(("mlp", "pet"), ("fp32", "bf16")):
        about = {"what": "sampling", "network": kind, "precision": precision}
        yield about, lambda kind=kind, precision=precision: sampling(found[kind], device, precision, sizes)
    for compiled, kind, precision in itertools.product((False, True), found, ("fp32", "bf16")):
        about = {"what": "training", "network": kind, "precision": precision, "compile": compiled}
        case = found[kind], device, precision, compiled, sizes
        yield about, lambda case=case: training(*case)


def measure(device: torch.device, sizes: Sizes, deadline: float) -> list[dict[str, Any]]:
    """Return all measurements that begin before the `deadline` of the monotonic clock; a failure is one of them."""
    results = []
    for about, make in measurements(device, sizes):
        spec_n = {"particles": PARTICLES.get(about["network"], 10)}
        if time.monotonic() > deadline:
            results.append({**about, **spec_n, "left_out": "out of time"})
            continue
        try:
            results.append({**about, **spec_n, **make()})
        except (OnshellError, RuntimeError) as error:
            results.append({**about, **spec_n, "failed": " ".join(str(error).split())[:200]})
        print(results[-1], flush=True)
    return results


def table(document: Mapping[str, Any]) -> str:
    """Return the measurements as tables in Markdown, one for each kind."""
    parts = [f"{document['device']}, torch {document['torch']}\n"]
    for what, rows in pd.DataFrame(document["measurements"]).groupby("what", sort=False):
        shown = rows.drop(columns="what").dropna(axis=1, how="all")
        parts.append(f"### {what}\n\n{shown.to_markdown(index=False, floatfmt='.3g')}\n")
    return "\n".join(parts)


def missing() -> str | None:
    """Return in one line what this machine lacks, or None."""
    if torch.version.cuda is None:
        return f"torch {torch.__version__} is built without CUDA; install a build with CUDA on a machine with a GPU"
    if not torch.cuda.is_available():
        return f"no CUDA GPU is visible to torch {torch.__version__} (CUDA {torch.version.cuda}); see `nvidia-smi`"
    return None


def main() -> int:
    """Run the check; 0 if all of it went well, 1 if something failed, 2 where there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "build" / "gpu-check", help="folder of the results")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for all (default 480)")
    args = parser.parse_args()
    if (lack := missing()) is not None:
        print(f"gpu-check: {lack}", file=sys.stderr)
        return 2
    deadline, device = time.monotonic() + 0.8 * args.seconds, torch.device("cuda", 0)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    two: Any = "one GPU only"
    if torch.cuda.device_count() > 1:
        try:
            two = two_processes(out)
        except subprocess.CalledProcessError as error:
            two = {"failed": str(error)}
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-m", "cuda", "tests"], cwd=ROOT, check=False)
    document: dict[str, Any] = {
        "device": f"{torch.cuda.device_count()} x {torch.cuda.get_device_name(device)}",
        "torch": torch.__version__,
        "cuda_tests_exit": tests.returncode,
        "two_gpus": two,
        "measurements": measure(device, Sizes(), deadline),
    }
    (out / "gpu-check.json").write_text(json_text(document), encoding="utf-8")
    (out / "gpu-check.md").write_text(table(document), encoding="utf-8")
    failed = [row for row in document["measurements"] if "failed" in row or row.get("finite") is False]
    print(f"gpu-check: {len(failed)} failed; {out}/gpu-check.md")
    return int(bool(failed or tests.returncode or "failed" in two))


if __name__ == "__main__":
    sys.exit(main())
