"""The verb that looks into an event table."""

from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import app
from onshell.core.console import apart, say
from onshell.core.files import json_text


@app.command()
def show(
    events: Annotated[
        Path, typer.Argument(help="An event table (Parquet): truth, training set, samples, imports, ...")
    ],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too, into a PNG, PDF or SVG file.")
    ] = None,
    metadata: Annotated[bool, typer.Option("--metadata", help="Print its whole metadata instead, as JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
) -> None:
    """Print what is in an event table: what it is, how well it conserves, ranges, quantiles, weights; and draw it."""
    apart(plot, events)
    from onshell.events.table import read_events, read_metadata

    if metadata:
        say(json_text(read_metadata(events)).rstrip())
        return

    from onshell.evaluation.overview import overview
    from onshell.evaluation.overview_text import lines

    # Events off the shell are shown, and called that.
    table = read_events(events, check="finite")
    about = overview(table, events)
    if as_json:
        say(json_text(about | {"metadata": table.metadata}).rstrip())
    else:
        for line in lines(about, table.metadata, str(events)):
            say(line)
    if plot is not None:
        from onshell.figures.process import draw_overview

        draw_overview(table, plot, label=table.metadata.get("run") or table.metadata.get("dataset") or events.stem)
        if not as_json:
            say(f"{plot}: drawn")
