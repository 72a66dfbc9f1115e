"""A Les Houches file as an event table: streamed, checked, boosted, scaled, and split into parts."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onshell.core.errors import OnshellError
from onshell.core.files import reason
from onshell.core.provenance import identity
from onshell.core.rng import stream
from onshell.events.lhe.arrays import EVENT, PARTICLE, Arrays, Fault, Shape, to_arrays
from onshell.events.lhe.checks import Limits, check_events
from onshell.events.lhe.counts import Counts
from onshell.events.lhe.documents import Documents
from onshell.events.lhe.frames import beam_axis, to_cm
from onshell.events.lhe.select import selection
from onshell.events.table import Chunk, read_metadata, write_events

CHUNK = 4096
"""Events that are read at once; what is drawn at random is drawn in such chunks."""

ADVICE = {
    "another number of particles": "take as many of each with --particles",
    "particles not found": "name others with --particles",
}
"""What to do about events that are as they should be, and yet cannot be taken."""

Progress = Callable[[int, int], None]
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Settings:
    """How a Les Houches file is imported, and what the table says that it is.

    `particles` are those to take (`select.selection`), None for all final particles as they stand; `shuffle` puts those
    of every event into a random order. `held_out` is the share of events that no model will see, `final` that of these
    which no choice of settings will see; `train` and `test` are the most events of the training part and of each of the
    others. `dataset` and `process` are names for the metadata, the table's own by default.
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
    dataset: str | None = None
    process: str | None = None
    config_hash: str | None = None

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

    def shape(self) -> Shape:
        """Return what is known of the events before the first is read."""
        if not self.particles:
            return Shape(None, self.n_particles)
        chosen = selection(self.particles)
        if self.n_particles not in (None, len(chosen.ids)):
            raise OnshellError(
                f"particles {self.particles!r}: names {len(chosen.ids)} where {self.n_particles} are expected"
            )
        return Shape(chosen, len(chosen.ids))

    def stream(self, *names: str | int) -> np.random.Generator:
        """Return a stream of random numbers; without a dataset the events depend on the file alone."""
        return stream(self.seed, "import", self.dataset or "", *names)


def import_file(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
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
    run = _Import(settings, settings.shape(), Counts(), progress)
    with Documents(sources) as files, Spool(out) as spool:
        spool.write(run.events(files))
        run.counts.check(files.where)
        kept = run.counts.kept
        rows = split_rows(kept, settings)
        if progress is not None:
            progress(kept, kept)
        write_events(out, _parts(spool, rows, 4 if run.massive else 3), run.metadata(files, out.stem, rows))
    return read_metadata(out)


def split_rows(n: int, settings: Settings) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of the good events in each part, ascending: random shares of `n` are held out."""
    order = settings.stream("split").permutation(n)
    held = min(max(1, round(settings.held_out * n)), n - 1) if settings.held_out else 0
    final = min(max(1, round(settings.final * held)), held - 1) if settings.final else 0
    if settings.final and final < 1:
        raise OnshellError(f"final share: {held} held-out events cannot be divided; hold more of them out")
    test, train = (n if most is None else most for most in (settings.test, settings.train))
    parts = {"train": order[held:][:train], "test": order[: held - final][:test]}
    parts |= {"final": order[held - final : held][:test]} if final else {}
    return {name: np.sort(rows) for name, rows in parts.items()}


@dataclass
class _Import:
    """An import under way."""

    settings: Settings
    shape: Shape
    counts: Counts
    progress: Progress | None
    massive: bool = False

    def events(self, files: Documents) -> Iterator[Chunk]:
        """Yield the good events of the files with their columns; raise at the first bad one unless they are skipped."""
        blocks, counts = files.blocks(), self.counts
        for chunk in iter(lambda: list(islice(blocks, CHUNK)), []):
            found, unread = to_arrays(chunk, self.shape)
            good, bad = check_events(found, files.init, self.settings.limits)
            for fault in sorted([*unread, *bad], key=lambda fault: fault.block.number):
                self._drop(fault)
            counts.weigh(found, good, unread)
            counts.events += len(chunk)
            found = found.take(good)
            if len(found):
                p, columns = self._converted(found, chunk[0].number)
                counts.add(columns, found.left_out)
                files.weigh(columns["event"], columns["weight"])
                yield p, columns
            if self.progress is not None:
                total = round(counts.events / max(files.share, 1e-9))
                self.progress(counts.events, max(counts.events + 1, total))

    def _drop(self, fault: Fault) -> None:
        """Count a bad event, or raise the error that names it."""
        if not self.settings.skip_bad:
            advice = ADVICE.get(fault.kind, "fix the file")
            where = f"{fault.block.where}: {fault.block.place}"
            raise OnshellError(f"{where}: {fault.words}; {advice}, or leave such events out with --skip-bad")
        self.counts.drop(fault)

    def _converted(self, found: Arrays, first: int) -> tuple[torch.Tensor, Columns]:
        """Return events [n, N, 4] in the centre-of-mass frame at E_cm = 1, and the columns to go back by.

        `first` is the number of the first event that was read with these.
        """
        p, e_cm, back = to_cm(found, self.settings.limits.massless)
        self.massive |= bool((p[..., 3] > 0.0).any())
        kept = found.columns
        particles = {name: kept[name] for name in PARTICLE}
        if self.settings.shuffle:
            drawn = self.settings.stream("shuffle", first // CHUNK).random((CHUNK, found.momenta.shape[1]))
            order = drawn[kept["event"] - first].argsort(axis=1)
            p = p.take_along_dim(torch.from_numpy(order)[..., None], 1)
            particles = {name: np.take_along_axis(values, order, 1) for name, values in particles.items()}
        columns = {"event": kept["event"], **{name: kept[name] for name in EVENT}}
        if self.settings.unweighted:
            columns["weight"] = np.ones(len(found))
        columns |= {"e_cm": e_cm} | {f"boost_{axis}": back[:, i].copy() for i, axis in enumerate("xyz")} | particles
        if "in_id" in kept:
            axes = beam_axis(found, back)
            columns |= {f"beam_{axis}": axes[:, i].copy() for i, axis in enumerate("xyz")}
            columns |= {f"in_{name}": kept[f"in_{name}"] for name in PARTICLE}
        return p, columns

    def metadata(self, files: Documents, name: str, rows: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
        """Return what the table, called `name`, says of itself, of its file, and of what was done to it."""
        settings, chosen = self.settings, self.shape.selection
        ends = [0, *accumulate(map(len, rows.values()))]
        dataset = settings.dataset or name
        return {
            "dataset": dataset,
            "process": settings.process or dataset,
            "cutoff": None,
            "e_cm": 1.0,
            "seed": settings.seed,
            "split": {part: list(ends) for part, ends in zip(rows, pairwise(ends), strict=True)},
            "augmentation": None,
            "conserves": True,
            "ordered": (self.counts.distinct if chosen is None else chosen.ordered) and not settings.shuffle,
            "lhe": {
                "file": files.name,
                **files.joined(),
                "incoming": self.shape.n_incoming,
                "particles": list(chosen.words) if chosen else None,
                "shuffled": settings.shuffle,
                "limits": asdict(settings.limits),
                "held_out": settings.held_out,
                **({"final": settings.final} if settings.final else {}),
                **self.counts.summary(settings.unweighted),
            },
            "config_hash": settings.config_hash,
            **identity(),
        }


def _parts(spool: "Spool", rows: dict[str, NDArray[np.int64]], components: int) -> Iterator[Chunk]:
    """Yield the rows of each part of the spooled events, part after part, with masses if there are 4 `components`."""
    for part in rows.values():
        first = 0
        for momenta, columns in spool.chunks():
            low, high = np.searchsorted(part, [first, first + len(momenta)])
            here = part[low:high] - first
            yield (
                momenta[torch.from_numpy(here), :, :components],
                {key: values[here] for key, values in columns.items()},
            )
            first += len(momenta)


class Spool:
    """Chunks of events in a file without a name, beside the file `out` that they go to; errors name that."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.names: list[list[str]] = []
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            self.file = tempfile.TemporaryFile(dir=out.parent)  # noqa: SIM115
        except OSError as error:
            raise reason(out, error) from error

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, chunks: Iterator[Chunk]) -> None:
        """Write chunks: momenta and columns."""
        for momenta, columns in chunks:
            self.names.append(list(columns))
            try:
                for values in (momenta.numpy(), *columns.values()):
                    np.save(self.file, np.ascontiguousarray(values), allow_pickle=False)
            except OSError as error:
                raise reason(self.out, error) from error

    def chunks(self) -> Iterator[tuple[torch.Tensor, Columns]]:
        """Yield the chunks in their order."""
        self.file.seek(0)
        for names in self.names:
            momenta = torch.from_numpy(np.load(self.file))
            yield momenta, {name: np.load(self.file) for name in names}
