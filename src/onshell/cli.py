"""The command line: `onshell VERB`. The one place that joins configuration, paths and the work of the package."""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from onshell import __version__
from onshell import config as configuration
from onshell.console import apart, counter, known, numbers, say, stop
from onshell.errors import OnshellError
from onshell.layout import Layout

app = typer.Typer(
    help="Generative models that stay on phase space (arXiv:2604.02415).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ConfigFile = Annotated[Path, typer.Option("--config", help="The configuration.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override a key of the configuration.")
]
Scale = Annotated[str | None, typer.Option(help="Sizes: an entry of `scales` in the configuration.")]
Preset = Annotated[str | None, typer.Option(help="Model settings: an entry of `presets` in the configuration.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]
Folder = Annotated[Path | None, typer.Option("--output", "-o", help="The folder to write to, if not the usual one.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Count = Annotated[int | None, typer.Option("--events", "-n", help="How many events.")]
Seed = Annotated[int | None, typer.Option(help="Seed of every random stream.")]
DEFAULT = Path("config.yaml")


def load(path: Path, settings: list[str] | None, **keys: Any) -> configuration.Config:
    """Return the configuration with all overrides: those of the workflow, those of --set, and --scale and the like."""
    inherited = json.loads(os.environ.get("ONSHELL_SET", "[]"))
    if inherited:
        say(f"settings of the workflow: {' '.join(inherited)}")
    named = [f"{key}={value}" for key, value in keys.items() if value is not None]
    return configuration.load(path, [*inherited, *(settings or []), *named])


@app.command()
def generate(
    dataset: Annotated[str, typer.Argument(help="A dataset of the configuration, such as muon or qqg_1e-3.")],
    output: Output,
    train: Annotated[int | None, typer.Option(help="Events to train on.")] = None,
    test: Annotated[int | None, typer.Option(help="Events that no model sees.")] = None,
    scale: Scale = None,
    seed: Seed = None,
    threads: Annotated[int, typer.Option(help="Threads; the events do not depend on them.")] = 1,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write exact truth: `onshell generate qqg_1e-3 --train 100000 -o qqg.parquet`."""
    loaded = load(config, settings, scale=scale, seed=seed)
    known("dataset", dataset, configuration.datasets(loaded))

    from onshell.events.commands import generate_file

    entry = configuration.datasets(loaded)[dataset]
    generate_file(
        output,
        dataset=dataset,
        process=entry.process,
        generator=entry.generator,
        parameters=entry.parameters,
        cutoff=entry.cutoff,
        n_train=entry.n_train if train is None else train,
        n_test=entry.n_test if test is None else test,
        seed=loaded["seed"],
        config_hash=configuration.digest({**asdict(entry), "seed": loaded["seed"]}),
        threads=threads,
        progress=counter(dataset),
    )


@app.command()
def embed(
    events: Annotated[Path, typer.Argument(help="An event table (Parquet with px, py, pz).")],
    output: Output,
    augmentation: Annotated[
        str, typer.Option("--augmentation", "-a", help="An augmentation of the configuration.")
    ] = "single",
    project: Annotated[bool, typer.Option("--project", help="First boost and scale every event to E_cm = 1.")] = False,
    scale: Scale = None,
    seed: Seed = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write the q-space training set of any event table: `onshell embed my.parquet -a double -o my.double.parquet`."""
    if config == DEFAULT and not DEFAULT.exists():
        # Away from the repository the paper's augmentations serve; every other choice needs a configuration.
        from onshell.events.augment import AUGMENTATIONS

        loaded = {"augmentations": AUGMENTATIONS, "seed": seed or 0}
    else:
        loaded = load(config, settings, scale=scale, seed=seed)
    known("augmentation", augmentation, loaded["augmentations"])

    from onshell.events.commands import embed_file

    spec = loaded["augmentations"][augmentation]
    key = configuration.digest({"augmentation": spec, "seed": loaded["seed"]})
    embed_file(
        events,
        output,
        name=augmentation,
        spec=spec,
        seed=loaded["seed"],
        config_hash=key,
        project=project,
        progress=counter(output.name),
    )


@app.command()
def train(
    run: Annotated[str, typer.Argument(help="A run of the configuration, such as muon-q-diffusion.")],
    data: Annotated[Path | None, typer.Option(help="The training set, if not the usual one.")] = None,
    output: Folder = None,
    device: Device = "auto",
    resume: Annotated[
        Path | None, typer.Option(help="A state file to go on from; the usual one is found by itself.")
    ] = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Train a model, going on where a killed training of the same settings stopped."""
    loaded = load(config, settings, scale=scale, preset=preset)
    known("run", run, loaded["runs"])

    from onshell.training.commands import train_file

    spec, layout = configuration.run_spec(loaded, run), Layout(loaded)
    train_file(
        data or Path(layout.training_data(spec)),
        spec,
        output or Path(layout.run(run)),
        device=device,
        resume=resume,
        progress=say,
    )


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="A trained model, model.pt.")],
    output: Output,
    events: Count = 100_000,
    seed: Seed = None,
    device: Device = "auto",
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16, if not the run's own.")] = None,
    snapshots: Annotated[
        str | None,
        typer.Option(metavar="TIMES", help="Write the states at these times (1: the prior, 0: the end): 1,0.5,0."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Refuse a model that is not this run of the configuration.")] = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write events drawn from a model; a killed sampling goes on where it stopped."""
    expect, sampling = None, None
    if run is not None:
        loaded = load(config, settings, scale=scale, preset=preset)
        known("run", run, loaded["runs"])
        expect = configuration.run_spec(loaded, run)
        # How events are drawn may have changed since the training; the rest may not.
        sampling = expect.pop("sampling")

    from onshell.sampling.commands import sample_file

    apart(output, model)
    times = None if snapshots is None else numbers("--snapshots", snapshots)
    choices = {"seed": seed, "device": device, "precision": precision, "snapshots": times}
    sample_file(model, output, events, **choices, expect=expect, sampling=sampling, progress=say)


@app.command()
def forward(
    name: Annotated[str, typer.Argument(help="A forward process of the configuration, such as aps_30.")],
    output: Output,
    data: Annotated[Path | None, typer.Option(help="The training set, if not the usual one.")] = None,
    events: Count = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write snapshots of a forward process, (10) or (29)."""
    loaded = load(config, settings, scale=scale, preset=preset)
    known("forward process", name, loaded.get("forward", {}))

    from onshell.sampling.commands import forward_file

    entry = loaded["forward"][name]
    spec = configuration.run_spec(loaded, entry["run"])
    apart(output, data)
    forward_file(
        data or Path(Layout(loaded).training_data(spec)),
        output,
        spec=spec,
        times=entry["times"],
        events=loaded["scales"][loaded["scale"]]["forward_events"] if events is None else events,
        seed=loaded["seed"],
        name=name,
        progress=say,
    )


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


def main() -> None:
    """Run the command line; a fault that the user can mend is one line on standard error and exit code 1."""
    # A generator of one's own, "module:function", is looked for here too.
    sys.path.append(str(Path.cwd()))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        app()
    except OnshellError as error:
        # Of the processes that torchrun started, which fail together, one tells why.
        sys.exit(f"onshell: error: {error}" if os.environ.get("RANK", "0") == "0" else 1)
