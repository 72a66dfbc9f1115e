"""What `onshell generate` and `onshell embed` do: whole files from whole files, with their metadata."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onshell.core.errors import OnshellError
from onshell.core.provenance import identity
from onshell.events.augment import Frames, embed_chunks, frames
from onshell.events.parquet import Table
from onshell.events.table import ROWS, Events, iter_events, read_metadata, split, write_events
from onshell.physics import generators, rambo

Progress = Callable[[int, int], None]


def generate_file(
    out: str | os.PathLike[str],
    *,
    dataset: str,
    process: str,
    generator: str,
    parameters: Mapping[str, Any],
    cutoff: float | None = None,
    n_train: int,
    n_test: int,
    n_final: int = 0,
    seed: int,
    e_cm: float = 1.0,
    config_hash: str | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the metadata of the truth table written to `out`: `n_train` events of `dataset`, then `n_test` events.

    The splits are streams of their own, (dataset, "train") and so on: the test events stay the same when the number of
    training events changes. A third, "final", follows where `n_final` asks for it: truth for tables that are
    published. The metadata says how to draw more truth that is independent of all:
    ``generators.events(generator, n, seed=seed, name=(dataset, "anything else"), **parameters)``.
    """
    sizes = {"train": n_train, "test": n_test, "final": n_final}
    for key, value in sizes.items():
        if type(value) is not int or not 0 <= value < 2**63:
            raise OnshellError(f"n_{key}: {value!r} is not a number of events that a table can have; give 0 or more")
    if not any(sizes.values()):
        raise OnshellError(f"{out}: n_train, n_test and n_final are all 0; ask for one event at least")
    if e_cm != 1:
        raise OnshellError(f"e_cm: {e_cm!r}: event tables hold momenta in units of E_cm; use 1 and scale afterwards")
    if not n_final:
        del sizes["final"]
    names = {part: [dataset, part] for part in sizes}
    ends = [0, *accumulate(sizes.values())]
    metadata = {
        "dataset": dataset,
        "process": process,
        "cutoff": cutoff,
        "e_cm": 1.0,
        "seed": seed,
        "generator": generator,
        "parameters": dict(parameters),
        "stream": names,
        "split": {part: list(rows) for part, rows in zip(sizes, pairwise(ends), strict=True)},
        "augmentation": None,
        "conserves": True,
        "config_hash": config_hash,
        **identity(),
    }
    parts = [
        generators.generate(generator, n, seed=seed, name=tuple(names[part]), threads=threads, **parameters)
        for part, n in sizes.items()
        if n
    ]
    write_events(out, _told(chain.from_iterable(parts), ends[-1], progress), metadata)
    return read_metadata(out)


def embed_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    name: str,
    spec: Mapping[str, Any],
    seed: int,
    process: str | None = None,
    config_hash: str | None = None,
    project: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the metadata of the q-space table `out`: the truth table `source` embedded by the augmentation `spec`.

    Only the split "train" is embedded, or every event of a table without splits (one made elsewhere, say). `process`
    is the metadata's unless given, and "unknown" where there is neither. With `project`, massless events of any frame,
    units or rounding are first boosted to their centre-of-mass frames and scaled to E_cm = 1.
    """
    if Path(out).resolve() == Path(source).resolve():
        raise OnshellError(f"{out}: is the input itself; choose another name for the output")
    with Table(source, "p") as table:
        truth, n_particles = table.metadata, table.n_particles
        rows = split(truth, "train", str(source)) if truth.get("split") else slice(0, table.rows)
    n = rows.stop - rows.start
    if n == 0:
        raise OnshellError(f"{source}: no events to embed; make it with at least one event (in its part 'train')")
    if n_particles < 2:
        raise OnshellError(
            f"{source}: events of {n_particles} massless particle have no phase space; it takes 2 or more"
        )
    chosen: Frames = frames(
        spec, name=name, process=process or truth.get("process", "unknown"), n_particles=n_particles, seed=seed
    )
    made_by = {key: truth[key] for key in ("commit", "version", "config_hash") if key in truth}
    metadata = {
        "e_cm": 1.0,
        **truth,
        "process": chosen.process,
        "split": {"train": [0, n]},
        "augmentation": chosen.metadata(),
        "source": made_by or None,
        "config_hash": config_hash,
        **identity(),
    }
    needed = slice(rows.start, rows.start + chosen.events_needed(n))
    size, check = max(1, ROWS // chosen.copies), "finite" if project else True
    options = {"rows": needed, "columns": ("weight",), "size": size, "check": check}
    chunks = iter_events(source, space="p", n_particles=n_particles, **options)
    chunks = _rising(chunks, str(source))
    if project:
        chunks = _projected(chunks, str(source), needed.start)
    write_events(out, _told(embed_chunks(chunks, chosen, n), n, progress), metadata, space="q")
    return read_metadata(out)


def _projected(chunks: Iterable[Events], where: str, first: int) -> Iterator[Events]:
    """Yield the events of `chunks`, of which the first is row `first`, in their centre-of-mass frames at E_cm = 1."""
    for chunk in chunks:
        try:
            yield replace(chunk, momenta=rambo.to_p(chunk.momenta))
        except OnshellError as error:
            raise OnshellError(f"{where}: of the events from {first} on, {error}") from error
        first += len(chunk)


def _told(chunks: Iterable[Any], n: int, progress: Progress | None) -> Iterator[Any]:
    """Yield `chunks`, calling ``progress(done, n)`` after each has been taken over."""
    done = 0
    for chunk in chunks:
        yield chunk
        momenta: torch.Tensor = chunk[0] if isinstance(chunk, tuple) else chunk
        done += len(momenta)
        if progress is not None:
            progress(done, n)


def _rising(chunks: Iterable[Events], source: str) -> Iterator[Events]:
    """Yield the chunks of a table; raise where the numbers of its events, which a training set keeps, fall."""
    last = np.empty(0, np.int64)
    for chunk in chunks:
        numbers = np.concatenate([last, chunk.columns["event"]])
        if (np.diff(numbers) < 0).any():
            raise OnshellError(
                f"{source}: its column event does not rise, so that nobody can find the events of a training set in "
                "it; sort the table by event, or leave that column out"
            )
        last = numbers[-1:]
        yield chunk
