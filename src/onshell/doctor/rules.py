"""The rules of the workflow, read as text: nothing is run."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

RULE = re.compile(r"^(?:rule|checkpoint)\s+(\w+)\s*:(.*?)(?=^\w|\Z)", re.MULTILINE | re.DOTALL)
COPY = re.compile(r"^use\s+rule\s+(\w+)\s+as\s+(\w+)\b", re.MULTILINE)
LOCAL = re.compile(r"^localrules:((?:\s+\w+,?)+)", re.MULTILINE)


class Rule(NamedTuple):
    """Whether a rule runs where Snakemake does, and whether it says how long it takes."""

    local: bool
    timed: bool


def rules(folder: Path, products: Iterable[str]) -> dict[str, Rule]:
    """Return the rules of the workflow in `folder` by name; one for each of `products` is made in a loop, and local."""
    sources = [folder / "Snakefile", *sorted((folder / "workflow" / "rules").glob("*.smk"))]
    texts = [source.read_text(encoding="utf-8") for source in sources if source.is_file()]
    found = {}
    for text in texts:
        local = {name for block in LOCAL.findall(text) for name in re.findall(r"\w+", block)}
        for name, body in RULE.findall(text):
            here = name in local or re.search(r"^\s+localrule:\s*True", body, re.MULTILINE) is not None
            found[name] = Rule(here, re.search(r"^\s+runtime\s*=", body, re.MULTILINE) is not None)
    found |= {name: found[like] for text in texts for like, name in COPY.findall(text) if like in found}
    return found | {name: Rule(local=True, timed=True) for name in products if found}
