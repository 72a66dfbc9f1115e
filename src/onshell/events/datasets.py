"""Truth tables and training sets: whole files, with their metadata (`onshell generate` and `onshell embed`)."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onshell.core.errors import OnshellError
from onshell.core.provenance import identity
from onshell.events.augment import embed_chunks, frames
from onshell.events.parquet import Table
from onshell.events.table import ROWS, Events, iter_events, read_metadata, split, write_events
from onshell.physics import generators, masses

Progress = Callable[[int, int], None]

SAME_MASS = 1e-6
"""Masses of one place that differ by less, in units of E_cm, differ by rounding."""


@dataclass(frozen=True)
class Truth:
    """What a truth table holds: the events of a generator of one process, in up to three parts.

    `parameters` are those of the generator, `cutoff` is for the record; `n_train`, `n_test` and `n_final` are numbers
    of events.
    """

    dataset: str
    process: str
    generator: str
    parameters: Mapping[str, Any]
    seed: int
    n_train: int
    n_test: int
    n_final: int = 0
    cutoff: float | None = None
    config_hash: str | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """Return the number of events in each part; the third is left away where nobody asks for it."""
        return {"train": self.n_train, "test": self.n_test} | ({"final": self.n_final} if self.n_final else {})


@dataclass(frozen=True)
class Embedding:
    """How a training set is made: the augmentation `spec`, called `name`, and the seed of its frames.

    `process` is that of the truth's metadata unless given, and "unknown" where there is neither. With `project`,
    massless events of any frame, units or rounding are first boosted to their centre-of-mass frames and scaled to
    E_cm = 1.
    """

    name: str
    spec: Mapping[str, Any]
    seed: int
    process: str | None = None
    config_hash: str | None = None
    project: bool = False


def generate_file(
    out: str | os.PathLike[str], truth: Truth, *, threads: int = 1, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the metadata of the truth table written to `out`: the training events, then the test events.

    Each part has its own stream, (dataset, "train") and so on: the test events stay the same when the number of
    training events changes. A third, "final", follows where `n_final` asks for it: truth for tables that are
    published. The metadata says how to draw more truth that is independent of all:
    ``generators.events(generator, n, seed=seed, name=(dataset, "anything else"), **parameters)``.

    Raises
    ------
    OnshellError
        One line for numbers of events that a table cannot have, an unknown generator, or a file that cannot be written.
    """
    for key in ("n_train", "n_test", "n_final"):
        n = getattr(truth, key)
        if type(n) is not int or not 0 <= n < 2**63:
            raise OnshellError(f"{key}: {n!r} is not a number of events that a table can have; give 0 or more")
    sizes = truth.sizes
    if not any(sizes.values()):
        raise OnshellError(f"{out}: n_train, n_test and n_final are all 0; ask for one event at least")
    ends = [0, *accumulate(sizes.values())]
    metadata = {
        "dataset": truth.dataset,
        "process": truth.process,
        "cutoff": truth.cutoff,
        "e_cm": 1.0,
        "seed": truth.seed,
        "generator": truth.generator,
        "parameters": dict(truth.parameters),
        "stream": {part: [truth.dataset, part] for part in sizes},
        "split": {part: list(rows) for part, rows in zip(sizes, pairwise(ends), strict=True)},
        "augmentation": None,
        "conserves": True,
        "config_hash": truth.config_hash,
        **identity(),
    }
    options = {"seed": truth.seed, "threads": threads, **truth.parameters}
    parts = [
        generators.generate(truth.generator, n, name=(truth.dataset, part), **options) for part, n in sizes.items() if n
    ]
    write_events(out, _counted(chain.from_iterable(parts), ends[-1], progress), metadata)
    return read_metadata(out)


def embed_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    embedding: Embedding,
    *,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the metadata of the q-space table `out`: the truth table `source` in the frames of an augmentation.

    Only the split "train" is embedded, or every event of a table without splits (one made elsewhere, say).

    Raises
    ------
    OnshellError
        One line for a table without events, with bad ones or with events in another order.
    """
    if Path(out).resolve() == Path(source).resolve():
        raise OnshellError(f"{out}: is the input itself; choose another name for the output")
    with Table(source, "p") as table:
        truth, n_particles, massive = table.metadata, table.n_particles, table.massive
        rows = split(truth, "train", str(source)) if truth.get("split") else slice(0, table.rows)
    n = rows.stop - rows.start
    if n == 0:
        raise OnshellError(f"{source}: no events to embed; make it with at least one event (in its part 'train')")
    if n_particles < 2:
        raise OnshellError(
            f"{source}: events of {n_particles} massless particle have no phase space; it takes 2 or more"
        )
    fixed = {"masses": masses_by_place(source, rows, embedding.project)} if massive else {}
    process = embedding.process or truth.get("process", "unknown")
    chosen = frames(embedding.spec, name=embedding.name, process=process, n_particles=n_particles, seed=embedding.seed)
    made_by = {key: truth[key] for key in ("commit", "version", "config_hash") if key in truth}
    metadata = {
        "e_cm": 1.0,
        **truth,
        "process": process,
        "split": {"train": [0, n]},
        "augmentation": chosen.metadata(),
        "source": made_by or None,
        **fixed,
        "config_hash": embedding.config_hash,
        **identity(),
    }
    needed = slice(rows.start, rows.start + chosen.events_needed(n))
    size, check = max(1, ROWS // chosen.copies), "finite" if embedding.project else True
    chunks = iter_events(source, space="p", rows=needed, columns=("weight",), size=size, check=check)
    chunks = _in_order(chunks, str(source))
    if embedding.project:
        chunks = _projected(chunks, str(source), needed.start)
    write_events(out, _counted(embed_chunks(chunks, chosen, n), n, progress), metadata, space="q")
    return read_metadata(out)


def masses_by_place(source: str | os.PathLike[str], rows: slice | str | None, project: bool = False) -> list[float]:
    """Return the mass of each place, in units of E_cm, that the massive events `rows` of the table `source` share.

    Raises
    ------
    OnshellError
        Where they differ: models are of events of one set of masses.
    """
    check = "finite" if project else True
    chunks: Iterable[Events] = iter_events(source, space="p", rows=rows, columns=(), check=check)
    if project:
        chunks = _projected(chunks, str(source), 0)
    edges = [
        torch.stack([chunk.momenta[..., 3].amin(0), chunk.momenta[..., 3].amax(0)]) for chunk in chunks if len(chunk)
    ]
    low, high = torch.stack(edges)[:, 0].amin(0), torch.stack(edges)[:, 1].amax(0)
    if ((high - low) > SAME_MASS).any():
        place = int((high - low).argmax())
        raise OnshellError(
            f"{source}: the mass of particle {place + 1} is not the same in all events ({float(low[place]):.6g} to "
            f"{float(high[place]):.6g} E_cm), and models are of one mass for each place: where E_cm differs, masses in "
            "its units do; import events of one energy and of one order of particles (--particles), or raise --massless"
        )
    return (0.5 * (low + high)).tolist()


def _projected(chunks: Iterable[Events], where: str, first: int) -> Iterator[Events]:
    """Yield the events of `chunks`, of which the first is row `first`, in their centre-of-mass frames at E_cm = 1."""
    for chunk in chunks:
        try:
            yield replace(chunk, momenta=masses.project(chunk.momenta))
        except OnshellError as error:
            raise OnshellError(f"{where}: of the events from {first} on, {error}") from error
        first += len(chunk)


def _counted(chunks: Iterable[Any], n: int, progress: Progress | None) -> Iterator[Any]:
    """Yield `chunks`, calling ``progress(done, n)`` after each has been taken over."""
    done = 0
    for chunk in chunks:
        yield chunk
        momenta: torch.Tensor = chunk[0] if isinstance(chunk, tuple) else chunk
        done += len(momenta)
        if progress is not None:
            progress(done, n)


def _in_order(chunks: Iterable[Events], source: str) -> Iterator[Events]:
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
