"""Verbs for Les Houches files: events in, events out."""

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from onshell import config as configuration
from onshell.cli.completion import names
from onshell.cli.options import DEFAULT, ConfigFile, EventTable, Output, Scale, Seed, Settings, app, load
from onshell.core.console import apart, known, pairs, say
from onshell.core.errors import OnshellError
from onshell.core.progress import counter, show_progress, warn

STDOUT = Path("-")


@app.command("import")
def import_events(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="A Les Houches file, plain or compressed (gzip, bzip2, xz, zstd, lz4), or several of one process; "
            "- is standard input."
        ),
    ],
    output: Output,
    particles: Annotated[
        str | None,
        typer.Option(
            help="Take these final particles, in this order: PDG numbers, names such as u~, mu+, gamma, w+, or groups: "
            "q, qbar, g, j, a, l-, l+, nu, nubar; several for one place joined by |. Without it all are taken as they "
            "stand in the file."
        ),
    ] = None,
    shuffle: Annotated[
        bool, typer.Option("--shuffle", help="Put the particles of every event into a random order.")
    ] = False,
    n_particles: Annotated[int | None, typer.Option(help="Particles of every event; else the first decides.")] = None,
    massless: Annotated[float, typer.Option(help="Largest mass over E_cm that counts as zero.")] = 1e-3,
    any_energy: Annotated[
        bool, typer.Option("--any-energy", help="Do not compare E_cm with the beams of the header.")
    ] = False,
    unweighted: Annotated[bool, typer.Option("--unweighted", help="Count every event once.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad events out, and count them.")] = False,
    held_out: Annotated[float, typer.Option(help="Share of the events that no model will see.")] = 0.2,
    final: Annotated[
        float,
        typer.Option(help="Share of the held-out events for published tables: no choice of settings may see them."),
    ] = 0.0,
    train: Annotated[int | None, typer.Option(help="At most so many events to train on.")] = None,
    test: Annotated[int | None, typer.Option(help="At most so many events that no model sees.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Take all of this from the configuration's process of this name.", autocompletion=names("dataset")
        ),
    ] = None,
    scale: Scale = None,
    seed: Seed = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """Make an event table of a Les Houches file, or of several.

    Every event is boosted to its centre-of-mass frame and scaled to E_cm = 1; what is needed to go back is kept.
    """
    from onshell.events.lhe import importing
    from onshell.events.lhe.checks import Limits
    from onshell.events.lhe.opening import title

    apart(output, *files)
    if output == STDOUT:
        raise OnshellError("-o -: an event table is no stream; name a file, such as mine.parquet")
    if train == test == 0:
        raise OnshellError("--train 0, --test 0: leave no event to import; ask for one at least")
    if dataset is not None:
        loaded = load(config, settings, scale=scale, seed=seed)
        entry = imported(loaded, dataset)
        options = configuration.import_options(entry)
        key = configuration.digest({"import": options, "seed": loaded["seed"]})
        massless, any_energy = options.pop("massless"), options.pop("any_energy")
        options |= {"dataset": dataset, "process": entry.process, "config_hash": key, "seed": loaded["seed"]}
    else:
        options = {"particles": particles, "shuffle": shuffle, "n_particles": n_particles, "unweighted": unweighted}
        options |= {"skip_bad": skip_bad, "held_out": held_out, "final": final, "train": train, "test": test}
        options["seed"] = seed or 0
    chosen = importing.Settings(**options, limits=Limits(massless, not any_energy))
    what = title(files[0])
    with show_progress(what):
        lines = summary(importing.import_file(files, output, chosen, progress=counter(what)))
    for line in lines:
        say(line)


def imported(config: configuration.Config, name: str) -> configuration.Imported:
    """Return a dataset of the configuration that is imported, or raise."""
    datasets = configuration.datasets(config).items()
    sets = {key: entry for key, entry in datasets if isinstance(entry, configuration.Imported)}
    known("dataset with a source", name, sets)
    return sets[name]


def summary(metadata: Mapping[str, Any]) -> list[str]:
    """Return the lines about an import: how many events, what was dropped and left out, and what the order means."""
    from onshell.events.lhe.weights import of_kept, total

    about, split = metadata["lhe"], metadata["split"]
    low, high = about["e_cm"]
    energy = f"{low:.6g} GeV" if high - low < 1e-6 * high else f"{low:.4g} to {high:.4g} GeV"
    n_train, n_test = (last - first for first, last in (split["train"], split["test"]))
    lines = []
    if "documents" in about:
        lines.append(f"{about['file']}: {len(about['documents'])} documents of one process, joined")
    lines.append(
        f"{about['file']}: {about['kept']:,} good events of {metadata['n_particles']} particles, E_cm {energy}; "
        f"{n_train:,} to train on, {n_test:,} held out"
    )
    for kind, n in about["dropped"].items():
        lines.append(f"dropped {n:,} of {about['events']:,}: {kind}, such as {about['examples'][kind]}")
    if about["dropped"] and (value := total(about)):
        kept = sum(process["value"] for process in of_kept(about))
        lines.append(f"cross section of the good events: {kept:.6g} of {value:.6g} pb")
    if about["left_out"]:
        shown = ", ".join(f"{n:,} of PDG {number}" for number, n in about["left_out"].items())
        lines.append(f"left out of the events: {shown}")
    if about["weights"]["negative"]:
        lines.append(f"{about['weights']['negative']:,} events have a negative weight")
    if metadata["ordered"]:
        places = about["particles"] or ["|".join(map(str, place)) for place in about["places"]]
        lines.append(f"the order of the particles means: {', '.join(places)}")
    else:
        how = "random" if about["shuffled"] else "that of the file, in which kinds of particles change places"
        lines.append(f"the order of the particles has no meaning: it is {how}")
    return lines


@app.command("export")
def export_events(
    events: EventTable,
    output: Output,
    like: Annotated[
        Path | None,
        typer.Option(
            help="For generated events: a table from `onshell import` from whose events, at random, they take E_cm, "
            "boost, incoming particles, PDG numbers and colour lines, and whose cross section is theirs."
        ),
    ] = None,
    independent_energy: Annotated[
        bool,
        typer.Option(
            "--independent-energy",
            help="Take E_cm, boost and kinds of particles also where they differ from event to event: right only if "
            "the momenta, over E_cm, do not depend on them.",
        ),
    ] = False,
    e_cm: Annotated[float | None, typer.Option(help="GeV; else as imported, sqrt_s of the process, or 1000.")] = None,
    frame: Annotated[str, typer.Option(help="lab (as imported), cm, or a velocity such as 0,0,0.6.")] = "lab",
    ids: Annotated[
        str | None, typer.Option(help="PDG numbers of the particles, or names such as u~; by default all gluons.")
    ] = None,
    colours: Annotated[
        str | None, typer.Option(help="Colour and anticolour line of each particle, such as 501:0,502:501,0:502.")
    ] = None,
    incoming: Annotated[
        str | None, typer.Option(help="PDG numbers or names of the incoming; by default 11,-11.")
    ] = None,
    project: Annotated[
        bool, typer.Option("--project", help="First put events of a p-space model on the shell.")
    ] = False,
    seed: Seed = None,
) -> None:
    """Write a Les Houches file of imported or generated events, at any energy and in any frame.

    With -o - it goes to standard output, as plain text.
    """
    from onshell.events.lhe.select import pdg_numbers
    from onshell.events.lhe.template import Overrides
    from onshell.events.lhe.write import export_file

    apart(output, events, like)
    if independent_energy and like is None:
        raise OnshellError("--independent-energy: is about --like; give that, or leave this away")
    overrides = Overrides(
        e_cm=e_cm,
        ids=None if ids is None else pdg_numbers("--ids", ids),
        colours=None if colours is None else tuple(pairs("--colours", colours)),
        incoming=None if incoming is None else pdg_numbers("--incoming", incoming),
        frame=frame,
        project=project,
        independent_energy=independent_energy,
    )
    if output == STDOUT:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.lhe"
            export_file(events, path, overrides, template=like, seed=seed or 0)
            sys.stdout.flush()
            with path.open("rb") as text:
                shutil.copyfileobj(text, sys.stdout.buffer)
        return
    with show_progress(output.name):
        about = export_file(events, output, overrides, template=like, seed=seed or 0, progress=counter(output.name))
    if about["independent"]:
        warn(f"{output}: drawn from {like} as if independent of the momenta: {', '.join(about['independent'])}")
    say(f"{output}: {about['events']:,} events")
