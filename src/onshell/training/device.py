"""Where and in which precision a network computes."""

import contextlib
from contextlib import AbstractContextManager

import torch

from onshell.core.errors import OnshellError

BF16 = ("amx_bf16", "avx512_bf16")
"""Instructions of processors, as torch calls them, that multiply in bf16 and so train faster in it."""


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`: auto (CUDA if there is any), cpu, cuda or cuda:N."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise OnshellError(f"device: {name!r} is not known; use auto, cpu, cuda or cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise OnshellError(f"device: {name!r} is not supported; use auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise OnshellError(f"device: {name!r} was asked for, but this machine has no CUDA GPU; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise OnshellError(f"device: {name!r} was asked for, but the last GPU is cuda:{torch.cuda.device_count() - 1}")
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """Return "fp32" or "bf16"; "auto" is bf16 where the processor has instructions that multiply in it."""
    if name in ("fp32", "bf16"):
        return name
    if name != "auto":
        raise OnshellError(f"precision: {name!r} is not known; use auto, fp32 or bf16")
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp32"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if any(capabilities.get(name) for name in BF16) else "fp32"


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Return the context in which a network computes in `precision` ("fp32" or "bf16")."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def hold_memory() -> None:
    """Keep freed memory in the process, so that it is not faulted in anew at every step (half of a step's time).

    glibc gives blocks above a threshold back to the system when they are freed, and raises the threshold to the size of
    the largest such block freed so far, up to 32 MB. Elsewhere this does nothing.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
