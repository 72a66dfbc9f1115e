"""An event table as a Les Houches file, at any energy and in any frame."""

import gzip
import heapq
import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import torch

from onshell.core.errors import OnshellError
from onshell.core.files import whole
from onshell.core.provenance import identity
from onshell.core.rng import stream
from onshell.events.datasets import SAME_MASS
from onshell.events.lhe.arrays import FINAL, INCOMING, PARTICLE, UNKNOWN, UNKNOWN_SPIN
from onshell.events.lhe.frames import to_lab
from onshell.events.lhe.imported import COLUMNS, Columns, checked_columns, info
from onshell.events.lhe.template import Overrides, Template, default_columns
from onshell.events.lhe.weights import (
    Info,
    Weighting,
    imported_weighting,
    table_weights,
    template_weighting,
    unknown_weighting,
)
from onshell.events.parquet import Table
from onshell.events.table import Events, iter_events
from onshell.physics import masses

if TYPE_CHECKING:
    from pylhe import LHEEvent, LHEInit, LHEXMLFormat

SIZE = 8192
"""Events that are turned into text at once."""

LEVEL = 6
"""Of gzip: the next ones take much longer for little."""

Progress = Callable[[int, int], None]


def export_file(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    overrides: Overrides | None = None,
    *,
    template: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return what the Les Houches file `out` says of itself: the events of the table `source`, in GeV.

    Events of an imported table are written in the order of the file they came from.

    Parameters
    ----------
    overrides
        What the call says of the events.
    template
        An imported table whose events give generated ones what these lack; `seed` draws them.

    Raises
    ------
    OnshellError
        One line for a table that is not what an import wrote, for events that do not conserve momentum, for what cannot
        be assigned to any momenta, and for another name than .lhe or .lhe.gz.
    """
    source, out, overrides = Path(source), Path(out), overrides or Overrides()
    if not out.name.endswith((".lhe", ".lhe.gz")):
        raise OnshellError(f"{out}: the name of a Les Houches file ends in .lhe or .lhe.gz; choose such a one")
    with Table(source, "p") as table:
        metadata, n, rows = table.metadata, table.n_particles, table.rows
        if not rows:
            raise OnshellError(f"{source}: no events to export; give a table with events")
        known, weighted, massive = info(table), "weight" in table.names, table.massive
    if metadata.get("conserves") is False and not overrides.project:
        raise OnshellError(
            f"{source}: events of a p-space model, which do not conserve energy and momentum; put them on the shell "
            "with --project"
        )
    if known:
        _check_complete(known, source)
    weights, varying = table_weights(source, rows, weighted), []
    if template is not None:
        given = Template(Path(template), n)
        _check_complete(given.about, given.path)
        given.check_same(metadata, source)
        varying, known = given.varying(overrides), given.about
        assign = given.columns_at_random(overrides, varying, stream(seed, "export", source.stem))
    elif known:

        def assign(_: int, columns: Columns) -> Columns:
            return checked_columns(columns, source)
    else:
        assign = default_columns(n, metadata)
    if massive:
        _check_scale(known, overrides, source)
    new = known is None or overrides.changes(known)
    if known is None or new:
        weighting = unknown_weighting(weights)
    elif template is None:
        weighting = imported_weighting(known, weights)
    else:
        weighting = template_weighting(known, weights, Path(template))
    about: dict[str, Any] = {
        **{key: metadata[key] for key in ("run", "dataset", "process") if key in metadata},
        "table": source.name,
        "like": template and Path(template).name,
        "frame": overrides.frame,
        "events": rows,
        "e_cm": overrides.e_cm,
        "projected": overrides.project,
        "seed": seed,
        "independent": varying,
        **identity(),
    }

    def columns(chunk: Events) -> Columns:
        found = _known_numbers(overrides.apply(assign(len(chunk), chunk.columns), n))
        found["weight"] = weighting.apply(found["weight"])
        if new:
            found["process_id"] = np.ones(len(chunk), np.int64)
        return found

    events = _counted(_in_order(source, metadata, overrides.project, columns), rows, progress)
    first = next(events)
    init = _init(known, *_beams(first, known, overrides), weighting)
    _write(out, chain([first], events), about, init)
    return about


def _check_scale(known: Info | None, overrides: Overrides, where: Path) -> None:
    """Raise if masses, which are known in units of E_cm, would be written in GeV of another energy."""
    if known is None and (overrides.e_cm is None or overrides.ids is None):
        raise OnshellError(
            f"{where}: of massive particles, of which neither E_cm nor PDG numbers are known; give --like, or --e-cm "
            "and --ids"
        )
    if known is not None and overrides.e_cm is not None:
        low, high = known["e_cm"]
        if max(abs(overrides.e_cm / low - 1.0), abs(overrides.e_cm / high - 1.0)) > SAME_MASS:
            raise OnshellError(
                f"{where}: of massive particles at E_cm = {low:.6g} to {high:.6g} GeV; at --e-cm {overrides.e_cm:g} "
                "they would have other masses: leave that away"
            )


def _check_complete(known: Info, where: Path) -> None:
    """Raise if events of an import that left particles out would be written as if they were all there was."""
    if known["left_out"]:
        shown = ", ".join(f"{n} of PDG {number}" for number, n in known["left_out"].items())
        raise OnshellError(
            f"{where}: its import left particles out of the events ({shown}): what is left does not fit the incoming "
            "particles, colour lines and energies; import all of them, or export generated events without --like, with "
            "--ids, --incoming and --e-cm"
        )


def _known_numbers(columns: Columns) -> Columns:
    """Return columns in which spins, scales and couplings that are no numbers are unknown."""
    found = dict(columns)
    for name in ("scale", "alpha_qed", "alpha_qcd", "spin", "in_spin"):
        if name in found:
            values = found[name].astype(float)
            found[name] = np.where(np.isfinite(values), values, UNKNOWN_SPIN if name.endswith("spin") else UNKNOWN)
    return found


def _in_order(
    source: Path, metadata: Mapping[str, Any], project: bool, columns: Callable[[Events], Columns]
) -> "Iterator[LHEEvent]":
    """Yield the events of a table; parts of an imported one in the order of the file that they came from."""
    parts = list(metadata.get("split") or {}) if "lhe" in metadata else []

    def numbered(rows: str | None) -> "Iterator[tuple[int, LHEEvent]]":
        check, last = "finite" if project else True, -1
        for chunk in iter_events(source, space="p", rows=rows, columns=COLUMNS, check=check, size=SIZE):
            numbers = chunk.columns["event"]
            if parts and not (np.diff(numbers, prepend=last) > 0).all():
                raise OnshellError(
                    f"{source}: its events are not in the order of their file, or some are there twice: another "
                    "program changed it; give the table that `onshell import` wrote, or import again"
                )
            last = int(numbers[-1])
            p = masses.project(chunk.momenta) if project else chunk.momenta
            yield from zip(numbers.tolist(), _events(p, columns(chunk)), strict=True)

    merged = heapq.merge(*map(numbered, parts), key=lambda pair: pair[0]) if len(parts) > 1 else numbered(None)
    yield from (event for _, event in merged)


def _counted(events: "Iterator[LHEEvent]", rows: int, progress: Progress | None) -> "Iterator[LHEEvent]":
    """Yield events, calling ``progress(done, rows)`` now and then."""
    for done, event in enumerate(events, 1):
        yield event
        if progress is not None and (done % SIZE == 0 or done == rows):
            progress(done, rows)


def _events(p: torch.Tensor, columns: Columns) -> "Iterator[LHEEvent]":
    """Yield events [n, N, 3], or [n, N, 4], with their columns as pylhe writes them: incoming particles first."""
    from pylhe import LHEEvent, LHEEventInfo, LHEParticle

    outgoing, incoming = (part.tolist() for part in to_lab(p, columns))
    k = len(incoming[0])
    final = list(zip(*(columns[name].tolist() for name in PARTICLE), strict=True))
    mass = (p[..., 3:].sum(-1).numpy() * columns["e_cm"][:, None]).tolist()
    none: tuple[list[Any], ...] = ([], [], [], [])
    initial = list(zip(*(columns[f"in_{name}"].tolist() for name in PARTICLE), strict=True)) if k else [none] * len(p)
    info = [columns[key].tolist() for key in ("process_id", "weight", "scale", "alpha_qed", "alpha_qcd", "e_cm")]
    for row, (number, weight, scale, aqed, aqcd, e_cm) in enumerate(zip(*info, strict=True)):
        particles = [
            LHEParticle(i, INCOMING, 0, 0, c, a, px, py, pz, e, e_cm if k == 1 else 0.0, 0.0, s)
            for i, c, a, s, (px, py, pz, e) in zip(*initial[row], incoming[row], strict=True)
        ]
        particles += [
            LHEParticle(i, FINAL, min(k, 1), k, c, a, px, py, pz, e, m, 0.0, s)
            for i, c, a, s, (px, py, pz, e), m in zip(*final[row], outgoing[row], mass[row], strict=True)
        ]
        yield LHEEvent(LHEEventInfo(len(particles), number, weight, scale, aqed, aqcd), particles)


def _beams(first: "LHEEvent", known: Info | None, overrides: Overrides) -> tuple[list[int], list[float]]:
    """Return PDG numbers and energies of the beams: those of the file the events come from, as far as these still fit.

    Else they are the incoming particles of the `first` event, along z in the frame asked for.
    """

    def along_z(e_cm: float, pz: float) -> list[float]:
        rapidity = math.asinh(pz)
        return [0.5 * e_cm * math.exp(rapidity), 0.5 * e_cm * math.exp(-rapidity)]

    if known is None or overrides.incoming is not None:
        final = [p for p in first.particles if p.status == FINAL]
        e, px, py, pz = (sum(getattr(p, key) for p in final) for key in ("e", "px", "py", "pz"))
        e_cm = math.sqrt(max(e**2 - (px**2 + py**2 + pz**2), 0.0))
        return [p.id for p in first.particles if p.status == INCOMING], along_z(e_cm, pz / e_cm)
    beams, highest = known["beams"]["energy"], known["e_cm"][1]
    if overrides.boost is not None:
        beams = along_z(2.0 * math.sqrt(max(math.prod(beams), 0.0)) or highest, overrides.boost[2])
    factor = 1.0 if overrides.e_cm is None else overrides.e_cm / highest
    return known["beams"]["id"], [factor * energy for energy in beams]


def _init(known: Info | None, ids: Sequence[int], beam_energies: Sequence[float], header: Weighting) -> "LHEInit":
    """Return the `<init>` block: beams and generators of the file that the events come from, if any is `known`.

    Beams that are no pair become none.
    """
    from pylhe import LHEGenerator, LHEInit, LHEInitInfo, LHEProcInfo

    first, second = (*ids, 0, 0)[:2]
    e_first, e_second = beam_energies
    beams = known["beams"] if known else {"pdf_group": [0, 0], "pdf_set": [0, 0]}
    (group_a, group_b), (set_a, set_b) = beams["pdf_group"], beams["pdf_set"]
    strategy, n = header.strategy, len(header.processes)
    info = LHEInitInfo(first, second, e_first, e_second, group_a, group_b, set_a, set_b, strategy, n)
    found = [LHEProcInfo(each["value"], each["error"], each["unit_weight"], each["id"]) for each in header.processes]
    makers = known["generators"] if known else []
    makers = [LHEGenerator(g["name"], g["version"], g["words"]) for g in makers if g["name"] != "onshell"]
    return LHEInit(info, found, [*makers, LHEGenerator("onshell", identity()["version"], "arXiv:2604.02415")])


def _text_format() -> "LHEXMLFormat":
    """Return how numbers are written: 15 digits of a momentum, so that the text conserves it to 1e-14."""
    from pylhe import LHEWeightFormat, LHEXMLFormat

    return LHEXMLFormat(
        weights=LHEWeightFormat.NONE,
        eventinfo="{nparticles:3d} {pid:6d} {weight: 23.16e} {scale: 21.14e} {aqed: 15.10e} {aqcd: 15.10e}",
        particle="{id:8d} {status:3d} {mother1:4d} {mother2:4d} {color1:4d} {color2:4d} {px: 21.14e} {py: 21.14e} "
        "{pz: 21.14e} {e: 21.14e} {m: 21.14e} {lifetime: .4e} {spin: .8g}",
        procinfo="{xSection: 17.10e} {error: 17.10e} {unitWeight: 17.10e} {procId: 5d}",
        initinfo=" {beamA: 6d} {beamB: 6d} {energyA: 21.14e} {energyB: 21.14e} {PDFgroupA: 5d} {PDFgroupB: 5d} "
        "{PDFsetA: 5d} {PDFsetB: 5d} {weightingStrategy: 5d} {numProcesses: 5d}",
    )


def _write(out: Path, events: "Iterator[LHEEvent]", about: Mapping[str, Any], init: "LHEInit") -> None:
    """Write a Les Houches file whole; equal events give equal bytes."""
    from pylhe import LHEFile, LHEHeader, LHEInitRWGT

    element = ElementTree.Element("onshell")
    element.text = json.dumps(dict(about), sort_keys=True)
    header = LHEHeader(initrwgt=LHEInitRWGT(), extra_elements=[element])
    file = LHEFile(init=init, header=header, version="3.0", events=events)
    with whole(out) as part, part.open("wb") as raw:
        packed = gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) if out.suffix == ".gz" else raw
        with packed, io.TextIOWrapper(packed, "utf-8") as text:
            file.write(text, _text_format())
            text.write("\n")
