"""Tables of a page as data: what a template needs of their cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A cell: its content, a note below it, what it is sorted by if not by its words, and its heat from 0 to 1."""

    text: str | Markup
    key: float | None = None
    heat: float = 0.0
    notes: Sequence[str | Markup] = ()


@dataclass(frozen=True)
class Row:
    """A row, its first cell the head; `preset` is that which it belongs to, `kind` a class of its style."""

    cells: Sequence[Cell]
    preset: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table; `label` says in plain words what it is, `sortable` makes a button of every heading."""

    label: str
    heads: Sequence[str | Markup]
    rows: Sequence[Row]
    foot: Sequence[Row] = field(default=())
    sortable: bool = False


DASH = Cell("–")
