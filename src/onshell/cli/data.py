"""Verbs that make the data of a training: exact truth, and its embedding in q-space."""

from dataclasses import asdict
from typing import Annotated

import typer

from onshell import config as configuration
from onshell.cli.completion import names
from onshell.cli.options import DEFAULT, ConfigFile, EventTable, Output, Scale, Seed, Settings, app, load
from onshell.core.console import counter, known


@app.command()
def generate(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A dataset of the configuration, such as muon or qqg_1e-3.", autocompletion=names("dataset")
        ),
    ],
    output: Output,
    train: Annotated[int | None, typer.Option(help="Events to train on.")] = None,
    test: Annotated[int | None, typer.Option(help="Events that no model sees.")] = None,
    final: Annotated[
        int, typer.Option(help="Further events, for published tables: no choice of settings may see them.")
    ] = 0,
    scale: Scale = None,
    seed: Seed = None,
    threads: Annotated[int, typer.Option(help="Threads; the events do not depend on them.")] = 1,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write exact truth, the events that models learn from and are judged by."""
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
        n_final=final,
        seed=loaded["seed"],
        config_hash=configuration.digest({**asdict(entry), "seed": loaded["seed"]}),
        threads=threads,
        progress=counter(dataset),
    )


@app.command()
def embed(
    events: EventTable,
    output: Output,
    augmentation: Annotated[
        str,
        typer.Option(
            *("--augmentation", "-a"),
            help="An augmentation of the configuration: the choice of the frame (b, x).",
            autocompletion=names("augmentation"),
        ),
    ] = "single",
    project: Annotated[bool, typer.Option("--project", help="First boost and scale every event to E_cm = 1.")] = False,
    scale: Scale = None,
    seed: Seed = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write the q-space training set of any event table: every event in a frame (b, x)."""
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
