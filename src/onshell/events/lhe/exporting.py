"""An event table as a Les Houches file, at any energy and in any frame."""

import gzip
import heapq
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from onshell.core.errors import OnshellError
from onshell.core.files import whole
from onshell.core.provenance import identity
from onshell.events.lhe.arrays import UNKNOWN, UNKNOWN_SPIN
from onshell.events.lhe.cross_sections import Info
from onshell.events.lhe.imported import COLUMNS, Columns, checked, info
from onshell.events.lhe.lending import Template
from onshell.events.lhe.template import Wishes, by_default, energy_of, of_itself
from onshell.events.lhe.weighting import as_imported, as_lent, own_weights, unknown
from onshell.events.lhe.writing import events, init_of, text_format
from onshell.events.parquet import Table
from onshell.events.table import Events, iter_events
from onshell.physics import rambo

if TYPE_CHECKING:
    from pylhe import LHEEvent, LHEInit

SIZE = 8192
"""Events that are turned into text at once."""

LEVEL = 6
"""Of gzip: the next ones take much longer for little."""

Progress = Callable[[int, int], None]


def export_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    template: str | os.PathLike[str] | None = None,
    wishes: Wishes | None = None,
    frame: str = "lab",
    project: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return what the Les Houches file `out` says of itself: the events of the table `source`, in GeV.

    `template` is an imported table whose events lend generated ones what these lack. `frame` is "lab", where imported
    events were, "cm", or a velocity "vx,vy,vz". `project` first puts events of a p-space model on the shell. Events of
    an imported table are written in the order of the file they came from.
    """
    source, out, wishes = Path(source), Path(out), wishes or Wishes()
    wishes.check()
    if not out.name.endswith((".lhe", ".lhe.gz")):
        raise OnshellError(f"{out}: the name of a Les Houches file ends in .lhe or .lhe.gz; choose such a one")
    back = velocity(frame)
    with Table(source, "p") as table:
        metadata, n, rows = table.metadata, table.n_particles, table.rows
        if not rows:
            raise OnshellError(f"{source}: no events to export; give a table with events")
        known, weighted = info(table), "weight" in table.file.schema_arrow.names
    if metadata.get("conserves") is False and not project:
        raise OnshellError(
            f"{source}: events of a p-space model, which do not conserve energy and momentum; put them on the shell "
            "with --project"
        )
    if known:
        _check_whole(known, source)
    own, dependent = own_weights(source, rows, weighted), []
    if template is not None:
        lender = Template(Path(template), n)
        _check_whole(lender.about, lender.path)
        lender.check_same(metadata, source)
        dependent = lender.dependent(wishes, back is not None)
        known, dress = lender.about, lender.lend(wishes, dependent, seed, source.stem)
    else:
        dress = of_itself if known else by_default(n, energy_of(metadata))
    new = known is None or wishes.changes(known)
    weighting = (
        unknown(own) if new else as_imported(known, own) if template is None else as_lent(known, own, lender.path)
    )
    about = {key: metadata[key] for key in ("run", "dataset", "process") if key in metadata}
    about |= {"table": source.name, "like": template and Path(template).name, "frame": frame, "events": rows}
    about |= {"e_cm": wishes.e_cm, "projected": project, "seed": seed, "independent": dependent, **identity()}

    def dressed(chunk: Events) -> Columns:
        columns = chunk.columns if template is not None or not known else checked(chunk.columns, source)
        found = _known(wishes.over(dress(len(chunk), columns), n))
        found["weight"] = weighting.apply(found["weight"])
        if new:
            found["process_id"] = np.ones(len(chunk), np.int64)
        if back is not None:
            found |= {f"boost_{axis}": np.full(len(chunk), value) for axis, value in zip("xyz", back, strict=True)}
        return found

    stream = _told(_merged(source, metadata, project, dressed), rows, progress)
    first = next(stream)
    init = init_of(known, *_beams(first, known, wishes, back), weighting)
    _write(out, _chained(first, stream), about, init)
    return about


def _check_whole(known: Info, where: Path) -> None:
    """Raise if events of an import that left particles out would be written as if they were all there was."""
    if known["left_out"]:
        shown = ", ".join(f"{n} of PDG {number}" for number, n in known["left_out"].items())
        raise OnshellError(
            f"{where}: its import left particles out of the events ({shown}): what is left does not fit the incoming "
            "particles, colour lines and energies; import all of them, or export generated events without --like, with "
            "--ids, --incoming and --e-cm"
        )


def _known(columns: Columns) -> Columns:
    """Return columns in which spins, scales and couplings that are no numbers are unknown."""
    found = dict(columns)
    for name in ("scale", "alpha_qed", "alpha_qcd", "spin", "in_spin"):
        if name in found:
            values = found[name].astype(float)
            found[name] = np.where(np.isfinite(values), values, UNKNOWN_SPIN if name.endswith("spin") else UNKNOWN)
    return found


def velocity(frame: str) -> tuple[float, float, float] | None:
    """Return the boost gamma v of a frame's name: None for "lab", 0 for "cm", else that of "vx,vy,vz"."""
    if frame in ("lab", "cm"):
        return None if frame == "lab" else (0.0, 0.0, 0.0)
    try:
        v = [float(word) for word in frame.split(",")]
        square = sum(c * c for c in v)
    except ValueError:
        v, square = [], math.inf
    if len(v) != 3 or not square < 1.0:
        raise OnshellError(f"--frame {frame}: give lab, cm, or a velocity below that of light, such as 0,0,0.6")
    return tuple(c / math.sqrt(1.0 - square) for c in v)


def _merged(
    source: Path, metadata: Mapping[str, Any], project: bool, dressed: Callable[[Events], Columns]
) -> "Iterator[LHEEvent]":
    """Yield the events of a table; parts of an imported one in the order of the file that they came from."""
    parts = list(metadata.get("split") or {}) if "lhe" in metadata else []
    spans = [slice(*metadata["split"][part]) for part in parts] or [None]

    def numbered(rows: slice | None) -> "Iterator[tuple[int, LHEEvent]]":
        options = {"space": "p", "rows": rows, "size": SIZE, "columns": COLUMNS}
        last = -1
        for chunk in iter_events(source, check="finite" if project else True, **options):
            numbers = chunk.columns["event"]
            if parts and not (np.diff(numbers, prepend=last) > 0).all():
                raise OnshellError(
                    f"{source}: its events are not in the order of their file, or some are there twice: another "
                    "program changed it; give the table that `onshell import` wrote, or import again"
                )
            last = int(numbers[-1])
            p = rambo.to_p(chunk.momenta) if project else chunk.momenta
            yield from zip(numbers.tolist(), events(p, dressed(chunk)), strict=True)

    if len(spans) == 1:
        yield from (event for _, event in numbered(spans[0]))
    else:
        yield from (event for _, event in heapq.merge(*map(numbered, spans), key=lambda pair: pair[0]))


def _write(out: Path, stream: "Iterator[LHEEvent]", about: Mapping[str, Any], init: "LHEInit") -> None:
    """Write a Les Houches file whole; equal events give equal bytes."""
    from pylhe import LHEFile, LHEHeader, LHEInitRWGT

    element = ElementTree.Element("onshell")
    element.text = json.dumps(dict(about), sort_keys=True)
    header = LHEHeader(initrwgt=LHEInitRWGT(), extra_elements=[element])
    file = LHEFile(init=init, header=header, version="3.0", events=stream)
    with whole(out) as part, part.open("wb") as raw:
        if out.suffix == ".gz":
            with gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as packed, io.TextIOWrapper(packed, "utf-8") as text:
                file.write(text, text_format())
                text.write("\n")
        else:
            with io.TextIOWrapper(raw, "utf-8") as text:
                file.write(text, text_format())
                text.write("\n")


def _beams(
    first: "LHEEvent", known: Mapping[str, Any] | None, wishes: Wishes, back: tuple[float, float, float] | None
) -> tuple[list[int], list[float]]:
    """Return PDG numbers and energies of the beams: those of the file the events come from, as far as these still fit.

    Else they are the incoming particles, along z in the frame asked for.
    """
    incoming = [p for p in first.particles if p.status == -1]
    ids = [p.id for p in incoming]
    if known is None or wishes.incoming is not None:
        total = [sum(getattr(p, key) for p in first.particles if p.status == 1) for key in ("e", "px", "py", "pz")]
        e_cm = math.sqrt(max(total[0] ** 2 - sum(c * c for c in total[1:]), 0.0))
        rapidity = math.asinh(total[3] / e_cm)
        return ids, [0.5 * e_cm * math.exp(rapidity), 0.5 * e_cm * math.exp(-rapidity)]
    energies, highest = known["beams"]["energy"], known["e_cm"][1]
    if back is not None:
        rapidity, e_cm = math.asinh(back[2]), 2.0 * math.sqrt(max(energies[0] * energies[1], 0.0)) or highest
        energies = [0.5 * e_cm * math.exp(rapidity), 0.5 * e_cm * math.exp(-rapidity)]
    factor = 1.0 if wishes.e_cm is None else wishes.e_cm / highest
    return known["beams"]["id"], [factor * energy for energy in energies]


def _chained(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    """Yield `first`, then the rest."""
    yield first
    yield from rest


def _told(stream: "Iterator[LHEEvent]", rows: int, progress: Progress | None) -> "Iterator[LHEEvent]":
    """Yield events, calling ``progress(done, rows)`` now and then."""
    for done, event in enumerate(stream, 1):
        yield event
        if progress is not None and (done % SIZE == 0 or done == rows):
            progress(done, rows)
