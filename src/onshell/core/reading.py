"""Files that may be damaged, or foreign: JSON and torch files, read with every byte and every type checked."""

import json
import math
import pickle
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onshell.core.errors import OnshellError

if TYPE_CHECKING:
    from onshell.core.forms import Form

SHOWN = 40
"""Characters of a wrong value that an error shows."""

MISSING = 6
"""Missing keys that it names."""


def strict_json(text: str | bytes) -> Any:
    """Return what a JSON document holds.

    Raises
    ------
    ValueError
        When it is not JSON as the standard has it: NaN and infinity are no numbers, half a surrogate is no character.
    """
    try:
        found = json.loads(text)
        for key, value in _not_finite(found):
            raise ValueError(f"{key} is {value}, which is no number")
        json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def read_json(path: Path | str, kind: str, remedy: str, form: "type[Form] | None" = None) -> dict[str, Any]:
    """Return the JSON object in `path`, a `kind` of file of this `form`; `remedy` says how to make it.

    Raises
    ------
    OnshellError
        One line that names the file, and the key, when it is missing, is not JSON, or is of another form.
    """
    path = Path(path)
    try:
        found = strict_json(path.read_bytes())
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such {kind}; {remedy}") from error
    except (OSError, ValueError) as error:
        raise OnshellError(f"{path}: not readable as JSON ({error}); delete it, and {remedy}") from error
    if not isinstance(found, dict):
        raise OnshellError(f"{path}: not a {kind}; delete it, and {remedy}")
    return checked(found, form, f"{path}: {kind}", f"delete it, and {remedy}")


def table_metadata(text: bytes | None, path: Path | str) -> dict[str, Any]:
    """Return the metadata of the event table `path` from their `text`, checked; none for a table without."""
    from onshell.core.forms import Metadata

    if text is None:
        return {}
    try:
        found = strict_json(text)
    except ValueError as error:
        raise OnshellError(f"{path}: its metadata is not JSON ({error}); make the file again") from error
    if not isinstance(found, dict):
        raise OnshellError(f"{path}: its metadata is not a JSON object; make the file again")
    return checked(found, Metadata, f"{path}: metadata", "make the file again")


def checked(found: dict[str, Any], form: "type[Form] | None", where: str, remedy: str) -> dict[str, Any]:
    """Return `found`, unchanged, if it is of this `form`, or raise the one line that names the first wrong key."""
    from pydantic import ValidationError

    if form is None:
        return found
    try:
        form.model_validate(found)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        if missing := [_key(one["loc"]) for one in problems if one["type"] == "missing"]:
            more = ", ..." * (len(missing) > MISSING)
            raise OnshellError(f"{where} without {', '.join(missing[:MISSING])}{more}; {remedy}") from error
        first = problems[0]
        words = first["msg"][:1].lower() + first["msg"][1:]
        raise OnshellError(f"{where}: {_key(first['loc'])} = {shown(first['input'])}: {words}; {remedy}") from error
    except RecursionError as error:
        raise OnshellError(f"{where}: nested too deeply; {remedy}") from error
    return found


def shown(value: Any) -> str:
    """Return a value as an error shows it: one line, cut where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def load(path: Path | str, kind: str, remedy: str, form: "type[Form] | None" = None) -> dict[str, Any]:
    """Return the dict in a torch file of plain types and tensors, a `kind` of file of this `form`.

    torch does not look at the checksums that it writes, so that a flipped bit would go into the numbers unseen: they
    are verified here, where every file of torch is read.

    Raises
    ------
    OnshellError
        One line that names the file: it is missing, cannot be read, is damaged, or not what it should be.
    """
    import torch

    path = Path(path)
    try:
        # Opened once: what is verified is what is read, whatever takes its place meanwhile.
        with path.open("rb") as handle:
            with zipfile.ZipFile(handle) as archive:
                if (bad := archive.testzip()) is not None:
                    raise zipfile.BadZipFile(f"the checksum of {Path(bad).name} is wrong")
            handle.seek(0)
            found = torch.load(handle, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise OnshellError(f"{path}: no such {kind}; {remedy}") from error
    except (PermissionError, IsADirectoryError) as error:
        raise OnshellError(f"{path}: this {kind} cannot be read ({error.strerror}); fix that, or {remedy}") from error
    except (zipfile.BadZipFile, pickle.UnpicklingError) as error:
        why = f" ({error})" if isinstance(error, zipfile.BadZipFile) else ""
        raise OnshellError(f"{path}: a foreign or damaged {kind}{why}; {remedy}") from error
    except Exception as error:  # a damaged archive or pickle can fail in any way
        raise OnshellError(f"{path}: a foreign or damaged {kind}; {remedy}") from error
    if not isinstance(found, dict):
        raise OnshellError(f"{path}: a foreign or damaged {kind}; {remedy}")
    return checked(found, form, f"{path}: {kind}", remedy)


def _not_finite(found: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str, float]]:
    """Yield the path and the value of every number in a document that is NaN or infinite."""
    if isinstance(found, float) and not math.isfinite(found):
        yield _key(place), found
    elif isinstance(found, dict | list):
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            yield from _not_finite(value, (*place, key))


def _key(place: Sequence[str | int]) -> str:
    """Return the path of a key, such as observables.E_1.w1."""
    return ".".join(map(str, place)) or "it"
