"""Verbs of models: their training, their events, and the forward process that they are trained to turn back."""

from pathlib import Path
from typing import Annotated

import typer

from onshell import config as configuration
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
    app,
    load,
)
from onshell.console import apart, known, numbers, say
from onshell.layout import Layout


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
