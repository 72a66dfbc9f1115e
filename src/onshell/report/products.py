"""Figures and tables on the page: picture, caption, and links to the data of each."""

import os
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

from onshell.core.errors import OnshellError
from onshell.core.markup import Cell, Row, belongs, table
from onshell.report.captions import first_sentence
from onshell.report.collect import Exhibit, Scale, Variant, panels
from onshell.report.format import capital, typeset
from onshell.report.pictures import Picture

WORDS = {"figures": "Figure", "tables": "Table"}
LINKS = {"tex": "TeX", "md": "Markdown", "figures.csv": "drawn numbers", "tables.csv": "full numbers"}


def exhibits(scale: Scale, subject: str) -> Iterator[str]:
    """Yield the figures and tables about one process."""
    yield from (exhibit(scale, one) for one in scale.exhibits if one.subject == subject)


def exhibit(scale: Scale, one: Exhibit) -> str:
    """Return a figure or table in all presets that have it."""
    title, caption = typeset(capital(one.title)), typeset(one.caption)
    bodies = "".join(_variant(scale, one, variant) for variant in one.variants)
    return (
        f'<article class="exhibit" id="{escape(one.name)}" aria-labelledby="{escape(one.name)}-title">\n'
        f'<h3 id="{escape(one.name)}-title"><span class="number">{label(one)}</span> {title}</h3>\n'
        f'<p class="caption">{caption}</p>\n{bodies}</article>\n'
    )


def label(one: Exhibit) -> str:
    """Return what people call it: Figure 3, Table 1; a name that is not numbered stays."""
    match = re.fullmatch(r"(?:fig|tab)0*(\d+)", one.name)
    return f"{WORDS[one.group]} {match[1]}" if match else escape(one.name)


def _variant(scale: Scale, one: Exhibit, variant: Variant) -> str:
    """Return what one preset made of it, and the links to its files."""
    preset = scale.of(variant.preset)
    name = f'<p class="preset">{escape(preset)}</p>\n' if preset else ""
    shown = _picture(one, variant) if one.group == "figures" else _table(one, variant)
    return f'<div class="variant"{belongs(preset)}>\n{name}{shown}{_links(scale, one, variant)}</div>\n'


def _picture(one: Exhibit, variant: Variant) -> str:
    """Return the picture, in a button that shows it large."""
    image = Picture.of(variant.files["png"]).tag(alt(one, variant))
    return f'<button type="button" class="plate" title="Show it large" data-title="{label(one)}">{image}</button>\n'


def alt(one: Exhibit, variant: Variant) -> str:
    """Return what a figure shows in words: its subject, the samples and laws drawn, and its panels."""
    axes, series = panels(variant.files.get("csv"))
    told = [first_sentence(one.caption).rstrip(".") or one.title]
    told += [f"Drawn: {_list(series)}"] if series else []
    told += [f"{len(axes)} panels: {_list(axes)}"] if len(axes) > 1 else []
    return f"{label(one)}. {'. '.join(told)}."


def _list(names: list[str], most: int = 12) -> str:
    """Return names with commas between them, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _links(scale: Scale, one: Exhibit, variant: Variant) -> str:
    """Return the links to the files of an exhibit, and to the events that it was made from."""
    files = [
        link(scale, path, LINKS.get(f"{one.group}.{kind}") or LINKS.get(kind) or kind.upper())
        for kind, path in variant.files.items()
    ]
    sources = [link(scale, path, name) for name, path in variant.sources.items()]
    count = f"{len(sources)} files" if len(sources) > 1 else "1 file"
    made = f"<details><summary>made from {count}</summary><p>{' '.join(sources)}</p></details>" if sources else ""
    return f'<div class="links"><p>{" ".join(files)}</p>{made}</div>\n'


def link(scale: Scale, path: Path, words: str) -> str:
    """Return a link from the page to a file, with its kind and size."""
    address = quote(Path(os.path.relpath(path, scale.page.parent)).as_posix())
    size = f"{path.suffix[1:].upper()}, {size_of(path)}"
    return f'<a href="{address}" title="{escape(size)}">{escape(words)}</a>'


def size_of(path: Path) -> str:
    """Return the size of a file as people read it."""
    return weight(path.stat().st_size)


def weight(size: float) -> str:
    """Return a size in bytes as people read it."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _table(one: Exhibit, variant: Variant) -> str:
    """Return a table that was written in Markdown, and the words below it."""
    path = variant.files["md"]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not readable as a table; make it again (`onshell table`)") from error
    rows = [_cells(line) for line in lines if line.startswith("|")]
    if len(rows) < 3 or {len(row) for row in rows} != {len(rows[0])}:
        raise OnshellError(f"{path}: not a table in Markdown; make it again (`onshell table`)")
    head, _, *body = rows
    notes = "".join(f'<p class="note">{typeset(line)}</p>\n' for line in lines if line and not line.startswith("|"))
    lines = [Row([Cell(number(cell)) for cell in row]) for row in body]
    return table(f"{label(one)}: {one.title}", [typeset(name) for name in head], lines) + notes


def _cells(line: str) -> list[str]:
    """Return the cells of one line of a table in Markdown."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def number(text: str) -> str:
    """Return a cell as HTML, a power of ten raised and nothing broken at a line's end."""
    raised = re.sub(r"(\(.*?\))e(-?)(\d+)", r"\1 × 10<sup>\2\3</sup>", typeset(text))
    return raised.replace("<sup>-", "<sup>−").replace(" × ", "\u2009×\u2009")
