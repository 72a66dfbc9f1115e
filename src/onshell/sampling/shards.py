"""A sampling dealt out: to jobs, which draw a shard of its blocks each, and to the processes of a machine."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from onshell.core.errors import OnshellError
from onshell.core.files import write_json
from onshell.core.progress import Progress
from onshell.training.device import choose_device


@dataclass(frozen=True)
class Shard:
    """Shard `number`, 1 ... `of`: its blocks are those whose turn it is when blocks are dealt round."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def deal(self, blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the blocks (k, size) of this shard."""
        return list(blocks[self.number - 1 :: self.of])


def read_shard(text: str) -> Shard:
    """Return the shard that `text` means, such as 2/3."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise OnshellError(f"--shard {text}: write k/K, shard k = 1 ... K of K, such as 2/3")
    return Shard(int(match[1]), int(match[2]))


def write_receipt(
    path: Path, shard: Shard, blocks: Sequence[tuple[int, int]], settings: Mapping[str, Any], means: Mapping[str, Any]
) -> Path:
    """Return `path`, a file that says which blocks of a sampling with `settings` are drawn, and by what `means`."""
    content = {
        "shard": shard.number,
        "shards": shard.of,
        "blocks": [k for k, _ in blocks],
        "seed": settings["seed"],
        "model": settings["model"],
        "settings": dict(settings),
        "means": dict(means),
    }
    write_json(path, content)
    return path


def devices(name: str, processes: int, progress: Progress) -> list[torch.device]:
    """Return the device of each process of a sampling that asks for `processes` of them on the device called `name`.

    On CUDA they take a GPU each. For auto there are as many processes as GPUs, if these are fewer, and one without any;
    for cpu and cuda there are exactly as many as asked for.

    Raises
    ------
    OnshellError
        For a device that is not there, and for more processes on cuda than there are GPUs.
    """
    if processes < 1:
        raise OnshellError(f"--processes {processes}: ask for 1 or more")
    where = choose_device(name)
    if processes == 1 or (where.type == "cpu" and name != "auto"):
        return [where] * processes
    if where.type == "cpu":
        progress(f"no GPU here: one process instead of {processes}; --device cpu starts them on the processor")
        return [where]
    if where.index is not None:
        raise OnshellError(
            f"--device {name}: one GPU for {processes} processes, which take one each; use --device cuda"
        )
    gpus = torch.cuda.device_count()
    if gpus < processes and name != "auto":
        raise OnshellError(
            f"--processes {processes}: they take a GPU each, but there are {gpus}; use --processes {gpus}, or ask for "
            "more GPUs"
        )
    if gpus < processes:
        progress(f"GPUs here: {gpus}, so as many processes instead of {processes}")
    return [torch.device("cuda", index) for index in range(min(processes, gpus))]
