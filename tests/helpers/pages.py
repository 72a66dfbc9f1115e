"""The code on the pages of docs/, as a reader would meet it: blocks in their order, lines of shell apart."""

import re
from dataclasses import dataclass
from pathlib import Path

from helpers.clones import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"results", "examples", "build"} & set(path.parts))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
KINDS = ("bash", "python", "yaml", "text")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text and the line of the page that it begins in."""

    kind: str
    text: str
    line: int

    @property
    def lines(self) -> list[str]:
        """Return the command lines of a block of shell."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @property
    def file(self) -> str | None:
        """Return the name of the file that a block is, if its first line is a comment that names one."""
        match = re.match(r"# (\w+\.(?:py|yaml))\n", self.text)
        return match and match[1]


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in FENCE.finditer(text)]


def commands(program: str) -> list[tuple[Path, str]]:
    """Return the command lines of a program on all pages, with their pages."""
    found = [(page, line) for page in PAGES for block in blocks(page) if block.kind == "bash" for line in block.lines]
    return [(page, line) for page, line in found if line.split()[0] == program]
