"""Verbs of models: their training, their events, and the forward process that they are trained to turn back."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from onshell import config as configuration
from onshell.cli.completion import names
from onshell.cli.options import (
    DEFAULT,
    ConfigFile,
    Count,
    Device,
    Folder,
    Output,
    Preset,
    Scale,
    Seed,
    Settings,
    TrainingSet,
    app,
    load,
)
from onshell.config.layout import Layout
from onshell.config.studies import named, trained
from onshell.core.console import apart, known, numbers
from onshell.core.errors import OnshellError
from onshell.core.progress import show_progress, warn


@app.command()
def train(
    run: Annotated[
        str, typer.Argument(help="A run of the configuration, such as muon-q-diffusion.", autocompletion=names("run"))
    ],
    data: TrainingSet = None,
    output: Folder = None,
    device: Device = "auto",
    resume: Annotated[
        Path | None, typer.Option(help="A state file to go on from; the usual one is found by itself.")
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Processes that share every batch, one GPU each; without a GPU, `auto` starts one.")
    ] = 1,
    nodes: Annotated[int, typer.Option(help="Nodes of a Slurm job that the processes are on, as many on each.")] = 1,
    stop_after: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES", help="Stop, and save, in time before these are over; then the exit code is 75."
        ),
    ] = None,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Train a model, going on where a killed or stopped training of the same settings was."""
    loaded = load(config, settings, scale=scale, preset=preset)
    known("run", run, named(loaded, "runs"))
    if (model := trained(loaded, run)) != run:
        raise OnshellError(f"{run}: has no training of its own, it draws from the model of {model}; train that one")
    if stop_after is not None and not stop_after > 0:
        raise OnshellError(f"--stop-after {stop_after}: must be a positive number of minutes")

    from onshell.training.distributed import launch

    launch(processes, nodes, device, sys.argv[1:])

    from onshell.training.commands import train_file
    from onshell.training.loop import TrainOptions

    spec, layout = configuration.run_spec(loaded, run), Layout(loaded)
    with show_progress(run):
        train_file(
            data or Path(layout.training_data(spec)),
            spec,
            output or Path(layout.run(run)),
            TrainOptions(device, resume, stop_after),
        )


@app.command()
def sample(
    model: Annotated[Path, typer.Argument(help="A trained model, model.pt, or one of the zoo, such as zoo:muon.")],
    output: Output,
    shards: Annotated[
        list[Path] | None,
        typer.Argument(help="Tables of all shards, k = 1 ... K, to put together; nothing is drawn then."),
    ] = None,
    events: Count = 100_000,
    seed: Seed = None,
    device: Device = "auto",
    precision: Annotated[str | None, typer.Option(help="auto, fp32 or bf16, if not the run's own.")] = None,
    snapshots: Annotated[
        str | None,
        typer.Option(metavar="TIMES", help="Write the states at these times (1: the prior, 0: the end): 1,0.5,0."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Refuse a model that is not this run of the configuration.")] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="A network not of this package, which the model names too; its code is run.",
        ),
    ] = None,
    processes: Annotated[
        int, typer.Option(help="Processes that draw side by side, one GPU each; without a GPU, `auto` starts one.")
    ] = 1,
    shard: Annotated[
        str | None,
        typer.Option(metavar="k/K", help="Write the table of shard k of K only; all of them make the whole."),
    ] = None,
    with_likelihood: Annotated[
        bool,
        typer.Option("--with-likelihood", help="Also write the log-density of every event of a flow: log_prob."),
    ] = False,
    trace: Annotated[
        str, typer.Option(help="For likelihoods: exact, hutchinson (an estimate), or auto: exact for few particles.")
    ] = "auto",
    fibre_draws: Annotated[
        int,
        typer.Option(help="Draws of (b, x) an event for its density on phase space, log_prob_p: as many samplings."),
    ] = 0,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write events drawn from a model; a killed sampling goes on where it stopped.

    An output called .lhe or .lhe.gz is a Les Houches file, of gluons at the energy of the process or 1000 GeV;
    `onshell export` writes others.
    """
    if shard is not None and shards:
        raise OnshellError(f"--shard {shard}: draws a shard, {shards[0]} is one that is drawn; leave one of them away")
    if not with_likelihood and (trace != "auto" or fibre_draws):
        raise OnshellError("--trace, --fibre-draws: are of likelihoods; give --with-likelihood too, or leave them away")
    expect, sampling = None, None
    if run is not None:
        loaded = load(config, settings, scale=scale, preset=preset)
        known("run", run, named(loaded, "runs"))
        expect = configuration.run_spec(loaded, run)
        # How events are drawn may have changed since the training; the rest may not.
        sampling = expect.pop("sampling")

    from onshell.sampling.commands import SampleOptions, sample_file
    from onshell.sampling.shards import read_shard
    from onshell.zoo import path_of

    model = path_of(model)
    apart(output, model, *shards or ())
    options = SampleOptions(
        seed=seed,
        precision=precision,
        device=device,
        processes=processes,
        snapshots=None if snapshots is None else numbers("--snapshots", snapshots),
        expect=expect,
        sampling=sampling,
        likelihood={"trace": trace, "fibre_draws": fibre_draws} if with_likelihood else None,
        network=network,
        shard=None if shard is None else read_shard(shard),
        shards=shards or (),
    )
    if not is_lhe(output):
        with show_progress(output.name):
            sample_file(model, output, events, options, warn=warn)
        return
    if snapshots is not None or shard is not None:
        raise OnshellError(f"-o {output}: snapshots and shards are tables; name a .parquet file")
    from onshell.events.lhe.write import export_file

    # Beside the output, where a killed sampling finds its blocks again.
    table = output.with_name(f".{output.name}.parquet")
    with show_progress(output.name):
        sample_file(model, table, events, options, warn=warn)
        try:
            export_file(table, output, seed=seed or 0)
        finally:
            table.unlink()


def is_lhe(path: Path) -> bool:
    """Return whether the name of a file is that of a Les Houches file, compressed or not."""
    return ".lhe" in path.suffixes[-2:]


@app.command()
def forward(
    name: Annotated[
        str,
        typer.Argument(help="A forward process of the configuration, such as aps_30.", autocompletion=names("forward")),
    ],
    output: Output,
    data: TrainingSet = None,
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
    with show_progress(name):
        forward_file(
            data or Path(Layout(loaded).training_data(spec)),
            output,
            spec=spec,
            times=entry["times"],
            events=loaded["scales"][loaded["scale"]]["forward_events"] if events is None else events,
            seed=loaded["seed"],
            name=name,
        )
