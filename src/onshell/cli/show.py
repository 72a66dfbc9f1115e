"""The verb that looks into an event table."""

from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import app
from onshell.core.console import apart, say
from onshell.core.errors import OnshellError
from onshell.core.files import json_text


@app.command()
def show(
    events: Annotated[
        Path, typer.Argument(help="An event table (Parquet): truth, training set, samples, imports, ...")
    ],
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too, into a PNG, PDF or SVG file.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="TRUTH", help="Draw it beside this table or Les Houches file, with ratios.")
    ] = None,
    metadata: Annotated[bool, typer.Option("--metadata", help="Print its whole metadata instead, as JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON document.")] = False,
) -> None:
    """Print what is in an event table: what it is, how well it conserves, ranges, quantiles, weights; and draw it."""
    apart(plot, events, against)
    if against is not None and plot is None:
        raise OnshellError(f"--against {against}: is of the picture; give --plot FILE too, or use `onshell compare`")
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
        from onshell.figures.process import draw_overlay, draw_overview

        if against is not None:
            from onshell.evaluation.comparing import check_comparable, read_sample

            theirs = read_sample(against)
            check_comparable((events, against), table, theirs)
            draw_overlay((events.stem, table), (against.stem, theirs), plot)
        else:
            label = table.metadata.get("run") or table.metadata.get("dataset") or events.stem
            draw_overview(table, plot, label=label)
        if not as_json:
            say(f"{plot}: drawn")
