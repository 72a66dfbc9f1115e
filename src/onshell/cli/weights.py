"""The verb that weights a model's events to a known process."""

from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import Output, app
from onshell.core.console import apart
from onshell.core.progress import show_progress


@app.command()
def weights(
    samples: Annotated[Path, typer.Argument(help="Events from `onshell sample --with-likelihood` (Parquet).")],
    output: Output,
    truth: Annotated[
        Path | None, typer.Option(help="Weight to the process of this table, from `onshell generate`.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="Or to this one: uniform, muon, or a custom matrix element, module:function."),
    ] = None,
    fibre: Annotated[
        str, typer.Option(help="The law of (b, x) in the target: prior, fitted (to the events), or auto.")
    ] = "auto",
    report: Annotated[
        Path | None, typer.Option("--json", help="Write what the weights are worth to this file.")
    ] = None,
) -> None:
    """Write events with importance weights, and say what they are worth: effective sample size, efficiency."""
    from onshell.evaluation.reweight import reweight_file

    apart(output, samples, truth)
    apart(report, samples, truth, output)
    with show_progress(f"weights of {samples.name}"):
        reweight_file(samples, output, truth=truth, target=target, fibre=fibre, report=report)
