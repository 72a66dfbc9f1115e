"""Named random streams: every random draw in the package comes from one of these.

A stream is named by a seed and a path of words and integers, such as ``(7, "generate", "muon", 12)``. Streams of
different names are independent; the same name always gives the same numbers, whatever ran before, on any number of
threads, processes or machines.
"""

import hashlib
import operator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def _entropy(seed: int, names: tuple[str | int, ...]) -> list[int]:
    """Return eight 32-bit words that depend on the seed and on every name."""
    words = (f"str:{name}" if isinstance(name, str) else f"int:{operator.index(name)}" for name in names)
    path = "/".join([str(operator.index(seed)), *words])
    words32: list[int] = np.frombuffer(hashlib.sha256(path.encode()).digest(), dtype="<u4").tolist()
    return words32


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the NumPy generator of the stream `names` under `seed`."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(_entropy(seed, names))))


def torch_stream(seed: int, *names: str | int, device: str = "cpu") -> "torch.Generator":
    """Return the torch generator of the stream `names` under `seed`, on `device`."""
    import torch

    words = _entropy(seed, names)
    return torch.Generator(device=device).manual_seed(words[0] | (words[1] & 0x7FFFFFFF) << 32)
