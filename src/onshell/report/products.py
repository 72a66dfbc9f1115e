"""Figures and tables on the page: picture or table, and links to the data of each."""

import base64
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from PIL import Image

from onshell.core.errors import OnshellError
from onshell.core.format import format_bytes, shorten
from onshell.report.collect import Product, Scale, Variant, panels
from onshell.report.pictures import small_png
from onshell.report.table import Cell, Row, Table
from onshell.report.text import first_sentence, format_cell, format_text

WORDS = {"figures": "Figure", "tables": "Table"}
LINKS = {"tex": "TeX", "md": "Markdown", "figures.csv": "drawn numbers", "tables.csv": "full numbers"}


class Link(NamedTuple):
    """A link from the page to a file, and what the file is: its kind and size."""

    href: str
    title: str
    text: str


class Picture(NamedTuple):
    """A PNG inside the page, its size in pixels, and what it shows in words."""

    source: str
    width: int
    height: int
    alt: str


def label(product: Product) -> str:
    """Return what people call a figure or table: Figure 3, Table 1; a name that is not numbered stays."""
    match = re.fullmatch(r"(?:fig|tab)0*(\d+)", product.name)
    return f"{WORDS[product.group]} {match[1]}" if match else product.name


def picture(product: Product, variant: Variant) -> Picture:
    """Return the picture of a figure, made small."""
    data = small_png(variant.files["png"])
    with Image.open(io.BytesIO(data)) as image:
        return Picture(base64.b64encode(data).decode(), *image.size, alt(product, variant))


def alt(product: Product, variant: Variant) -> str:
    """Return what a figure shows in words: its subject, the samples and laws drawn, and its panels."""
    axes, series = panels(variant.files.get("csv"))
    words = [first_sentence(product.caption).rstrip(".") or product.title]
    words += [f"Drawn: {shorten(series, 12)}"] if series else []
    words += [f"{len(axes)} panels: {shorten(axes, 12)}"] if len(axes) > 1 else []
    return f"{label(product)}. {'. '.join(words)}."


def table(product: Product, variant: Variant) -> tuple[Table, list[str]]:
    """Return a table that was written in Markdown, and the lines below it."""
    path = variant.files["md"]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not readable as a table; make it again (`onshell table`)") from error
    rows = [_cells(line) for line in lines if line.startswith("|")]
    if len(rows) < 3 or {len(row) for row in rows} != {len(rows[0])}:
        raise OnshellError(f"{path}: not a table in Markdown; make it again (`onshell table`)")
    head, _, *body = rows
    notes = [line for line in lines if line and not line.startswith("|")]
    lines_below = [Row([Cell(format_cell(cell)) for cell in row]) for row in body]
    return Table(f"{label(product)}: {product.title}", [format_text(name) for name in head], lines_below), notes


def _cells(line: str) -> list[str]:
    """Return the cells of one line of a table in Markdown."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def file_links(scale: Scale, product: Product, variant: Variant) -> Iterator[Link]:
    """Yield the links to the files of a figure or table."""
    for kind, path in variant.files.items():
        yield link(scale, path, LINKS.get(f"{product.group}.{kind}") or LINKS.get(kind) or kind.upper())


def source_links(scale: Scale, variant: Variant) -> list[Link]:
    """Return the links to the files that a figure or table was made from."""
    return [link(scale, path, name) for name, path in variant.sources.items()]


def link(scale: Scale, path: Path, text: str) -> Link:
    """Return a link from the page to a file."""
    address = quote(Path(os.path.relpath(path, scale.page.parent)).as_posix())
    return Link(address, f"{path.suffix[1:].upper()}, {format_bytes(path.stat().st_size)}", text)
