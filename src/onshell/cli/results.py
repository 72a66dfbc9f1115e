"""Verbs that compare and show what was made: distances and their floor, the summary, figures and tables."""

from pathlib import Path
from typing import Annotated

import typer

from onshell import __version__
from onshell import config as configuration
from onshell.cli.options import DEFAULT, ConfigFile, Folder, Output, Preset, Scale, Seed, Settings, app, load
from onshell.console import apart, known, say
from onshell.layout import Layout


@app.command()
def autoencoder(
    events: Annotated[Path, typer.Argument(help="Exact truth (Parquet).")],
    output: Output,
    train: Annotated[int, typer.Option(help="At most so many events of the training part.")] = 50_000,
    epochs: Annotated[int, typer.Option(help="Passes over them.")] = 20,
    seed: Seed = None,
) -> None:
    """Train the autoencoders of tab3 on truth alone."""
    from onshell.evaluation.commands import autoencoder_file

    apart(output, events)
    autoencoder_file(events, output, seed=seed, max_events=train, epochs=epochs, progress=say)


@app.command()
def floor(
    truth: Annotated[Path, typer.Argument(help="Exact truth (Parquet).")],
    output: Output,
    sample_size: Annotated[int, typer.Option(help="Events of the samples that it is for.")] = 100_000,
    autoencoder: Annotated[Path | None, typer.Option(help="Autoencoders of the same truth.")] = None,
    replicates: Annotated[int, typer.Option(help="Truth-against-truth comparisons.")] = 10,
    seed: Seed = None,
) -> None:
    """Write the statistical floor: every distance between truth and truth, at the sizes of a sample and its test."""
    from onshell.evaluation.commands import floor_file

    apart(output, truth, autoencoder)
    sizes = {"sample_size": sample_size, "replicates": replicates}
    floor_file(truth, output, **sizes, autoencoder=autoencoder, seed=seed, progress=say)


@app.command()
def metrics(
    samples: Annotated[Path, typer.Argument(help="Generated events (Parquet).")],
    truth: Annotated[Path, typer.Option(help="Exact truth (Parquet).")],
    output: Output,
    autoencoder: Annotated[Path | None, typer.Option(help="Autoencoders of the same truth.")] = None,
    floor: Annotated[Path | None, typer.Option(help="The floor of the same truth, from `onshell floor`.")] = None,
    seed: Seed = None,
) -> None:
    """Write every distance between generated events and truth, beside its statistical floor if one is given."""
    from onshell.evaluation.commands import metrics_file

    apart(output, samples, truth, autoencoder, floor)
    metrics_file(samples, truth, output, autoencoder=autoencoder, floor=floor, seed=seed, progress=say)


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
        progress=say,
    )


def draw(group: str, name: str, output: Path | None, loaded: configuration.Config) -> None:
    """Draw one figure or write one table of the configuration."""
    known(group.removesuffix("s"), name, loaded[group])

    from onshell.figures.commands import draw_figure, write_table

    layout = Layout(loaded)
    stem = (output or Path(next(iter(layout.product(group, name).values()))).parent) / name
    work = draw_figure if group == "figures" else write_table
    work(name, loaded[group][name], layout.inputs(group, name), stem)


@app.command()
def figure(
    name: Annotated[str, typer.Argument(help="A figure of the configuration, such as fig03.")],
    output: Folder = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Draw a figure from products that exist: PDF, PNG, and the drawn numbers as CSV."""
    draw("figures", name, output, load(config, settings, scale=scale, preset=preset))


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="A table of the configuration, such as tab2.")],
    output: Folder = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write a table from products that exist: CSV, TeX and Markdown."""
    draw("tables", name, output, load(config, settings, scale=scale, preset=preset))


@app.command()
def version() -> None:
    """Print the version."""
    say(__version__)
