"""Any two samples of events compared, whoever made them: two models, two generators, data and a model."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onshell.core.errors import OnshellError
from onshell.evaluation import floors
from onshell.evaluation.features import exchangeable
from onshell.evaluation.floors import Pool, Replicates, Source
from onshell.evaluation.metrics import Protocol, SamplePair, measure
from onshell.evaluation.reporting import report, uncertainties
from onshell.evaluation.truth import check_same_kind
from onshell.evaluation.weights import COLUMNS, Weights, weights_of
from onshell.events.lhe.importing import Settings, import_file
from onshell.events.table import Events, read_events, read_metadata

PARQUET = b"PAR1"
ENERGY = 1e-3
"""Relative difference of two E_cm from which on they are different."""


@dataclass(frozen=True)
class Comparison:
    """How two samples are compared: replicates of the floor, those that the classifier is trained for, and the seed."""

    replicates: int = 10
    classified: int = 3
    seed: int = 0


def read_sample(path: Path) -> Events:
    """Return the events of an event table or Les Houches file: of a table with parts those held out, if there are any.

    Raises
    ------
    OnshellError
        One line for a file that is neither, has no events, or holds points of q-space.
    """
    try:
        with path.open("rb") as handle:
            table = handle.read(len(PARQUET)) == PARQUET
    except OSError as error:
        raise OnshellError(f"{path}: cannot be read ({error.strerror}); name an event table or a .lhe file") from error
    if not table:
        with tempfile.TemporaryDirectory() as folder:
            import_file(path, Path(folder, f"{path.name.partition('.')[0]}.parquet"), Settings(held_out=0.0))
            return _read(next(Path(folder).iterdir()), path, None)
    first, last = (read_metadata(path).get("split") or {}).get("test", (0, 0))
    return _read(path, path, "test" if last > first else None)


def _read(table: Path, path: Path, rows: str | None) -> Events:
    """Return the `rows` of the `table` of events that came in the file `path`."""
    found = read_events(table, space=None, rows=rows, columns=COLUMNS)
    if found.space == "q":
        raise OnshellError(f"{path}: holds points of q-space; compare events of phase space")
    if len(found) < 4:
        raise OnshellError(f"{path}: {len(found)} events are too few to compare; give 4 or more")
    return found


def check_comparable(paths: tuple[Path, Path], a: Events, b: Events) -> None:
    """Raise unless both are of as many particles, and of one E_cm where both say which."""
    if a.n_particles != b.n_particles:
        raise OnshellError(
            f"{paths[0]}: events of {a.n_particles} particles, {paths[1]} of {b.n_particles}; "
            "compare events of as many particles"
        )
    check_same_kind(paths, a, b)
    energies = [one.metadata["lhe"]["e_cm"] for one in (a, b) if "lhe" in one.metadata]
    if len(energies) == 2:
        (low, high), (other_low, other_high) = energies
        if low > other_high * (1 + ENERGY) or other_low > high * (1 + ENERGY):
            raise OnshellError(
                f"{paths[0]}: E_cm {low:.6g} to {high:.6g} GeV, {paths[1]}: {other_low:.6g} to {other_high:.6g} GeV; "
                "compare events of one energy"
            )


def law(a: Events, b: Events) -> tuple[str, bool | None]:
    """Return process and meaning of the order of particles that suit both samples.

    The order means nothing where it means nothing in one of the two.
    """
    sides = [(one.metadata.get("process", ""), one.metadata.get("ordered")) for one in (a, b)]
    if sides[0] == sides[1]:
        return sides[0]
    process = sides[0][0] if sides[0][0] == sides[1][0] else ""
    free = any(exchangeable(name, a.n_particles, ordered) for name, ordered in sides)
    return process, False if free else None


def compare_events(a: Events, b: Events, options: Comparison = Comparison()) -> dict[str, Any]:
    """Return the metrics of events `a` beside events `b`, as in metrics/<run>.json without its header.

    The floor is the law that all distances would follow if both samples were of one: they are pooled, and the pool is
    divided at random into two of their sizes.
    """
    process, ordered = law(a, b)
    weights = weights_of(a, "A"), weights_of(b, "B")
    pair = SamplePair(a.momenta.double(), b.momenta.double(), process, weights, ordered)
    protocol = Protocol(options.seed, splits=5, extended=True)
    measured = measure(pair, protocol, ("compare",))
    pool = Pool(torch.cat([pair.sample, pair.truth]), _joined(weights, pair.sizes))
    metadata: Mapping[str, Any] = {"process": process} | ({} if ordered is None else {"ordered": ordered})
    source = Source("compare", metadata, pool)
    values = floors.floor(source, pair.sizes, protocol, Replicates(options.replicates, options.classified))
    counts = {"sample": len(a), "truth": len(b), "replicates": options.replicates, "splits": protocol.splits}
    return report(pair.sample, measured, values, counts, uncertainties(pair, extended=True))


def _joined(weights: tuple[Weights, Weights], sizes: tuple[int, int]) -> Weights:
    """Return the weights of the pool of two samples, each scaled to a mean of 1; None where no sample has any."""
    if all(one is None for one in weights):
        return None
    sides = zip(weights, sizes, strict=True)
    return np.concatenate([np.ones(n) if one is None else one / one.mean() for one, n in sides])
