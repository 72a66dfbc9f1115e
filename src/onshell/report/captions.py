"""The captions of figures and tables: those that Snakemake's report shows."""

import re
from pathlib import Path

from onshell.core.errors import OnshellError


def caption(path: Path) -> str:
    """Return a caption in plain words on one line, `code` in backquotes; nothing where there is none."""
    if not path.is_file():
        return ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not readable as a caption; write it in UTF-8") from error
    return re.sub(r"\\(.)", r"\1", " ".join(text.split()).replace("``", "`"))


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop that ends a sentence, and that."""
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]
