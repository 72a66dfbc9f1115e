"""Events at any energy and in any frame, as the objects that pylhe writes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from onshell.core.provenance import identity
from onshell.events.lhe.arrays import FINAL, INCOMING, PARTICLE, Array
from onshell.events.lhe.cross_sections import Info
from onshell.events.lhe.weighting import Weighting
from onshell.physics.kinematics import boost, energies

if TYPE_CHECKING:
    from pylhe import LHEEvent, LHEInit, LHEXMLFormat

Columns = Mapping[str, np.ndarray]


def text_format() -> "LHEXMLFormat":
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


def four_momenta(p: torch.Tensor, columns: Columns) -> tuple[Array, Array]:
    """Return the outgoing [n, N, 4] and incoming [n, k, 4] four-momenta (px, py, pz, E) in GeV.

    `p` [n, N, 3] is in the centre-of-mass frame at E_cm = 1; `e_cm`, the boost and the direction of the first incoming
    particle are columns.
    """
    e_cm = torch.from_numpy(np.array(columns["e_cm"]))
    back, axis = (
        torch.from_numpy(np.stack([columns[f"{name}_{c}"] for c in "xyz"], 1)) if f"{name}_x" in columns else None
        for name in ("boost", "beam")
    )
    outgoing = _massless(boost(p * e_cm[:, None, None], back))
    k = columns["in_id"].shape[1] if "in_id" in columns else 0
    if k == 1:
        energy = e_cm * (1.0 + back.square().sum(1)).sqrt()
        return outgoing, torch.cat([back * e_cm[:, None], energy[:, None]], 1)[:, None].numpy()
    if k == 0:
        return outgoing, np.empty((len(p), 0, 4))
    beams = 0.5 * e_cm[:, None, None] * torch.stack([axis, -axis], 1)
    return outgoing, _massless(boost(beams, back))


def _massless(p: torch.Tensor) -> Array:
    """Return massless four-momenta [n, k, 4] of momenta [n, k, 3]."""
    return torch.cat([p, energies(p)[..., None]], -1).numpy()


def events(p: torch.Tensor, columns: Columns) -> "Iterator[LHEEvent]":
    """Yield events [n, N, 3] with their columns as pylhe writes them: incoming particles first."""
    from pylhe import LHEEvent, LHEEventInfo, LHEParticle

    outgoing, incoming = (part.tolist() for part in four_momenta(p, columns))
    names = [name.removeprefix("in_") for name in PARTICLE]
    final = list(zip(*(columns[name].tolist() for name in names), strict=True))
    k = columns["in_id"].shape[1] if "in_id" in columns else 0
    initial = list(zip(*(columns[f"in_{name}"].tolist() for name in names), strict=True)) if k else [()] * len(p)
    info = [columns[key].tolist() for key in ("process_id", "weight", "scale", "alpha_qed", "alpha_qcd", "e_cm")]
    for row, (number, weight, scale, aqed, aqcd, e_cm) in enumerate(zip(*info, strict=True)):
        particles = (
            [
                LHEParticle(i, INCOMING, 0, 0, c, a, *momentum, e_cm if k == 1 else 0.0, 0.0, s)
                for i, c, a, s, momentum in zip(*initial[row], incoming[row], strict=True)
            ]
            if k
            else []
        )
        particles += [
            LHEParticle(i, FINAL, min(k, 1), k, c, a, *momentum, 0.0, 0.0, s)
            for i, c, a, s, momentum in zip(*final[row], outgoing[row], strict=True)
        ]
        yield LHEEvent(LHEEventInfo(len(particles), number, weight, scale, aqed, aqcd), particles)


def init_of(known: Info | None, ids: Sequence[int], beam_energies: Sequence[float], header: Weighting) -> "LHEInit":
    """Return the `<init>` block: beams and generators of the file that the events come from, if any is `known`.

    Beams that are no pair become none.
    """
    from pylhe import LHEGenerator, LHEInit, LHEInitInfo, LHEProcInfo

    first, second = (*ids, 0, 0)[:2]
    beams = known["beams"] if known else {"pdf_group": [0, 0], "pdf_set": [0, 0]}
    sides = (first, second, *beam_energies, *beams["pdf_group"], *beams["pdf_set"])
    info = LHEInitInfo(*sides, header.strategy, len(header.processes))
    found = [LHEProcInfo(each["value"], each["error"], each["unit_weight"], each["id"]) for each in header.processes]
    makers = known["generators"] if known else []
    makers = [LHEGenerator(g["name"], g["version"], g["words"]) for g in makers if g["name"] != "onshell"]
    return LHEInit(info, found, [*makers, LHEGenerator("onshell", identity()["version"], "arXiv:2604.02415")])
