"""Momenta between torch tensors and Arrow columns: one fixed-size list of N numbers for each of x, y, z.

Both sides keep the components apart in memory (storage [3, n, N], seen as [n, N, 3]), so that a column is one copy.
In all functions, `first` is the number of a column's first row in the file and `where` names file and column in errors.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch

from onshell.core.errors import OnshellError

ROWS = 65536
"""Events in a row group, the unit of writing and reading."""

AXES = ("x", "y", "z")
SPACES = ("p", "q")
DENSITIES = ("log_prob", "log_prob_p")
FINITE = ("weight", *DENSITIES)
"""Columns of one finite number per event: whoever reads them computes with them."""

NEEDED = ("event", *FINITE, *(f"{name}_error" for name in DENSITIES))
"""Columns that are read as numbers or not at all: left out, events would count as if there were none."""

PARTICLES = ("id", "colour", "anticolour", "spin", "in_id", "in_colour", "in_anticolour", "in_spin")
"""Columns of an import that hold as many numbers for each event; other tools write them as lists of any length."""

LIKE_WEIGHTS = {"weights", "wgt", "event_weight", "evt_weight", "eventweight", "mc_weight", "mcweight", "gen_weight"}
LIKE_WEIGHTS |= {"weight", "genweight"}
ENERGIES = ("e", "energy", "energies", "p0", "pe")
MASS = "mass"
"""The column of masses in units of E_cm, one per particle."""

MASSES = ("m", MASS, "masses")
MASSLESS = 1e-3
"""The largest mass of a massless particle, as a share of the energy of its event in the centre-of-mass frame."""


def names(space: str) -> list[str]:
    """Return the names of the momentum columns of `space` ("p" or "q")."""
    return [f"{space}{axis}" for axis in AXES]


def space_of(columns: Sequence[str]) -> str | None:
    """Return the space whose momenta are among `columns`, "p" first, or None."""
    return next((space for space in SPACES if set(names(space)) <= set(columns)), None)


def schema(lists: Sequence[str], n_particles: int, extra: dict[str, pa.DataType]) -> pa.Schema:
    """Return the Arrow schema of an event table: `event`, the `lists` of N numbers, then the `extra` columns."""
    momenta = pa.list_(pa.field("element", pa.float64(), nullable=False), n_particles)
    kinds = {"event": pa.int64(), **dict.fromkeys(lists, momenta), **extra}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def kind_of(values: np.ndarray) -> pa.DataType:
    """Return the Arrow type of a column of numbers [n], or of lists of k numbers [n, k]."""
    kind = pa.from_numpy_dtype(values.dtype)
    return kind if values.ndim == 1 else pa.list_(pa.field("element", kind, nullable=False), values.shape[1])


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds one number (or truth value) per event."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(test(kind) for test in tests)


def is_numbers(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds as many numbers for each event."""
    return pa.types.is_fixed_size_list(kind) and is_number(kind.value_type)


def width(kind: pa.DataType) -> int | None:
    """Return N of a fixed-size list type, None for another list of numbers, 0 for anything else."""
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind) and not pa.types.is_fixed_size_list(kind):
        return 0
    if not pa.types.is_floating(kind.value_type) and not pa.types.is_integer(kind.value_type):
        return 0
    return kind.list_size if pa.types.is_fixed_size_list(kind) else None


def to_column(values: np.ndarray) -> pa.Array:
    """Return a column of numbers [n], or of lists of k numbers [n, k], over the memory of `values`."""
    flat = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(-1)
    if flat.dtype == bool:
        column = pa.array(flat)
    else:
        # Not by pa.array, which imports pandas to see whether the values are any of its.
        column = pa.Array.from_buffers(pa.from_numpy_dtype(flat.dtype), len(flat), [None, pa.py_buffer(flat)])
    return column if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(column, type=kind_of(values))


def _array(column: pa.Array) -> np.ndarray:
    """Return the values of a column [n], NaN where there is none; those of plain numbers without a copy."""
    plain = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    # Arrow's own way, to_numpy, imports pandas, of half a second.
    return np.from_dlpack(column) if plain and not column.null_count else column.to_numpy(zero_copy_only=False)


def number(column: pa.Array, name: str, first: int, where: str) -> np.ndarray:
    """Return the column `name` of one number per event as [n].

    Those that are `NEEDED` are a number in every row: `event` a whole one of 64 bits, those of `FINITE` finite float64.
    """
    column = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if pa.types.is_decimal(column.type) or (column.null_count and pa.types.is_boolean(column.type)):
        column = column.cast(pa.float64())
    values = _array(column)
    if name not in NEEDED:
        return values
    good = _array(column.is_valid()) if column.null_count else np.ones(len(column), bool)
    if name == "event":
        whole = np.where(good, values, 0)
        good = good & (np.abs(whole) < 2.0**63) & (np.floor(whole) == whole)
    elif name in FINITE:
        good = good & np.isfinite(values.astype(np.float64))
    if not good.all():
        bad = first + np.flatnonzero(~good)
        kind = "whole numbers of 64 bits" if name == "event" else "finite numbers"
        raise OnshellError(f"{where}: row {bad[0]} and {len(bad) - 1} more are not {kind}; fix or drop the column")
    return values.astype(np.int64 if name == "event" else np.float64)


def numbers(column: pa.Array, k: int, first: int, where: str) -> np.ndarray:
    """Return a column of lists of `k` numbers as [n, k]; raise where one is missing, or a list of another length."""
    remedy = "remove these rows or write the file again"
    if column.null_count:
        rows = np.flatnonzero(_array(column.is_null()))
        raise OnshellError(f"{where}: {_few(first + rows)}: no list there (null); {remedy}")
    if not pa.types.is_fixed_size_list(column.type):
        lengths = _array(column.value_lengths())
        rows = np.flatnonzero(lengths != k)
        if len(rows):
            raise OnshellError(
                f"{where}: {_few(first + rows)}: {int(lengths[rows[0]])} numbers where {k} are expected "
                f"({len(rows)} such rows); every event of a table needs the same number of particles"
            )
    values = column.flatten()
    if values.null_count:
        rows = np.unique(np.flatnonzero(_array(values.is_null())) // k)
        raise OnshellError(f"{where}: {_few(first + rows)}: missing numbers (null); {remedy}")
    return _array(values).reshape(len(column), k)


def momenta_buffer(n: int, n_particles: int, components: int = 3) -> torch.Tensor:
    """Return an uninitialised float64 tensor [n, N, 3], or of 4 with the mass, whose components lie apart in memory."""
    return torch.empty(components, n, n_particles, dtype=torch.float64).permute(1, 2, 0)


def from_batch(batch: pa.RecordBatch, columns: Sequence[str], n_particles: int, first: int, path: str) -> torch.Tensor:
    """Return the momenta of an Arrow `batch` as a float64 tensor [n, N, 3], or [n, N, 4] if `columns` name the mass."""
    momenta = momenta_buffer(batch.num_rows, n_particles, len(columns))
    storage = momenta.numpy()
    for axis, name in enumerate(columns):
        storage[..., axis] = numbers(batch.column(name), n_particles, first, f"{path}: column {name}")
    return momenta


def check_masses(mass: torch.Tensor, first: int, where: str) -> None:
    """Raise where masses [n, N] in units of E_cm are not such."""
    bad = ~((mass >= 0.0) & (mass < 1.0)).numpy()
    rows = np.flatnonzero(bad.any(1))
    if len(rows):
        worst = float(mass[rows[0]].numpy()[bad[rows[0]]][0])
        raise OnshellError(
            f"{where}: {_few(first + rows)}: a mass of {worst:.4g}, where it must be 0 or more and below E_cm = 1 "
            f"({len(rows)} such rows); give masses in units of E_cm, or leave these events out"
        )


def massive(p: torch.Tensor, values: np.ndarray, is_mass: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the masses [n, N] that a column says, and which of them are more than rounding [n, N].

    `values` [n, N] are masses, or else energies, beside momenta `p` [n, N, 3].
    """
    e = p.norm(dim=-1).numpy()
    scale = np.sqrt(np.clip(e.sum(1) ** 2 - (p.sum(1).numpy() ** 2).sum(-1), 0.0, None))[:, None]
    values = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mass = np.abs(values) if is_mass else np.sqrt(np.abs(values**2 - e**2))
    # Numbers that are not finite are no masses of massless particles either.
    bad = ~(mass <= MASSLESS * scale)
    if not is_mass:
        bad |= ~(values >= 0.0)
    return mass, bad


def check_massless(p: torch.Tensor, values: np.ndarray, is_mass: bool, first: int, where: str) -> None:
    """Raise where masses, or else energies, `values` [n, N] beside momenta `p` [n, N, 3] are not of massless ones."""
    mass, bad = massive(p, values, is_mass)
    rows = np.flatnonzero(bad.any(1))
    if len(rows):
        worst = mass[rows[0]][bad[rows[0]]].max()
        raise OnshellError(
            f"{where}: {_few(first + rows)}: massive particles ({len(rows)} such rows; a mass of {worst:.4g}, where "
            f"{MASSLESS:g} of E_cm counts as none); masses in units of E_cm are read from a column '{MASS}' alone: "
            "write that one, leave these events out, or drop the column"
        )


def _few(rows: np.ndarray) -> str:
    """Return "event 3" or "events 3, 7, 9, ..." for row numbers `rows`, five at most."""
    shown = ", ".join(str(int(row)) for row in rows[:5])
    return f"event{'s' * (len(rows) > 1)} {shown}{', ...' * (len(rows) > 5)}"
