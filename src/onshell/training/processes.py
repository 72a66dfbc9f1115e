"""The processes that train one model together, as torchrun starts them: one alone, or several that add up gradients."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from onshell.core.errors import OnshellError
from onshell.training.device import choose_device

SHARDS = 12
"""Fixed shares into which events are dealt: each process takes as many, so that the training is always the same."""


@dataclass(frozen=True)
class Team:
    """A process, number `rank` of `size`, among those that train together, and its device."""

    device: torch.device
    rank: int = 0
    size: int = 1

    def sum(self, tensor: Tensor) -> Tensor:
        """Return `tensor` itself, with the sum over all processes in it; every process must call this."""
        if self.size > 1:
            try:
                distributed.all_reduce(tensor)
            except RuntimeError as error:
                raise OnshellError(
                    f"process {self.rank} of {self.size}: lost the others; the first that stopped says why"
                ) from error
        return tensor

    def total(self, number: float) -> float:
        """Return the sum of a `number` over all processes."""
        return self.sum(torch.tensor([number], dtype=torch.float64, device=self.device)).item()

    def wait(self) -> None:
        """Return when every process has come here."""
        self.total(0.0)


@contextlib.contextmanager
def team(device: str = "auto") -> Iterator[Team]:
    """Yield the team of this process: of one, unless torchrun started several; `device` as in `choose_device`.

    Several processes on CUDA take one GPU each, cuda:LOCAL_RANK, and talk by NCCL; on a CPU they talk by Gloo.
    """
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        yield Team(choose_device(device))
        return
    if size < 1 or SHARDS % size:
        raise OnshellError(f"torchrun: {size} processes cannot share twelfths of a batch; start 1, 2, 3, 4, 6 or 12")
    rank, local = _number("RANK"), _number("LOCAL_RANK")
    where = choose_device(device)
    if where.type == "cuda":
        if where.index is not None:
            raise OnshellError(f"device: {device!r} for {size} processes, which take a GPU each; use --device cuda")
        if local >= (gpus := torch.cuda.device_count()):
            raise OnshellError(f"torchrun: a GPU for each process, but this machine has {gpus}; use as many processes")
        where = torch.device("cuda", local)
        torch.cuda.set_device(where)
    try:
        bound = {"device_id": where} if where.type == "cuda" else {}
        distributed.init_process_group("nccl" if where.type == "cuda" else "gloo", rank=rank, world_size=size, **bound)
    except (RuntimeError, ValueError) as error:
        fault = " ".join(str(error).split())
        raise OnshellError(f"torchrun: process {rank} of {size} cannot join the others ({fault:.200})") from error
    try:
        yield Team(where, rank, size)
    finally:
        distributed.destroy_process_group()


def _number(name: str, default: int | None = None) -> int:
    """Return the whole number in the environment variable `name`, which torchrun sets in each process."""
    text = os.environ.get(name, default)
    try:
        return int(text)
    except (TypeError, ValueError):
        raise OnshellError(
            f"{name}: {text!r} in the environment is not what torchrun sets; start with torchrun, or unset WORLD_SIZE"
        ) from None
