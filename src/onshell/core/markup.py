"""Pages of HTML that need nothing else: no font, script or picture from elsewhere. Their frame, and their tables."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
"""What all pages share: colours in light and in dark, type, tables, lanes."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a browser may fetch for a page: nothing."""

TRIANGLE = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cpath fill='none' "
    "stroke='%230b6aa2' stroke-width='3' stroke-linejoin='round' d='M16 4 29 27H3z'/%3E%3Ccircle cx='16' cy='20' r='3' "
    "fill='%23d55e00'/%3E%3C/svg%3E"
)
"""An icon: one event in the Dalitz plane."""


def document(title: str, body: str, *, style: str = "", script: str = "", icon: str = "") -> str:
    """Return a whole page around the elements of `body`; `style` and `script` are its own, `icon` is its address."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
{f'<link rel="icon" href="{icon}">{chr(10)}' if icon else ""}<style>
{STYLE}{style}</style>
</head>
<body>
{body}
{f"<script>{chr(10)}{script}</script>" if script else ""}
</body>
</html>
"""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its HTML, what it is sorted by if not by its words, and how hot it is, from 0 to 1."""

    html: str
    key: float | None = None
    heat: float = 0.0

    def tag(self, *, head: bool = False, sortable: bool = False) -> str:
        """Return the cell as the head of its row or as one of its numbers."""
        key = f' data-key="{self.key:.6g}"' if sortable and self.key is not None and math.isfinite(self.key) else ""
        heat = f' class="hot" style="--heat:{min(self.heat, 1.0):.2f}"' if self.heat > 0.005 else ""
        name, role = ("th", ' scope="row"') if head else ("td", "")
        return f"<{name}{role}{key}{heat}>{self.html}</{name}>"


@dataclass(frozen=True)
class Row:
    """A row of a table, its first cell the head; `of` is the preset that it belongs to, if the page has several.

    `kind` is a class of its looks.
    """

    cells: Sequence[Cell | str]
    of: str = ""
    kind: str = ""

    def tag(self, sortable: bool) -> str:
        """Return the row."""
        cells = [one if isinstance(one, Cell) else Cell(one) for one in self.cells]
        inner = "".join(cell.tag(head=i == 0, sortable=sortable) for i, cell in enumerate(cells))
        kind = f' class="{self.kind}"' if self.kind else ""
        return f"<tr{kind}{belongs(self.of)}>{inner}</tr>\n"


def belongs(preset: str) -> str:
    """Return the attribute of what is shown with one preset only; nothing for what always is."""
    return f' data-of="{escape(preset)}"' if preset else ""


def table(
    label: str, head: Sequence[str], rows: Iterable[Row], *, foot: Iterable[Row] = (), sortable: bool = False
) -> str:
    """Return a table that scrolls sideways where it is too wide; `sortable` makes a button of every heading.

    `label` says in plain words what the table is; headings and cells are HTML.
    """
    names = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{name}</button></th>'
        if sortable
        else f'<th scope="col">{name}</th>'
        for name in head
    )
    body, below = ("".join(row.tag(sortable) for row in group) for group in (rows, foot))
    foot_tag = f"<tfoot>\n{below}</tfoot>\n" if below else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">\n'
        f"<table{' class=sortable' if sortable else ''}>\n<thead><tr>{names}</tr></thead>\n"
        f"<tbody>\n{body}</tbody>\n{foot_tag}</table></div>\n"
    )
