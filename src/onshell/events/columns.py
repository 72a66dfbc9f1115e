"""Momenta between torch tensors and Arrow columns: one fixed-size list of N numbers for each of x, y, z.

Both sides keep the components apart in memory (storage [3, n, N], seen as [n, N, 3]), so that a column is one copy.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch

from onshell.errors import OnshellError

AXES = ("x", "y", "z")
SPACES = ("p", "q")


def names(space: str) -> list[str]:
    """Return the names of the momentum columns of `space` ("p" or "q")."""
    return [f"{space}{axis}" for axis in AXES]


def space_of(columns: Sequence[str]) -> str | None:
    """Return the space whose momenta are among `columns`, "p" first, or None."""
    return next((space for space in SPACES if set(names(space)) <= set(columns)), None)


def schema(space: str, n_particles: int, extra: dict[str, pa.DataType]) -> pa.Schema:
    """Return the Arrow schema of an event table: `event`, the momenta, then the `extra` columns."""
    momenta = pa.list_(pa.field("element", pa.float64(), nullable=False), n_particles)
    fields = [pa.field("event", pa.int64(), nullable=False)]
    fields += [pa.field(name, momenta, nullable=False) for name in names(space)]
    fields += [pa.field(name, kind, nullable=False) for name, kind in extra.items()]
    return pa.schema(fields)


def kind_of(values: np.ndarray) -> pa.DataType:
    """Return the Arrow type of a column of numbers [n], or of lists of k numbers [n, k]."""
    kind = pa.from_numpy_dtype(values.dtype)
    return kind if values.ndim == 1 else pa.list_(pa.field("element", kind, nullable=False), values.shape[1])


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds one number (or truth value) per event."""
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def is_numbers(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds as many numbers for each event."""
    return pa.types.is_fixed_size_list(kind) and is_number(kind.value_type)


def to_column(values: np.ndarray) -> pa.Array:
    """Return a column of numbers [n], or of lists of k numbers [n, k], over the memory of `values`."""
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), type=kind_of(values))


def numbers(column: pa.Array, first: int, where: str) -> np.ndarray:
    """Return a column of lists of k numbers as [n, k]; `first` and `where` are for the error, as in `from_lists`."""
    values = column.flatten()
    if column.null_count or values.null_count:
        raise OnshellError(
            f"{where}: no numbers (null) in the {len(column)} rows from {first} on; write the file again"
        )
    return values.to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)


def momenta_buffer(n: int, n_particles: int) -> torch.Tensor:
    """Return an uninitialised float64 tensor [n, N, 3] whose components lie apart in memory."""
    return torch.empty(3, n, n_particles, dtype=torch.float64).permute(1, 2, 0)


def width(kind: pa.DataType) -> int | None:
    """Return N of a fixed-size list type, None for another list of numbers, 0 for anything else."""
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind) and not pa.types.is_fixed_size_list(kind):
        return 0
    if not pa.types.is_floating(kind.value_type) and not pa.types.is_integer(kind.value_type):
        return 0
    return kind.list_size if pa.types.is_fixed_size_list(kind) else None


def few(rows: np.ndarray) -> str:
    """Return "event 3" or "events 3, 7, 9, ..." for row numbers `rows`, five at most."""
    shown = ", ".join(str(int(row)) for row in rows[:5])
    return f"event{'s' * (len(rows) > 1)} {shown}{', ...' * (len(rows) > 5)}"


def from_lists(column: pa.Array, n_particles: int, first: int, where: str) -> np.ndarray:
    """Return the numbers of a list `column` as [n, N] float64.

    `first` is the number of the column's first row in the file and `where` names file and column, for the errors.
    """
    if column.null_count:
        rows = first + np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        raise OnshellError(f"{where}: {few(rows)}: no momenta there (null); remove these rows or write the file again")
    if not pa.types.is_fixed_size_list(column.type):
        lengths = column.value_lengths().to_numpy()
        rows = first + np.flatnonzero(lengths != n_particles)
        if len(rows):
            raise OnshellError(
                f"{where}: {few(rows)}: {int(lengths[rows[0] - first])} particles where {n_particles} are expected "
                f"({len(rows)} such rows); every event of a table needs the same number of particles"
            )
    values = column.flatten()
    if values.null_count:
        rows = first + np.unique(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False)) // n_particles)
        raise OnshellError(f"{where}: {few(rows)}: missing momenta (null); remove these rows or write the file again")
    return values.to_numpy(zero_copy_only=False).reshape(-1, n_particles).astype(np.float64, copy=False)


def from_batch(batch: pa.RecordBatch, space: str, n_particles: int, first: int, path: str) -> torch.Tensor:
    """Return the momenta of an Arrow `batch` as a float64 tensor [n, N, 3]."""
    momenta = momenta_buffer(batch.num_rows, n_particles)
    storage = momenta.numpy()
    for axis, name in enumerate(names(space)):
        column = batch.column(batch.schema.get_field_index(name))
        storage[..., axis] = from_lists(column, n_particles, first, f"{path}: column {name}")
    return momenta
