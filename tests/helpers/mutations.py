"""Damage to files, drawn from a random number generator: bits, lines, values of JSON and YAML, columns, tensors."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml

Mutation = Callable[[Path, Random], None]
KEY = b"onshell"
DEEP = "@deep@"
"""Stands for a value that is nested too deeply to be written by a library."""
NUMBERS = ("nan", "inf", "-inf", "-1", "0", "1e308", "-1e400", "9" * 30, str(2**63), "1D+00", "0.5", "x", "", "%s", "<")
VALUES: tuple[Any, ...] = (
    *(None, True, [], {}, "", "x", "a\nb\x1b[31m", "\ud800", "../x", "<b>", [1, 2], {"x": [1]}, DEEP),
    *(-1, 0, 3, 0.5, 1e308, -1e-320, float("nan"), float("inf"), 2**31, 2**63, 2**70, "1", "nan"),
)


def flip(data: bytes, rng: Random) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: Random) -> bytes:
    """Cut the end off; now and then everything."""
    return data[: rng.choice((0, 1, rng.randrange(len(data)), len(data) - 1))]


def drop(data: bytes, rng: Random) -> bytes:
    """Leave out up to a tenth."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 1 + len(data) // 10) :]


def repeat(data: bytes, rng: Random) -> bytes:
    """Write a piece, or everything, twice."""
    start = rng.choice((0, rng.randrange(len(data))))
    return data + data if rng.random() < 0.2 else data[:start] + data[start : start + 300] + data[start:]


def foreign(data: bytes, rng: Random) -> bytes:
    """Put bytes in that are not text."""
    at = rng.randrange(len(data))
    return data[:at] + rng.choice((b"\xff\xfe\xe9", b"\x00" * 20, b"\xed\xa0\x80", b"\r")) + data[at:]


def number(data: bytes, rng: Random) -> bytes:
    """Put another word in the place of one of a line."""
    lines = data.split(b"\n")
    at = rng.choice([i for i, line in enumerate(lines) if line.strip()])
    words = lines[at].split(b" ")
    words[rng.choice([i for i, word in enumerate(words) if word])] = rng.choice(NUMBERS).encode()
    lines[at] = b" ".join(words)
    return b"\n".join(lines)


def line(data: bytes, rng: Random) -> bytes:
    """Leave a line out, write it twice, or let two change places; or put a very long or deeply nested one in."""
    lines = data.split(b"\n")
    a, b, what = rng.randrange(len(lines)), rng.randrange(len(lines)), rng.randrange(6)
    if what < 2:
        lines.pop(a)
    elif what == 2:
        lines.insert(b, lines[a])
    elif what == 3:
        lines[a], lines[b] = lines[b], lines[a]
    else:
        lines.insert(a, rng.choice((b"x" * 10**6, b"[" * 10**5, b"<a>" * 10**5, b"{a: " * 10**4, b"- " * 10**4)))
    return b"\n".join(lines)


BYTES = (flip, cut, drop, repeat, foreign)
TEXT = (*BYTES, number, number, number, line, line)


def of_bytes(*changes: Callable[[bytes, Random], bytes]) -> tuple[Mutation, ...]:
    """Return mutations of a file's bytes; of a compressed file, those of its text, too."""

    def mutation(change: Callable[[bytes, Random], bytes]) -> Mutation:
        def mutate(path: Path, rng: Random) -> None:
            data = path.read_bytes()
            if path.suffix == ".gz" and rng.random() < 0.7:
                path.write_bytes(gzip.compress(change(gzip.decompress(data), rng), mtime=0))
            else:
                path.write_bytes(change(data, rng))

        return mutate

    return tuple(mutation(change) for change in changes)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a document, as the dict or list that it is in and its key there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in [(value, key), *places(item)]]


def change_document(document: Any, rng: Random) -> Any:
    """Return a document with one value of another type, size or shape, without it, or with it twice."""
    if not (found := places(document)) or rng.random() < 0.05:
        return rng.choice(VALUES)
    holder, key = rng.choice(found)
    what = rng.random()
    if what < 0.2:
        holder.pop(key)
    elif what < 0.25:
        holder[key] = [holder[key]]
    elif what < 0.3 and isinstance(holder, dict):
        holder["x"] = holder.pop(key)
    elif isinstance(holder[key], torch.Tensor):
        holder[key] = change_tensor(holder[key], rng)
    else:
        holder[key] = rng.choice(VALUES)
    return document


def change_tensor(tensor: torch.Tensor, rng: Random) -> Any:
    """Return a tensor of another shape or type, with other numbers, or none at all."""
    changes = (
        *(lambda: tensor * float("nan"), lambda: tensor + 1e30, lambda: tensor.flatten(), lambda: tensor[:0]),
        *(lambda: tensor.to(torch.complex64), lambda: tensor.to(torch.int8), lambda: tensor[None], lambda: None),
    )
    return rng.choice(changes)()


def nested(text: str) -> str:
    """Return a text with deeply nested values where they are meant."""
    return text.replace(json.dumps(DEEP), "[" * 20_000 + "]" * 20_000)


def json_value(path: Path, rng: Random) -> None:
    """Change a value of a JSON document."""
    path.write_text(nested(json.dumps(change_document(json.loads(path.read_text()), rng))))


def yaml_value(path: Path, rng: Random) -> None:
    """Change a value of a YAML document."""
    path.write_text(nested(json.dumps(change_document(yaml.safe_load(path.read_text()), rng))))


def torch_value(path: Path, rng: Random) -> None:
    """Change a value or a tensor of a file of torch."""
    torch.save(change_document(torch.load(path, weights_only=True), rng), path)


def parquet_metadata(path: Path, rng: Random) -> None:
    """Change a value of the metadata, or their text."""
    table = pq.read_table(path)
    known = table.schema.metadata[KEY]
    text = nested(json.dumps(change_document(json.loads(known), rng))).encode()
    changed = rng.choice((text, text, text, text, flip(known, rng), cut(known, rng), foreign(known, rng)))
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, KEY: changed}), path)


def parquet_columns(path: Path, rng: Random) -> None:
    """Change the type or the numbers of a column, or leave one out, or put one in."""
    table = pq.read_table(path)
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at).combine_chunks()
    rows = column.to_pylist()
    flat = [row[0] if isinstance(row, list) else row for row in rows]
    lists = [row if isinstance(row, list) else [row] for row in rows]
    replacements: tuple[Callable[[], Any], ...] = (
        lambda: pa.array([str(value) for value in flat]),
        lambda: pa.array(flat, pa.float64()),
        lambda: pa.array([float(value) * 1e200 for value in flat]),
        lambda: pa.array([None, *flat[1:]]),
        lambda: pa.nulls(len(rows)),
        lambda: pa.array([value > 0 for value in flat]),
        lambda: pa.array([{"x": float(value)} for value in flat]),
        lambda: pa.array([int(value * 1e6) for value in flat], pa.timestamp("us")),
        lambda: pa.array([str(value)[:8] for value in flat]).dictionary_encode(),
        lambda: pa.array(lists, pa.list_(pa.float32())),
        lambda: pa.array([None, *lists[1:]], pa.list_(pa.float64())),
        lambda: pa.array([[*row, 0.0] for row in lists]),
        lambda: pa.array([lists[0][:-1], *lists[1:]]),
        lambda: pa.array([[float(value) * 1e200 for value in row] for row in lists], column.type),
        lambda: pa.array([[float("nan") for _ in row] if i == 1 else row for i, row in enumerate(lists)], column.type),
        lambda: pa.array([[0.0 for _ in row] for row in lists], column.type),
        lambda: pa.array([[row] for row in lists]),
        lambda: pa.array([bytes(8) for _ in rows]),
    )
    what = rng.random()
    if what < 0.15:
        table = table.drop_columns([name])
    elif what < 0.25:
        table = table.append_column(rng.choice((name, "weight", "log_prob", "px", "qx")), column)
    else:
        try:
            changed = rng.choice(replacements)()
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            # Not every column can be of every type.
            changed = pa.array([str(value) for value in flat])
        table = table.set_column(at, name, changed)
    pq.write_table(table, path)


def parquet_rows(path: Path, rng: Random) -> None:
    """Take other rows: none, fewer, twice as many, or in another order; in one group or many, or without metadata."""
    table = pq.read_table(path)
    order = rng.sample(range(table.num_rows), table.num_rows)
    chosen = rng.choice(([], order[:1], order[: len(order) // 2], order, [*order, *order]))
    table = table.take(pa.array(chosen, pa.int64()))
    pq.write_table(table.replace_schema_metadata() if rng.random() < 0.3 else table, path, row_group_size=7)
