"""Checks of what computes: torch, GPUs, bf16, torch.compile, and processes that train together."""

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from onshell.config import run_spec
from onshell.core.format import shorten
from onshell.doctor.check import Check, Context, checker, fault, ok, warning

if TYPE_CHECKING:
    import torch

PYPI = "install torch from PyPI, whose builds for Linux have it"


@checker()
def gpus(context: Context) -> Check:
    """Return which GPUs torch sees, and whether they are enough."""
    import torch

    build = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        seen = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        listed = shorten(f"{gpu.name} ({gpu.total_memory / 2**30:.0f} GiB)" for gpu in seen)
        wanted = max((_per_node(entry) for entry in context.resources.values()), default=1)
        if context.device == "cuda" and len(seen) < wanted:
            return warning(f"{build}, {len(seen)} GPU: {listed}; a run wants {wanted}", f"try srun --gpus={wanted}")
        return ok(f"{build}, {len(seen)} GPU: {listed}")
    why, remedy = _why_none(context)
    if context.device == "cuda":
        return fault(f"no GPU: {build} {why}", remedy)
    if context.wants_gpu and torch.version.cuda is None:
        return warning(f"{build} {why}, and jobs of the profile ask for GPUs", remedy)
    if context.wants_gpu:
        return warning(f"no GPU: {build} {why}; that is normal on a login node", _on_a_node(context))
    return ok(f"{build}, no GPU; everything runs on the processor")


@checker()
def bf16(context: Context) -> Check:
    """Return whether trainings at precision auto compute in bf16."""
    import torch

    from onshell.training.device import choose_precision

    places = [*_places(context)]
    slow = [str(place) for place in places if choose_precision("auto", place) == "fp32"]
    if slow and places[0].type == "cuda":
        names = shorten(torch.cuda.get_device_name(place) for place in slow)
        return warning(f"none on {names}: auto means fp32", "use GPUs of Nvidia's Ampere generation or newer")
    if slow and not context.wants_gpu:
        return warning("no AMX or AVX512-BF16 here: auto means fp32", "trainings are slower here, and that is all")
    if slow:
        return ok("not on this processor, where no job of the profile computes")
    return ok(f"on {shorten(places)}: auto means bf16")


@checker()
def multiplication(context: Context) -> Check:
    """Return whether a small product of bf16 matrices, computed on every device, is right."""
    import torch

    a, b = torch.randn(2, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for place in _places(context):
        try:
            found = (a.to(place, torch.bfloat16) @ b.to(place, torch.bfloat16)).to("cpu", torch.float64)
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            return fault(f"fails on {place} ({reason:.150})", "check driver and torch: the GPU may be too old or new")
        off = ((found - a @ b).norm() / (a @ b).norm()).item()
        if not off < 0.02:
            return fault(f"off by {off:.1%} on {place}", "keep jobs off this machine: its processor or GPU is broken")
    return ok(f"bf16 matrices on {shorten(_places(context))}")


@checker()
def compilation(context: Context) -> Check:
    """Return whether torch.compile has the compiler that it needs, if any run compiles."""
    compiled = [run for run in context.config["runs"] if run_spec(context.config, run)["training"]["compile"]]
    if not compiled:
        return ok("not needed: no run sets training.compile")
    runs = f"{shorten(compiled, 2)} set training.compile"
    if next(_places(context)).type == "cuda":
        if find_spec("triton") is None:
            return fault(f"{runs}, but triton is not installed", PYPI)
        compilers = [os.environ["CC"]] if "CC" in os.environ else ["cc", "gcc", "clang"]
    else:
        compilers = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++"]
    found = next((path for path in map(shutil.which, compilers) if path), None)
    if found is None:
        return fault(f"{runs}, but there is no compiler ({shorten(compilers)})", "install one, or set compile: false")
    return ok(f"{found}, for {runs}")


@checker()
def several_gpus(context: Context) -> Check:
    """Return whether processes can train together, if any run has several GPUs."""
    from torch import distributed

    runs = [run for run, entry in context.resources.items() if entry["gpus"] > 1]
    if not runs:
        return ok("not needed: every run takes one GPU")
    most = max(context.resources[run]["gpus"] for run in runs)
    wanted = f"{len(runs)} of {len(context.resources)} runs take up to {most} GPUs"
    if not distributed.is_available() or find_spec("torch.distributed.run") is None:
        return fault(f"{wanted}, but this torch has no torchrun", f"{PYPI}; or set gpus: 1 in profiles/resources.yaml")
    if context.wants_gpu and not distributed.is_nccl_available():
        level = fault if context.device == "cuda" else warning
        return level(f"{wanted}, but this torch has no NCCL", f"{PYPI}; or set gpus: 1 in profiles/resources.yaml")
    if shutil.which("torchrun") is None:
        return warning(
            f"{wanted}; torchrun is not on PATH", "`onshell train` starts it anyway; by hand, activate first"
        )
    return ok(f"{wanted}; torchrun is here, with {'NCCL' if distributed.is_nccl_available() else 'Gloo'}")


def _per_node(entry: dict[str, int]) -> int:
    """Return how many GPUs a run has on a node."""
    return entry["gpus"] // entry["nodes"]


def _places(context: Context) -> Iterator["torch.device"]:
    """Yield every GPU, or the processor where there is none or it is asked for."""
    import torch

    number = torch.cuda.device_count() if context.device != "cpu" and torch.cuda.is_available() else 0
    yield from (torch.device("cuda", index) for index in range(number))
    if not number:
        yield torch.device("cpu")


def _on_a_node(context: Context) -> str:
    """Return how to look at a GPU node of the profile."""
    flags = {"slurm_partition": "--partition", "slurm_account": "--account"}
    words = [f"{flag}={values[0]}" for key, flag in flags.items() if (values := context.values(key))]
    return f"check on a GPU node: {' '.join(['srun', *words, '--gpus=1'])} onshell doctor --device cuda"


def _why_none(context: Context) -> tuple[str, str]:
    """Return why torch sees no GPU, and what to do."""
    import torch

    if torch.version.cuda is None:
        return "is built without CUDA", PYPI
    try:
        torch.cuda.init()
    except Exception as error:  # torch and its driver raise errors of many types
        why = "says: " + " ".join(str(error).split())
        if "too old" in why:
            return f"{why:.120}", "ask for a newer driver, or install a torch for an older CUDA"
        return f"{why:.120}", _on_a_node(context)
    return "starts CUDA, which shows none", "ask the batch system for one: srun --gpus=1; see CUDA_VISIBLE_DEVICES"
