"""The numbers of the comparison in words are those of the collected tables, docs/results/studies, row by row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "docs" / "results" / "studies"
COLUMNS = {
    "events": "events",
    "worst energy": "W1 E",
    "log τ": "W1 log τ",
    "mean of all": "W1 mean",
    "AUC": "AUC",
    "evaluations": "evaluations/event",
    "events/s": "events/s",
}
"""Columns of the discussion by what the collected tables call them."""


def tables(text):
    """Yield the tables of a Markdown text as a list of dicts, one a row, by the words of the head."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.splitlines()]
        head, _, *rows = [[cell.strip() for cell in line] for line in lines]
        yield [dict(zip(head, row, strict=True)) for row in rows]


def bare(cell):
    """Return a number, perhaps with its range, without the floor in brackets that follows an AUC."""
    return re.sub(r" \([\d.]+\)$", "", cell)


def matches(cell, found):
    """Return whether a cell of the discussion is one of the tables, of which it may leave the range out."""
    return cell in (bare(found), bare(found).split(" [")[0])


def discussed():
    """Return the rows of models, from tables that have a column of log tau."""
    section = (ROOT / "docs" / "results" / "discussion.md").read_text().split("## `best` beside")[1].split("\n## ")[0]
    return [row for table in tables(section) for row in table if {"log τ", "evaluations"} <= set(row)]


def collected():
    found = []
    for path in sorted(STUDIES.glob("tab_*.md")):
        (rows,) = tables(path.read_text())
        found += rows
    return found


@pytest.mark.parametrize("row", discussed(), ids=lambda row: next(iter(row.values()))[:60])
def test_a_row_of_the_discussion_is_one_of_the_collected_tables(row):
    wanted = {COLUMNS[key]: cell for key, cell in row.items() if key in COLUMNS}
    assert len(wanted) >= 3
    assert [found for found in collected() if all(matches(cell, found.get(key, "")) for key, cell in wanted.items())]


def test_every_preset_is_discussed_for_every_process():
    rows = [next(iter(row.values())) for row in discussed()]
    for preset in ("`paper`", "`record`", "**`best`**"):
        assert sum(preset in row for row in rows) >= 3
