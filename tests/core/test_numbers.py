"""Numbers on the command line: NaN, infinity, negative counts and numbers beyond 64 bits are refused by every verb."""

import inspect
from typing import get_args

import pytest
from typer.main import get_command

from onshell.cli import app
from onshell.core.console import numbers
from onshell.core.errors import OnshellError

COMMANDS = get_command(app).commands


def flat(hint):
    """The types that a type hint is made of."""
    return {hint, *(kind for part in get_args(hint) for kind in flat(part))} if get_args(hint) else {hint}


NUMBERS = [
    (verb, max(option.opts, key=len), kind)
    for verb, command in COMMANDS.items()
    for option in command.params
    for kind in (int, float)
    if kind in flat(inspect.signature(command.callback).parameters[option.name].annotation)
]


def call(verb, *more):
    """Call a verb with a word for each argument that it needs, and `more` words."""
    needed = [option for option in COMMANDS[verb].params if option.required]
    words = [word for option in needed for word in (*(name for name in option.opts[:1] if name[0] == "-"), "x")]
    with COMMANDS[verb].make_context(verb, [*words, *more]) as context:
        COMMANDS[verb].invoke(context)


def test_options_with_numbers_are_found():
    found = {kind: {name for _, name, of in NUMBERS if of is kind} for kind in (int, float)}
    assert {"--massless", "--held-out", "--e-cm", "--stop-after"} <= found[float]
    assert {"--train", "--seed", "--replicates", "--events", "--sample-size", "--processes"} <= found[int]


@pytest.mark.parametrize(("verb", "name", "kind"), NUMBERS)
def test_what_is_no_number_is_refused(verb, name, kind):
    faults = {"-1": "is too small", "9" * 20: "is too large"}
    if kind is float:
        faults = dict.fromkeys(("nan", "inf", "-inf", "1e400"), "is not a finite number") | {"-0.5": "is too small"}
    if name in ("--n-particles", "--processes", "--nodes", "--threads", "--epochs"):
        faults["0"] = "is too small; write 1 or more"
    for value, fault in faults.items():
        with pytest.raises(OnshellError, match=f"^{name} .*: {fault}"):
            call(verb, name, value)


@pytest.mark.parametrize("text", ["1,nan", "inf", "0.5,-inf,0", "1e400"])
def test_lists_hold_finite_numbers(text):
    with pytest.raises(OnshellError, match=f"--snapshots {text}: write finite numbers"):
        numbers("--snapshots", text)


def test_an_import_of_no_events_is_refused():
    with pytest.raises(OnshellError, match="--train 0, --test 0: leave no event to import"):
        call("import", "-o", "y", "--train", "0", "--test", "0")
