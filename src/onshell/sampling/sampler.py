"""The blocks of a sampling, drawn by one process."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from onshell.core.custom import fault
from onshell.core.errors import OnshellError
from onshell.models import custom as own
from onshell.sampling import densities
from onshell.sampling.flow import counted
from onshell.sampling.parts import Parts
from onshell.sampling.sample import sample_block
from onshell.training.checkpoint import network_of, read_model
from onshell.training.device import hold_memory


def draw(
    content: Mapping[str, Any],
    path: Path,
    parts: Parts,
    wanted: Iterable[tuple[int, int]],
    *,
    spec: Mapping[str, Any],
    seed: int,
    device: torch.device | str,
    precision: str,
    likelihood: Mapping[str, Any] | None = None,
    network: str | None = None,
) -> Iterator[tuple[int, int]]:
    """Yield each block (k, size) of `wanted` when it lies in `parts`, drawn by the model that the file `path` holds.

    With a `likelihood`, see `densities.wish`, blocks have the columns that it asks for. `network` as in `network_of`.
    A processor draws on one thread, since the last digits of a network can depend on their number.
    """
    where = torch.device(device)
    made, threads = network_of(content, path, where, network=network), torch.get_num_threads()
    hold_memory()
    options = {"seed": seed, "device": where, "fitted": content.get("fitted")}
    made = made.double() if likelihood else made
    try:
        if where.type == "cpu":
            torch.set_num_threads(1)
        for k, size in wanted:
            if not parts.has(k):
                field, evaluations = counted(made)
                with own.at_work(spec, "sampling"), _drawable(path):
                    if likelihood:
                        states = densities.sample_block(field, spec, k, size, wish=likelihood, **options)
                    else:
                        means = {"snapshots": parts.times, "precision": precision}
                        states = sample_block(field, spec, k, size, **means, **options)
                parts.write(k, states, evaluations())
            yield k, size
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _drawable(path: Path) -> Iterator[None]:
    """Say of which model file it is that its settings have other keys or types than sampling takes."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise OnshellError(
            f"{path}: its settings describe nothing that can be sampled ({fault(error)}); train it again"
        ) from error


def read_same_model(path: Path, parts: Parts) -> dict[str, Any]:
    """Return the content of the model file that blocks are drawn from, or raise if it is another by now."""
    content, model = read_named(path)
    if model != parts.settings["model"]:
        raise OnshellError(f"{path}: changed while it was sampled; run again")
    return content


def read_named(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a model file, and twelve hexadecimal digits that depend on every byte of it."""
    model, content = _digest(path), read_model(path)
    # Events must not be drawn from one model under the name of another, which took its place meanwhile.
    if model is None or _digest(path) != model:
        raise OnshellError(f"{path}: changed while it was read; run again")
    return content, model


def _digest(path: Path) -> str | None:
    """Return twelve hexadecimal digits that depend on every byte of a file, or None where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return None
