"""Verbs that set samples beside each other: any two, and a model that comes with the package beside fresh truth."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from onshell.cli.options import Seed, app
from onshell.core.console import apart, say
from onshell.core.files import json_text
from onshell.core.progress import show_progress

Plot = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Draw both, and their ratio, too, into a PNG, PDF or SVG file.")
]


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="An event table or a Les Houches file; of a table the part held out.")],
    b: Annotated[Path, typer.Argument(help="Another: what the first is compared with.")],
    plot: Plot = None,
    replicates: Annotated[int, typer.Option(help="Divisions of all events at random that make the floor.")] = 10,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print every distance between two samples of events beside what chance alone does, and draw both."""
    from onshell.evaluation.comparing import Comparison, check_comparable, compare_events, read_sample
    from onshell.evaluation.metrics_text import lines

    apart(plot, a, b)
    ours, theirs = read_sample(a), read_sample(b)
    check_comparable((a, b), ours, theirs)
    with show_progress(f"{a.name} beside {b.name}"):
        found = compare_events(ours, theirs, Comparison(replicates, seed=seed or 0))
    if as_json:
        say(json_text(found).rstrip())
    else:
        for line in lines(found, str(a), str(b)):
            say(line)
    if plot is not None:
        from onshell.figures.process import draw_overlay

        draw_overlay((a.stem, ours), (b.stem, theirs), plot)
        if not as_json:
            say(f"{plot}: drawn")


@app.command()
def demo(
    model: Annotated[str, typer.Argument(help="A model of the zoo, with or without `zoo:` before its name.")] = "muon",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The picture to write, a PNG, PDF or SVG file.")
    ] = Path("demo.png"),
    events: Annotated[int, typer.Option("--events", "-n", help="How many events.")] = 10_000,
    seed: Seed = None,
) -> None:
    """Draw events from a model that comes with the package, and set them beside fresh truth: numbers and a picture."""
    from onshell import config as configuration
    from onshell.evaluation.comparing import Comparison, compare_events, read_sample
    from onshell.evaluation.metrics_text import lines
    from onshell.events.datasets import Truth, generate_file
    from onshell.figures.process import draw_overlay
    from onshell.sampling.commands import SampleOptions, sample_file
    from onshell.training.checkpoint import read_model
    from onshell.zoo import PREFIX, path_of

    name = model if model.startswith(PREFIX) else f"{PREFIX}{model}"
    path, number = path_of(name), 1 if seed is None else seed
    apart(output)
    dataset = read_model(path)["spec"]["dataset"]
    entry = configuration.datasets(configuration.load())[dataset]
    # Another seed than that of the configuration: neither training nor metrics have seen these events.
    about = Truth(dataset, entry.process, entry.generator, entry.parameters, number, 0, events, cutoff=entry.cutoff)
    with tempfile.TemporaryDirectory() as folder, show_progress(name):
        drawn, truth = Path(folder, "drawn.parquet"), Path(folder, "truth.parquet")
        sample_file(path, drawn, events, SampleOptions(seed=number))
        generate_file(truth, about)
        ours, theirs = read_sample(drawn), read_sample(truth)
        found = compare_events(ours, theirs, Comparison(seed=number))
    for line in lines(found, name, f"truth of {dataset}"):
        say(line)
    worst = found["conservation"]
    say(f"conservation: |sum E - 1| <= {worst['energy_max']:.1e}, |sum p| <= {worst['momentum_max']:.1e}")
    draw_overlay((name, ours), ("truth", theirs), output)
    say(f"{output}: drawn")
