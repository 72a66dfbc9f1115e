"""Shards of a table: tables of contiguous blocks, drawn by jobs of their own, and their gathering."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from onshell.core.errors import OnshellError
from onshell.core.provenance import identity
from onshell.events.parquet import Table
from onshell.events.table import iter_events, write_events
from onshell.sampling.comparison import differences

KEY = "shard"
"""The key of a shard's metadata: which it is, and how many evaluations its events took."""


@dataclass(frozen=True)
class Shard:
    """Shard `number`, 1 ... `of`, of the blocks of a table: as many as any other, or one more."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def take(self, blocks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the blocks (k, size) of this shard."""
        first, after = ((self.number - 1 + i) * len(blocks) // self.of for i in (0, 1))
        return list(blocks[first:after])


def read_shard(text: str) -> Shard:
    """Return the shard that `text` means, such as 2/3."""
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise OnshellError(f"--shard {text}: write k/K, shard k = 1 ... K of K, such as 2/3")
    return Shard(int(match[1]), int(match[2]))


def gather(out: Path, shards: Sequence[Path], metadata: Mapping[str, Any], n: int, space: str) -> None:
    """Write the table `out` of `n` events with these `metadata` from the tables of all `shards`, in their order.

    Raises
    ------
    OnshellError
        One line that names the shard: one that is missing, of another sampling, or damaged.
    """
    with ExitStack() as stack:
        tables = [stack.enter_context(Table(path, space)) for path in shards]
        evaluations, precisions = 0, []
        for number, table in enumerate(tables, 1):
            made = table.metadata.get(KEY)
            made = made if isinstance(made, dict) else {}
            if (made.get("number"), made.get("of")) != (number, len(tables)):
                raise OnshellError(
                    f"{table.path}: not shard {number} of {len(tables)}; give the tables that `onshell sample --shard "
                    f"k/{len(tables)}` wrote, k = 1 ... {len(tables)}, in their order"
                )
            _check_same(table, metadata)
            evaluations += made.get("evaluations", 0)
            precisions.append(table.metadata["precision"])
        times = metadata["times"]
        if (rows := sum(table.rows for table in tables)) != n * len(times):
            raise OnshellError(f"{out}: its shards hold {rows:,} rows, not {n * len(times):,}; draw them again")
        # What auto means may differ from host to host.
        known = {"precision": "+".join(dict.fromkeys(precisions)), "n_evaluations": evaluations / n}
        write_events(out, _rows(tables, len(times)), {**metadata, **known}, space)


def _check_same(table: Table, metadata: Mapping[str, Any]) -> None:
    """Raise if a shard was not drawn as the `metadata` of the whole table say."""
    free = {"precision", *identity()}
    wanted = {key: value for key, value in json.loads(json.dumps(metadata)).items() if key not in free}
    found = {key: table.metadata[key] for key in wanted if key in table.metadata}
    for place, one, other in differences("", found, wanted):
        raise OnshellError(
            f"{table.path}: a shard of another sampling: {place[1:]} is {one!r} and not {other!r}; draw it again"
        )


def _rows(tables: Sequence[Table], n_times: int) -> Iterator[tuple[Tensor, dict[str, Any]]]:
    """Yield the rows of all `tables`, the states at one time after the other."""
    for i in range(n_times):
        first = 0
        for table in tables:
            each = table.rows // n_times
            for events in iter_events(table.path, space=table.space, rows=slice(i * each, (i + 1) * each)):
                yield events.momenta, {**events.columns, "event": first + events.columns["event"]}
            first += each
