"""A Les Houches file as an event table: streamed, judged, boosted, scaled, and split into parts."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.core.provenance import identity
from onshell.core.rng import stream
from onshell.events.lhe.arrays import EVENT, PARTICLE, Fault, Gathered, Shape, gather
from onshell.events.lhe.checks import Limits, judge
from onshell.events.lhe.documents import Documents
from onshell.events.lhe.frames import beam_axis, to_cm
from onshell.events.lhe.parse import read_events
from onshell.events.lhe.particles import Slots, slots
from onshell.events.lhe.spool import Spool
from onshell.events.lhe.tally import Tally
from onshell.events.table import Chunk, read_metadata, write_events

CHUNK = 4096
"""Events that are read at once; what is drawn at random is drawn in such chunks."""

ADVICE = {
    "massive": "the models are those of massless particles: take others with --particles, raise --massless",
    "another number of particles": "take as many of each with --particles",
    "particles not found": "name others with --particles",
}
"""What to do about events that are as they should be, and yet cannot be taken."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Settings:
    """How a Les Houches file is imported.

    `particles` are the places of an event (`particles.slots`), None for all final particles as they stand; `shuffle`
    puts those of every event into a random order. `held_out` is the share of events that no model will see,
    `final` that of these which no choice of settings will see; `train` and `test` are the most events of the training
    part and of each of the others.
    """

    particles: str | None = None
    shuffle: bool = False
    n_particles: int | None = None
    limits: Limits = field(default_factory=Limits)
    unweighted: bool = False
    skip_bad: bool = False
    held_out: float = 0.2
    final: float = 0.0
    train: int | None = None
    test: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise unless shares are shares and numbers of events are such."""
        for part, share in (("held-out", self.held_out), ("final", self.final)):
            if not 0.0 <= share < 1.0:
                raise OnshellError(f"{part} share: {share:g}; give a number from 0 to below 1, such as 0.2")
        for name, value, least in (
            ("n-particles", self.n_particles, 2),
            ("train", self.train, 0),
            ("test", self.test, 0),
        ):
            if value is not None and value < least:
                raise OnshellError(f"{name}: {value}; give {least} or more")
        if self.train == self.test == 0:
            raise OnshellError("train and test are both 0; ask for one event at least")


def import_file(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    dataset: str | None = None,
    process: str | None = None,
    config_hash: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the metadata of the event table `out`, made from the Les Houches file `source`, or several of one process.

    A file may be a pipe, and `-` is standard input; it may be compressed by gzip, bzip2, xz, zstd or lz4.
    The train part comes first, the test part, a random share of the events, second; in both the order is that of the
    file, and `event` is the number of an event in the file, from 0. Memory does not grow with the file.

    Raises
    ------
    OnshellError
        One line for a file that is not one, no good event in it, or, unless bad events are skipped, the first of these.
    """
    sources = [Path(source)] if isinstance(source, str | os.PathLike) else [Path(path) for path in source]
    out, settings = Path(out), settings or Settings()
    if out.resolve() in [path.resolve() for path in sources]:
        raise OnshellError(f"{out}: is the input itself; choose another name for the output")
    chosen = slots(settings.particles) if settings.particles else None
    if chosen and settings.n_particles not in (None, len(chosen.ids)):
        raise OnshellError(
            f"particles {settings.particles!r}: names {len(chosen.ids)} where {settings.n_particles} are expected"
        )
    # Without a dataset the events depend on the file alone, not on the name of the table that they go to.
    name, tally = dataset or "", Tally()
    shape = Shape(chosen, settings.n_particles or (chosen and len(chosen.ids)))
    with Documents(sources) as files, Spool(out) as spool:
        spool.write(_events(files, shape, settings, name, tally, progress))
        tally.check(files.where)
        rows = split_rows(tally.kept, settings, name)
        if progress is not None:
            progress(tally.kept, tally.kept)
        metadata = _metadata(files, dataset or out.stem, process or dataset or out.stem, settings, tally, shape, rows)
        metadata["config_hash"] = config_hash
        write_events(out, _parts(spool, rows), metadata)
    return read_metadata(out)


def split_rows(n: int, settings: Settings, name: str) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of the good events in each part, ascending: random shares of `n` are held out."""
    order = stream(settings.seed, "import", name, "split").permutation(n)
    held = min(max(1, round(settings.held_out * n)), n - 1) if settings.held_out else 0
    final = min(max(1, round(settings.final * held)), held - 1) if settings.final else 0
    if settings.final and final < 1:
        raise OnshellError(f"final share: {held} held-out events cannot be divided; hold more of them out")
    test, train = (n if most is None else most for most in (settings.test, settings.train))
    parts = {"train": order[held:][:train], "test": order[: held - final][:test]}
    parts |= {"final": order[held - final : held][:test]} if final else {}
    return {name: np.sort(rows) for name, rows in parts.items()}


def _events(
    files: Documents,
    shape: Shape,
    settings: Settings,
    name: str,
    tally: Tally,
    progress: Progress | None,
) -> Iterator[Chunk]:
    """Yield the good events of the files with their columns; raise at the first bad one unless they are skipped."""
    blocks = files.blocks()
    for chunk in iter(lambda: list(islice(blocks, CHUNK)), []):
        found, unread = gather(chunk, read_events(chunk), shape)
        good, more = judge(found, files.init, settings.limits)
        faults = sorted([*unread, *more], key=lambda fault: fault.block.number)
        for fault in faults:
            _drop(fault, settings.skip_bad, tally)
        tally.weigh(found, good, unread)
        tally.events += len(chunk)
        found = found.of(good)
        if len(found):
            order = _order(found, chunk[0].number, settings, name)
            p, columns = _converted(found, order, settings.unweighted)
            tally.add(columns, found.left_out)
            files.weigh(columns["event"], columns["weight"])
            yield p, columns
        if progress is not None:
            progress(tally.events, max(tally.events + 1, round(tally.events / max(files.share, 1e-9))))


def _drop(fault: Fault, skip: bool, tally: Tally) -> None:
    """Count a bad event, or raise the error that tells of it."""
    where = f"{fault.block.place}: {fault.words}"
    if not skip:
        advice = ADVICE.get(fault.kind, "mend the file")
        raise OnshellError(f"{fault.block.where}: {where}; {advice}, or leave such events out with --skip-bad")
    tally.dropped[fault.kind] += 1
    tally.example.setdefault(fault.kind, where)


def _order(found: Gathered, first: int, settings: Settings, name: str) -> NDArray[np.int64] | None:
    """Return a random order of the particles of each event [n, N], or None where they stay as they are."""
    if not settings.shuffle:
        return None
    drawn = stream(settings.seed, "import", name, "shuffle", first // CHUNK).random((CHUNK, found.momenta.shape[1]))
    return drawn[found.columns["event"] - first].argsort(axis=1)


def _converted(
    found: Gathered, order: NDArray[np.int64] | None, unweighted: bool
) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Return momenta [n, N, 3] in the centre-of-mass frame at E_cm = 1, and the columns to go back by."""
    p, e_cm, back = to_cm(found)
    own = found.columns
    particles = {name: own[name] for name in PARTICLE}
    if order is not None:
        p = p.take_along_dim(torch.from_numpy(order)[..., None], 1)
        particles = {name: np.take_along_axis(values, order, 1) for name, values in particles.items()}
    columns = {"event": own["event"], **{name: own[name] for name in EVENT}}
    if unweighted:
        columns["weight"] = np.ones(len(found))
    columns |= {"e_cm": e_cm} | {f"boost_{axis}": back[:, i].copy() for i, axis in enumerate("xyz")} | particles
    if "in_id" in own:
        axes = beam_axis(found, back)
        columns |= {f"beam_{axis}": axes[:, i].copy() for i, axis in enumerate("xyz")}
        columns |= {f"in_{name}": own[f"in_{name}"] for name in PARTICLE}
    return p, columns


def _parts(spool: Spool, rows: dict[str, NDArray[np.int64]]) -> Iterator[Chunk]:
    """Yield the rows of each part of the events laid aside, part after part."""
    for part in rows.values():
        first = 0
        for momenta, columns in spool.chunks():
            low, high = np.searchsorted(part, [first, first + len(momenta)])
            here = part[low:high] - first
            yield momenta[torch.from_numpy(here)], {key: values[here] for key, values in columns.items()}
            first += len(momenta)


def _metadata(
    files: Documents,
    name: str,
    process: str,
    settings: Settings,
    tally: Tally,
    shape: Shape,
    rows: dict[str, NDArray[np.int64]],
) -> dict[str, Any]:
    """Return what the table says of itself, of its file, and of what was done to it."""
    ends = [0, *accumulate(map(len, rows.values()))]
    chosen: Slots | None = shape.slots
    meaning = tally.distinct if chosen is None else chosen.ordered
    return {
        "dataset": name,
        "process": process,
        "cutoff": None,
        "e_cm": 1.0,
        "seed": settings.seed,
        "split": {part: list(ends) for part, ends in zip(rows, pairwise(ends), strict=True)},
        "augmentation": None,
        "conserves": True,
        "ordered": meaning and not settings.shuffle,
        "lhe": {
            "file": files.name,
            **files.joined(),
            "incoming": shape.n_incoming,
            "particles": list(chosen.words) if chosen else None,
            "shuffled": settings.shuffle,
            "limits": asdict(settings.limits),
            "held_out": settings.held_out,
            **({"final": settings.final} if settings.final else {}),
            **tally.summary(settings.unweighted),
        },
        **identity(),
    }
