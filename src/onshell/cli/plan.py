"""The verb that prices a call of Snakemake before it is made."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import DEFAULT, Preset, Scale, Settings, app
from onshell.core.console import say
from onshell.core.errors import OnshellError
from onshell.core.files import json_text
from onshell.core.progress import show_progress


@app.command()
def plan(
    targets: Annotated[list[str] | None, typer.Argument(help="Figures, tables, groups or files; none: all.")] = None,
    scale: Scale = None,
    preset: Preset = None,
    settings: Settings = None,
    profile: Annotated[
        Path | None, typer.Option(help="A workflow profile of Snakemake, such as profiles/slurm; none: this machine.")
    ] = None,
    measured: Annotated[
        bool, typer.Option("--measured", help="Price jobs by earlier runs on this machine, where they are comparable.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, with every job.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page that needs nothing else.")] = None,
) -> None:
    """Show what a call of Snakemake would run and cost; nothing is written."""
    if as_json and html is not None:
        raise OnshellError("--json, --html: choose one; --json prints, --html writes a page")

    from onshell.planning.plan import make_plan

    named = [f"{key}={value}" for key, value in (("scale", scale), ("preset", preset)) if value is not None]
    with show_progress("asking Snakemake") if not as_json else nullcontext():
        found = make_plan(DEFAULT[0], [*(settings or []), *named], targets or [], profile=profile, measured=measured)
    if as_json:
        say(json_text(found.document()).rstrip())
    elif html is not None:
        from onshell.report.plan import write_page

        write_page(found, html)
        say(f"{html}: {found.totals['all'].to_run} jobs to run")
    else:
        from onshell.planning.table import show

        show(found)
