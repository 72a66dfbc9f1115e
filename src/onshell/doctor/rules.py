"""The rules of the workflow, read as text: nothing is run."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

RULE = re.compile(r"^(?:rule|checkpoint)\s+(\w+)\s*:", re.MULTILINE)
COPY = re.compile(r"^use\s+rule\s+(\w+)\s+as\s+(\w+)\b", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """A rule: its name, whether it runs where Snakemake does, and whether it says how long it takes."""

    name: str
    local: bool
    timed: bool


def rules(folder: Path, products: Iterable[str]) -> dict[str, Rule]:
    """Return the rules of the workflow in `folder` by name; one for each of `products` is made in a loop, and local."""
    sources = [folder / "Snakefile", *sorted((folder / "workflow" / "rules").glob("*.smk"))]
    found = {}
    for source in sources:
        if source.is_file():
            found |= {rule.name: rule for rule in _rules(source.read_text(encoding="utf-8"))}
    copies = [copy for source in sources if source.is_file() for copy in COPY.findall(source.read_text("utf-8"))]
    found |= {name: replace(found[like], name=name) for like, name in copies if like in found}
    return found | {name: Rule(name, local=True, timed=True) for name in products if found}


def _rules(text: str) -> Iterable[Rule]:
    """Yield the rules in the text of a Snakefile."""
    begins = [*RULE.finditer(text)]
    ends = [*(begin.start() for begin in begins[1:]), len(text)]
    locals_ = {
        name for block in re.findall(r"^localrules:((?:\s+\w+,?)+)", text, re.MULTILINE) for name in _words(block)
    }
    for begin, end in zip(begins, ends, strict=False):
        block = text[begin.start() : end]
        local = begin[1] in locals_ or re.search(r"^\s+localrule:\s*True", block, re.MULTILINE) is not None
        yield Rule(begin[1], local, re.search(r"^\s+runtime\s*=", block, re.MULTILINE) is not None)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)
