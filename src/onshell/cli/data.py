"""Verbs that make the data of a training: exact truth, and its embedding in q-space."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onshell import config as configuration
from onshell.cli.completion import names
from onshell.cli.options import DEFAULT, ConfigFile, EventTable, Output, Scale, Seed, Settings, app, load
from onshell.core.console import apart, known
from onshell.core.errors import OnshellError
from onshell.core.progress import counter, show_progress


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

    from onshell.events.datasets import Truth, generate_file

    entry = configuration.datasets(loaded)[dataset]
    truth = Truth(
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
    )
    with show_progress(dataset):
        generate_file(output, truth, threads=threads, progress=counter(dataset))


@app.command()
def embed(
    events: EventTable,
    output: Annotated[
        list[Path], typer.Option("--output", "-o", help="The file to write; one for each augmentation, in their order.")
    ],
    augmentation: Annotated[
        list[str] | None,
        typer.Option(
            *("--augmentation", "-a"),
            help="An augmentation of the configuration: the choice of the frame (b, x); else single. Several, each "
            "with its own -o, share one process.",
            autocompletion=names("augmentation"),
        ),
    ] = None,
    project: Annotated[bool, typer.Option("--project", help="First boost and scale every event to E_cm = 1.")] = False,
    scale: Scale = None,
    seed: Seed = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Write the q-space training set of any event table: every event in a frame (b, x)."""
    chosen = augmentation or ["single"]
    if len(chosen) != len(output):
        raise OnshellError(f"-a {', '.join(chosen)}: {len(output)} files for {len(chosen)} augmentations; give as many")
    for path in output:
        apart(path, events)
        if output.count(path) > 1:
            raise OnshellError(f"-o {path}: named twice; give each augmentation its own file")
    loaded = load(config, settings, scale=scale, seed=seed)
    for name in chosen:
        known("augmentation", name, loaded["augmentations"])

    from onshell.events.datasets import Embedding, embed_file

    for name, path in zip(chosen, output, strict=True):
        spec = loaded["augmentations"][name]
        key = configuration.digest({"augmentation": spec, "seed": loaded["seed"]})
        embedding = Embedding(name, spec, loaded["seed"], config_hash=key, project=project)
        with show_progress(path.name):
            embed_file(events, path, embedding, progress=counter(path.name))
