"""Custom code: a user-defined function or class, named by an import path "package.module:name"."""

import contextlib
import hashlib
import importlib
import inspect
import re
import signal
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from onshell.core.errors import OnshellError, nearest

PACKAGE = Path(__file__).parents[1]
FOREIGN = ("site-packages", "dist-packages", "<frozen", sysconfig.get_path("stdlib"), str(PACKAGE))
"""What the paths of files have in them that the user did not write."""

IMPORT_PATH = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*$")


def find(path: str, what: str) -> Any:
    """Return what the import path `path` names: a `what`, in the words of the errors.

    The module is one that is installed, or a file in the folder where this runs.

    Raises
    ------
    OnshellError
        When the module is missing or fails, and when it has nothing of this name.
    """
    module, _, name = path.partition(":")
    # A worker, or a job of the workflow, runs where its parent does: the folder is on the path of none by itself.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        loaded = importlib.import_module(module)
        there = hasattr(loaded, name)
    except BaseException as error:
        if _is_stop(error):
            raise
        file = f"{module.replace('.', '/')}.py"
        why, remedy = describe(error), f"fix {file}"
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module}.".startswith(f"{error.name}."):
            why, remedy = str(error), f"put {file} where you run, or install it"
        elif isinstance(error, ModuleNotFoundError):
            remedy = "install what it needs"
        raise OnshellError(f"{what} {path!r} cannot be imported: {why}; {remedy}") from error
    if not there:
        place = getattr(loaded, "__file__", None) or module
        raise OnshellError(
            f"{what} {path!r} cannot be imported: no {name!r} in {place}; {nearest(name, _defined(loaded))}"
        )
    return getattr(loaded, name)


def check_named(path: str, named: str | None, where: object, option: str) -> None:
    """Raise where a data file, `where`, has an import path that the configuration or `option` does not name too.

    Whoever writes such a file would else decide what code is run by those who only read it.
    """
    if ":" in path and path != named:
        raise OnshellError(
            f"{where}: names code that is not of this package, {path!r}, which is imported only if you name it too; if "
            f"you trust it, add {option} {path}"
        )


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever custom code raises, an exit included, into one line that says `what` and where."""
    try:
        yield
    except OnshellError:
        raise
    except BaseException as error:
        if _is_stop(error):
            raise
        raise OnshellError(f"{what}: {describe(error)}") from error


def _is_stop(error: BaseException) -> bool:
    """Return whether an exception is a signal that stops the program, and no error of the code that it came through."""
    if isinstance(error, SystemExit):
        # Raised by a handler of this package, not by the code of others.
        last = traceback.extract_tb(error.__traceback__)[-1].filename
        return Path(last).is_relative_to(PACKAGE)
    by_signal = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return isinstance(error, GeneratorExit) or (isinstance(error, KeyboardInterrupt) and by_signal)


def describe(error: BaseException) -> str:
    """Return in one line what went wrong, and where in the user's code, if it was there."""
    text = f"{type(error).__name__}: {' '.join(str(error).split()):.300}"
    if isinstance(error, SyntaxError):
        return text
    calls = [call for call in traceback.extract_tb(error.__traceback__) if not any(map(call.filename.count, FOREIGN))]
    return f"{text} ({Path(calls[-1].filename).name}, line {calls[-1].lineno})" if calls else text


def origin(path: str, what: str) -> dict[str, str | None]:
    """Return the provenance of what `path` names: the path, and name and SHA-256 of the file that it is written in."""
    try:
        file = inspect.getsourcefile(find(path, what))
    except TypeError:
        file = None
    if file is None or not Path(file).is_file():
        return {"path": path, "file": None, "sha256": None}
    return {"path": path, "file": Path(file).name, "sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


def _defined(module: ModuleType) -> list[str]:
    """Return the names of the functions and classes that are written in a module."""
    return [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
