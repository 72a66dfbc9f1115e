"""What the verbs share: the application, the types of their options, and the configuration with its overrides."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from onshell import __version__
from onshell import config as configuration
from onshell.cli.completion import names
from onshell.core.console import say
from onshell.core.errors import OnshellError

AT_LEAST_ONE = {"n_particles", "processes", "nodes", "threads", "epochs"}
"""Counts without which a verb has nothing to do."""
LARGEST, LARGEST_SEED = 10**10, 2**63 - 1


class Verb(TyperCommand):
    """A verb that looks at the numbers of all its options before it does anything."""

    def get_params(self, ctx: typer.Context) -> list[Any]:
        """Return the options; those that take no value show none in the help."""
        found = super().get_params(ctx)
        for option in found:
            if getattr(option, "is_flag", False) and option.metavar is None:
                option.metavar = ""
        return found

    def invoke(self, ctx: typer.Context) -> Any:
        """Call the verb, or raise `OnshellError` for a number that cannot be meant."""
        for option in self.params:
            value = ctx.params.get(option.name)
            if fault := number_fault(option.name, value):
                raise OnshellError(f"{max(option.opts, key=len)} {value}: {fault}")
        return super().invoke(ctx)


class Verbs(typer.Typer):
    """An application each of whose verbs is a `Verb`."""

    def command(self, name: str | None = None, **options: Any) -> Any:
        """Return what makes a verb of a function."""
        return super().command(name, **{"cls": Verb, **options})


def number_fault(name: str | None, value: Any) -> str | None:
    """Return why the option called `name` cannot have this value, or None; no number of a verb may be negative."""
    if not isinstance(value, int | float):
        return None
    if not math.isfinite(value):
        return "is not a finite number; write one, such as 0.5"
    least, most = int(name in AT_LEAST_ONE), LARGEST_SEED if name == "seed" else LARGEST
    if value < least:
        return f"is too small; write {least} or more"
    return f"is too large; write {most:,} or less" if isinstance(value, int) and value > most else None


app = Verbs(
    help="Generative models that stay on phase space (arXiv:2604.02415): events in, models, events out.\n\n"
    "Every verb is one job of the workflow; `snakemake --cores all` calls them in their order. Verbs that name a "
    "dataset, a run or a figure read config.yaml in the folder where they are called, or else the package's own; "
    "`onshell init` lays out a folder to edit.",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TRACEBACK = "--traceback"


def print_version(wanted: bool) -> None:
    """Print the version and leave, if that is `wanted`."""
    if wanted:
        say(__version__)
        raise typer.Exit


@app.callback()
def every(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option(TRACEBACK, help="Show where an error came from; so does ONSHELL_TRACEBACK=1.")
    ] = False,
) -> None:
    """Take what goes with any verb; `main` looks for it by itself, wherever it stands."""


ConfigFile = Annotated[
    list[Path],
    typer.Option(
        "--config",
        help="The configuration; several files are laid over each other, later ones count. Without a config.yaml in "
        "the folder the package's own serves.",
    ),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override a key of the configuration.")
]
Scale = Annotated[
    str | None,
    typer.Option(help="Sizes: an entry of `scales` in the configuration.", autocompletion=names("scale")),
]
Preset = Annotated[
    str | None,
    typer.Option(help="Model settings: an entry of `presets` in the configuration.", autocompletion=names("preset")),
]
EventTable = Annotated[Path, typer.Argument(help="An event table (Parquet with px, py, pz).")]
Truth = Annotated[Path, typer.Argument(help="Exact truth (Parquet).")]
TrainingSet = Annotated[Path | None, typer.Option("--data", help="The training set, if not the usual one.")]
Autoencoders = Annotated[Path | None, typer.Option("--autoencoder", help="Autoencoders of the same truth.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Folder = Annotated[Path | None, typer.Option("--output", "-o", help="The folder to write to, if not the usual one.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Count = Annotated[int | None, typer.Option("--events", "-n", help="How many events.")]
Seed = Annotated[int | None, typer.Option(help="Seed of every random stream.")]
DEFAULT = [configuration.DEFAULT]


def load(paths: Sequence[Path], settings: list[str] | None, **keys: Any) -> configuration.Config:
    """Return the configuration with all overrides: those of --set, and --scale and the like."""
    named = [f"{key}={value}" for key, value in keys.items() if value is not None]
    return configuration.load(paths, [*(settings or []), *named])
