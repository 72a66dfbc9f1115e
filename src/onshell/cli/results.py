"""Verbs that compare and show what was made: distances and their floor, the summary, figures and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from onshell import __version__
from onshell import config as configuration
from onshell.cli.completion import names
from onshell.cli.options import (
    DEFAULT,
    Autoencoders,
    ConfigFile,
    Folder,
    Output,
    Preset,
    Scale,
    Seed,
    Settings,
    Truth,
    app,
    load,
)
from onshell.config.layout import Layout
from onshell.config.studies import entry_of, named
from onshell.core.console import apart, known, say
from onshell.core.errors import OnshellError
from onshell.core.progress import show_progress

Extended = Annotated[
    bool,
    typer.Option(
        "--extended",
        help="Also, as studies do: a boosted classifier, tau bin by bin, quantiles, the share outside a known cut.",
    ),
]

Judge = Annotated[
    str,
    typer.Option(
        help="The part of truth to compare with: test, or final, which no choice of settings has seen.",
        autocompletion=lambda: ["test", "final"],
    ),
]


@app.command()
def autoencoder(
    events: Truth,
    output: Output,
    train: Annotated[int, typer.Option(help="At most so many events of the training part.")] = 50_000,
    epochs: Annotated[int, typer.Option(help="Passes over them.")] = 20,
    seed: Seed = None,
) -> None:
    """Train the autoencoders of tab3 on truth alone."""
    from onshell.evaluation.commands import autoencoder_file

    apart(output, events)
    with show_progress(f"autoencoders of {events.name}"):
        autoencoder_file(events, output, seed=seed, max_events=train, epochs=epochs)


@app.command()
def floor(
    truth: Truth,
    output: Output,
    sample_size: Annotated[int, typer.Option(help="Events of the samples that it is for.")] = 100_000,
    autoencoder: Autoencoders = None,
    replicates: Annotated[int, typer.Option(help="Truth-against-truth comparisons.")] = 10,
    extended: Extended = False,
    classifier_replicates: Annotated[
        int, typer.Option(help="With --extended: comparisons, of these, that the classifier is trained for.")
    ] = 10,
    judge: Judge = "test",
    generator: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="A generator that is not of this package, which the truth names; its code is run. One of the "
            "configuration need not be said.",
        ),
    ] = None,
    seed: Seed = None,
    config: ConfigFile = DEFAULT,
) -> None:
    """Write the statistical floor: every distance between truth and truth, at the sizes of a sample and its test."""
    from onshell.evaluation.commands import MetricsOptions, floor_file
    from onshell.events.table import read_metadata

    apart(output, truth, autoencoder)
    wanted = read_metadata(truth).get("generator", "")
    # The file alone does not decide which code is run.
    if ":" in wanted and generator is None:
        sets = configuration.datasets(load(config, None)).values()
        generator = next((entry.generator for entry in sets if entry.generator == wanted), None)
    options = MetricsOptions(
        *(autoencoder, seed),
        replicates=replicates,
        classified=classifier_replicates,
        extended=extended,
        judge=judge,
        generator=generator,
    )
    with show_progress(f"floor of {truth.name}"):
        floor_file(truth, output, sample_size, options)


@app.command()
def metrics(
    samples: Annotated[list[Path], typer.Argument(help="Generated events (Parquet), of one truth.")],
    truth: Annotated[Path, typer.Option(help="Exact truth (Parquet).")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; of several samples the folder, for <run>.json.")
    ],
    autoencoder: Autoencoders = None,
    floor: Annotated[Path | None, typer.Option(help="The floor of the same truth, from `onshell floor`.")] = None,
    extended: Extended = False,
    run: Annotated[str | None, typer.Option(help="The name to give them, if not the model's.")] = None,
    judge: Judge = "test",
    seed: Seed = None,
) -> None:
    """Write and print every distance between generated events and truth, beside its floor if one is given."""
    from onshell.evaluation.commands import MetricsOptions, metrics_file
    from onshell.evaluation.metrics_text import lines

    several, options = len(samples) > 1, MetricsOptions(autoencoder, seed, extended=extended, judge=judge)
    if several and run:
        raise OnshellError(f"--run {run}: names one sample, but {len(samples)} are given; leave it out")
    if len({path.stem for path in samples}) < len(samples):
        raise OnshellError("samples: two have one name, and would be written to one file; give them one by one")
    for path in samples:
        out = output / f"{path.stem}.json" if several else output
        apart(out, path, truth, autoencoder, floor)
        with show_progress(f"metrics of {path.name}"):
            found = metrics_file(path, truth, out, options, floor=floor, run=run)
        for line in lines(found, str(path), str(truth)):
            say(line)


@app.command()
def summary(
    output: Folder = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write one table of the metrics of all runs, from products that exist: CSV and Markdown."""
    loaded = load(config, settings, scale=scale, preset=preset)

    from onshell.evaluation.summary import summary_file

    layout = Layout(loaded)
    paths = {kind: (output or Path(path).parent) / Path(path).name for kind, path in layout.summary().items()}
    summary_file(
        [Path(layout.metrics(run)) for run in loaded["runs"]],
        *(paths["csv"], paths["md"]),
        title=f"Metrics of the preset {loaded['preset']} at scale {loaded['scale']}",
        published=configuration.published(loaded),
        records={run: Path(layout.record(run)) for run in loaded["runs"]},
    )


def draw(group: str, chosen: Sequence[str], output: Path | None, loaded: configuration.Config) -> None:
    """Draw figures or write tables of the configuration, one after the other."""
    for name in chosen:
        known(group.removesuffix("s"), name, named(loaded, group))

    from onshell.figures.registry import draw_figure, write_table

    layout, work = Layout(loaded), draw_figure if group == "figures" else write_table
    for name in chosen:
        stem = (output or Path(next(iter(layout.product(group, name).values()))).parent) / name
        files = layout.inputs(group, name) | {"timed": layout.timed(group, name)}
        work(name, entry_of(loaded, group, name), files, stem)


@app.command()
def figure(
    name: Annotated[
        list[str],
        typer.Argument(help="Figures of the configuration, such as fig03.", autocompletion=names("figure")),
    ],
    output: Folder = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Draw figures from products that exist: PDF, PNG, and the drawn numbers as CSV."""
    draw("figures", name, output, load(config, settings, scale=scale, preset=preset))


@app.command()
def table(
    name: Annotated[
        list[str],
        typer.Argument(help="Tables of the configuration, such as tab2.", autocompletion=names("table")),
    ],
    output: Folder = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write tables from products that exist: CSV, TeX and Markdown."""
    draw("tables", name, output, load(config, settings, scale=scale, preset=preset))


@app.command()
def page(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write, if not the usual one.")
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="The folder of the captions, if not workflow/report beside the configuration.")
    ] = None,
    scale: Scale = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write one page of everything at a scale, of all its presets, from products that exist: index.html."""
    loaded = load(config, settings, scale=scale)

    from onshell.report.page import page_file

    captions = captions or configuration.home(config[0]).parent / "workflow" / "report"
    page_file(loaded, captions, output or Path(Layout(loaded).page()))


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)
