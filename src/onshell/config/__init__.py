"""The configuration: loaded, overridden, validated, and read as datasets and runs.

The file is `config.yaml`, with those that it includes; a run of Snakemake may override any key. A faulty configuration
gives one line with the key's path, the bad value and the nearest valid one.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from onshell.config.compose import DEFAULT, PROJECT, expand, home, read
from onshell.config.datasets import (
    IMPORT,
    Dataset,
    Imported,
    datasets,
    import_options,
    imported_figures,
    missing_source,
)
from onshell.config.overrides import apply, merge
from onshell.config.resolve import (
    RESOURCES,
    digest,
    judge_of,
    n_events,
    n_samples,
    network_of,
    published,
    recipe_of,
    resources_of,
    run_spec,
    sized,
)
from onshell.config.studies import RUN_NAME, Config
from onshell.core.errors import OnshellError
from onshell.core.paths import expand_all

__all__ = [
    "DEFAULT",
    "IMPORT",
    "PROJECT",
    "RESOURCES",
    "RUN_NAME",
    "Config",
    "Dataset",
    "Imported",
    "apply",
    "datasets",
    "digest",
    "expand",
    "home",
    "import_options",
    "judge_of",
    "load",
    "merge",
    "missing_source",
    "n_events",
    "n_samples",
    "network_of",
    "published",
    "read",
    "recipe_of",
    "resources_of",
    "run_spec",
    "sized",
    "unwritable",
    "validate",
]


def load(path: str | Path | Sequence[Path] = DEFAULT, settings: Iterable[str] = ()) -> Config:
    """Return the validated configuration in `path`, with the overrides `settings` applied.

    Of several paths each is laid over those before it; without a config.yaml in the folder the package's own counts.

    Raises
    ------
    OnshellError
        When the file is missing, is not YAML, or does not validate.
    """
    paths = [path] if isinstance(path, str | Path) else path
    source = " with ".join(map(str, paths))
    return validate(expand(apply(read(*paths), settings), source), source)


def validate(config: Config, source: str = "config.yaml") -> Config:
    """Return `config` if it is valid, or raise `OnshellError` with one line for the first problem.

    Paths get `~` and variables in place, and each process with a source a figure, unless there is one of that name.
    """
    from onshell.config.cross_checks import problems

    for problem in problems(config):
        raise OnshellError(f"{source}: {problem}")
    if refusal := expand_all(config):
        raise OnshellError(f"{source}: {refusal}")
    for name, entry in imported_figures(config).items():
        config["figures"].setdefault(name, entry)
    return config


def unwritable(folder: str) -> str | None:
    """Return why products cannot be written to `folder`, in one line, or None; nothing is made or touched."""
    path = Path(folder).absolute()
    try:
        while not path.exists():
            # A link that leads nowhere is no folder either, and none can be made in its place.
            if path.is_symlink():
                return f"results: {folder!r}: {path} is a link to nothing; name another folder, or remove the link"
            path = path.parent
    except OSError as error:
        return f"results: {folder!r}: cannot look into {path} ({error.strerror}); use --config results=..."
    if not path.is_dir():
        return f"results: {folder!r}: {path} is a file; name another folder with --config results=..."
    if not os.access(path, os.W_OK | os.X_OK):
        return f"results: {folder!r}: cannot write to {path}; change its permissions or use --config results=..."
    return None
