"""Paths that the configuration names: `~` and variables in place, and a word for what cannot be a path."""

import os
import re
from pathlib import Path
from typing import Any

VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([^{}]*)\})")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
SURROGATE = re.compile(r"[\ud800-\udfff]")


def expand(text: str) -> str:
    """Return a path with `~` and variables (`$NAME`, `${NAME}`) in place.

    Raises
    ------
    ValueError
        When a variable or a home is missing, and when the result cannot be the path of a product: in one line.
    """
    unset = [name for match in VARIABLE.finditer(text) if (name := match[1] or match[2]) not in os.environ]
    if unset:
        raise ValueError(f"the environment has no variable {unset[0]!r}; set it, or write the path itself")
    path = os.path.expanduser(VARIABLE.sub(lambda match: os.environ[match[1] or match[2]], text))  # noqa: PTH111
    if path.startswith("~"):
        raise ValueError(f"there is no home {path.split('/')[0]!r}; write ./{path} for a folder of that name")
    if remedy := _impossible(path):
        raise ValueError(remedy)
    return path


def expand_all(config: dict[str, Any]) -> str | None:
    """Expand the paths of a valid configuration in place; return in one line which of them cannot be one, or None."""
    places = [("results", config)]
    places += [(f"processes.{name}.source", entry) for name, entry in config["processes"].items() if "source" in entry]
    for place, entry in places:
        key = place.rpartition(".")[2]
        try:
            entry[key] = expand(entry[key])
        except ValueError as error:
            return f"{place}: {entry[key]!r}: {error}"
    return None


def remote(path: str) -> str | None:
    """Return in one line why jobs on a cluster cannot get `path`, or None.

    Snakemake writes paths into their scripts as Python writes text, which a shell reads otherwise.
    """
    if "\\" in path or ("'" in path and re.search('["$`]', path)):
        return f"{path!r}: a job on a cluster cannot get this path; name one without backslashes and quotes"
    return None


def _impossible(path: str) -> str | None:
    """Return why `path`, as it was expanded, cannot be the path of a product, or None."""
    if not path.strip():
        return "is empty; name a folder or file"
    if CONTROL.search(path):
        return "holds a line break or another control character; name it without"
    if SURROGATE.search(path):
        return "is not UTF-8 text, as paths in tables and logs must be; name it otherwise"
    if "{" in path or "}" in path:
        return "holds braces, which Snakemake takes for wildcards; name it without"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
        return "is an address; name a folder or file that is mounted here"
    if str(Path(path)).startswith("-"):
        return "begins with a dash, as an option does; name it by its whole path"
    if any(len(os.fsencode(part)) > os.pathconf("/", "PC_NAME_MAX") for part in Path(path).parts):
        return "holds a name that is too long for a file system; shorten it"
    return None
