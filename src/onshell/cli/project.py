"""The verb that lays out a project: a folder in which Snakemake runs, with all that a user edits."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import app
from onshell.config import PROJECT
from onshell.core.console import say
from onshell.core.errors import OnshellError
from onshell.core.files import reason

PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to make; one that is there must be empty.")],
) -> None:
    """Lay out a project: Snakefile, workflow, config.yaml, profiles and the software environment."""
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise OnshellError(f"{folder}: is not empty; name a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise reason(folder, error) from error
    try:
        for name in PARTS:
            if (PROJECT / name).is_dir():
                shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(PROJECT / name, folder / name)
    except BaseException as error:
        for name in PARTS:
            shutil.rmtree(folder / name, ignore_errors=True)
            if (folder / name).is_file():
                (folder / name).unlink()
        if isinstance(error, OSError):
            raise reason(folder, error) from error
        raise
    say(f"{folder}: laid out; next: cd {folder} && snakemake --cores all fig01")
