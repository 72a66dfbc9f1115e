"""The verb that lists runs: which there are, and how far they are."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from tabulate import tabulate

from onshell import config as configuration
from onshell.cli.options import DEFAULT, ConfigFile, Preset, Scale, Settings, app, load
from onshell.config.layout import Layout
from onshell.config.studies import named, trained
from onshell.core.console import say
from onshell.core.errors import OnshellError
from onshell.core.reading import load as read

UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@app.command()
def runs(
    begun: Annotated[bool, typer.Option("--begun", help="Leave out those of which nothing is there.")] = False,
    scale: Scale = None,
    preset: Preset = None,
    config: ConfigFile = DEFAULT,
    settings: Settings = None,
) -> None:
    """List the runs of the configuration at a scale: done, in training, or not begun, and how old they are."""
    loaded = load(config, settings, scale=scale, preset=preset)
    rows = [row for row in states(loaded) if not begun or row["state"] != "not begun"]
    for line in tabulate(rows, headers="keys").splitlines():
        say(line)
    done = sum(row["state"] == "done" for row in rows)
    say(f"{done} of {len(rows)} runs done at scale {loaded['scale']}, preset {loaded['preset']}")


def states(loaded: configuration.Config) -> Iterator[dict[str, str]]:
    """Yield a row for each run that is trained: its name, state, and the age of its latest file."""
    layout = Layout(loaded)
    for run in named(loaded, "runs"):
        if trained(loaded, run) != run:
            continue
        model = Path(layout.model(run))
        if model.is_file():
            state, latest = "done", model
        elif partial := sorted(model.parent.glob("state-*.pt"), key=lambda path: path.stat().st_mtime):
            epochs = configuration.run_spec(loaded, run)["training"]["epochs"]
            state, latest = f"in training, {finished(partial[-1])} of {epochs} epochs", partial[-1]
        else:
            state, latest = "not begun", None
        yield {"run": run, "state": state, "age": "" if latest is None else age(latest)}


def finished(state: Path) -> str:
    """Return how many epochs the state of a training has behind it; "?" for a state that cannot be read."""
    try:
        return str(len(read(state, "training state", "remove it to start afresh")["history"]))
    except (OnshellError, KeyError):
        return "?"


def age(path: Path) -> str:
    """Return how long ago a file was written, in the largest unit that suits."""
    seconds = max(time.time() - path.stat().st_mtime, 0.0)
    return next(f"{seconds / unit:.0f} {name}" for unit, name in UNITS if seconds >= unit or unit == 1)
