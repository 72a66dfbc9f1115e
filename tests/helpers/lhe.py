"""Les Houches files for tests: a real one, and small ones of chosen events."""

import gzip
from pathlib import Path

import numpy as np
import torch

from onshell.events.lhe.importing import Settings, import_file
from onshell.events.table import write_events
from onshell.physics import generators

DOWN, UP, PHOTON = (1, -1, 21), (2, -2, 21), (1, -1, 22)
PROTONS = {"beams": (2212, 2212), "energies": (6500.0, 6500.0), "pdf": 10042}
REAL = Path(__file__).parents[1] / "data" / "qqg_200.lhe.gz"
HEAD = """<LesHouchesEvents version="3.0">
<header>
</header>
<init>
{ids} {e_a:.10e} {e_b:.10e} {pdf} {pdf} {pdf} {pdf} {weighting} {n}
{processes}
</init>
"""


def real_text():
    """Return the text of the real file."""
    with gzip.open(REAL, "rt") as handle:
        return handle.read()


def particle(number, status, momentum, colours=(0, 0), mother=0):
    """Return the line of one massless particle of momentum (px, py, pz)."""
    energy = float(np.linalg.norm(momentum))
    numbers = " ".join(f"{value:.16e}" for value in (*momentum, energy))
    return f"{number} {status} {mother} {mother and 2} {colours[0]} {colours[1]} {numbers} 0.0 0.0 9.0\n"


def event(momenta, ids, weight=1.0, incoming=((11, 0.5), (-11, -0.5)), extra=""):
    """Return the text of one event: momenta [N, 3], PDG numbers, and incoming particles as (number, p_z)."""
    lines = [particle(number, -1, (0.0, 0.0, pz)) for number, pz in incoming]
    lines += [particle(number, 1, p, mother=1) for number, p in zip(ids, momenta, strict=True)]
    count = len(lines) + extra.count("\n")
    return f"<event>\n{count} 1 {weight:.16e} 100.0 0.0073 0.118\n{''.join(lines)}{extra}</event>\n"


def file_text(events, beams=(11, -11), energies=(0.5, 0.5), pdf=0, weighting=3, processes="1.0 0.1 1.0 1"):
    """Return the text of a file of events."""
    ids = f"{beams[0]} {beams[1]}"
    n = 1 + processes.count("\n")
    head = HEAD.format(
        ids=ids, e_a=energies[0], e_b=energies[1], pdf=pdf, weighting=weighting, n=n, processes=processes
    )
    return head + "".join(events) + "</LesHouchesEvents>\n"


def uniform(n, n_particles=3, name="lhe"):
    """Return uniform events [n, N, 3] as an array, E_cm = 1."""
    return generators.events("uniform", n, seed=3, name=(name,), n_particles=n_particles).numpy()


def write(path, text):
    """Return `path` after writing `text` to it, compressed if its name says so."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def imported(folder, events, name="in", settings=None, **head):
    """Return the table of a file of events."""
    path = write(folder / f"{name}.lhe", file_text(events, **head))
    import_file(path, folder / f"{name}.parquet", settings or Settings(held_out=0.0))
    return folder / f"{name}.parquet"


def generated(folder, n=50, metadata=None, weights=None):
    """Return a table of momenta as a model's."""
    columns = {} if weights is None else {"weight": np.array(weights)}
    write_events(folder / "model.parquet", [(torch.from_numpy(uniform(n, name="model")), columns)], metadata or {})
    return folder / "model.parquet"
