"""A profile of Snakemake as data: what it says of executors, rules and resources."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from onshell.config.yamlfile import parse, text_of
from onshell.core.errors import OnshellError

FILE = re.compile(r"(?:config|profile)(?:\.v(\d+)\+)?\.yaml")


@dataclass(frozen=True)
class Profile:
    """The profile in the file `path` with its `content`, or why it could not be read; by default there is none."""

    path: Path = Path()
    content: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return bool(self.path.name)

    @property
    def executor(self) -> str | None:
        """Return where jobs go."""
        return self.content.get("executor")

    @property
    def defaults(self) -> dict[str, Any]:
        """Return the resources of every rule."""
        return _mapping(self.content.get("default-resources"), "=")

    @property
    def by_rule(self) -> dict[str, dict[str, Any]]:
        """Return the resources of single rules."""
        entry = self.content.get("set-resources")
        if not isinstance(entry, list):
            return {rule: _mapping(value, "=") for rule, value in _mapping(entry, ":").items()}
        found: dict[str, dict[str, Any]] = {}
        for rule, setting in (str(text).partition(":")[::2] for text in entry):
            found.setdefault(rule, {}).update(_mapping([setting], "="))
        return found

    def resource(self, name: str) -> Iterator[tuple[str, Any]]:
        """Yield (place, value) wherever the resource `name` is set; quotes for Snakemake are taken off."""
        for place, resources in (("default-resources", self.defaults), *self.by_rule.items()):
            if name in resources and resources[name] is not None:
                value = resources[name]
                yield place, _unquoted(value) if isinstance(value, str) else value


def read_profile(name: Path, folder: Path) -> Profile:
    """Return the profile called `name`, a folder, a file, or a folder in `profiles`, as Snakemake finds it.

    Raises
    ------
    OnshellError
        When there is none.
    """
    for place in (folder / name, folder / "profiles" / name):
        path = _file(place)
        if path is not None:
            return _read(path)
    raise OnshellError(f"--profile {name}: no such profile; name a folder with a config.yaml, such as profiles/slurm")


def _file(place: Path) -> Path | None:
    """Return the file of a profile that `place` holds or is; of several, the one for the newest Snakemake."""
    if place.is_file():
        return place
    matches = [(FILE.fullmatch(path.name), path) for path in sorted(place.glob("*.yaml"))]
    return max(((int(match[1] or 0), path) for match, path in matches if match), default=(0, None))[1]


def _read(path: Path) -> Profile:
    """Return the profile in a file; what is wrong with it is said where its keys are checked."""
    try:
        content = parse(text_of(path))
    except OSError as error:
        return Profile(path, {}, f"cannot be read ({error.strerror})")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return Profile(path, {}, f"not valid YAML: {' '.join(str(error).split()):.200}")
    if content is None:
        return Profile(path)
    if not isinstance(content, dict):
        return Profile(path, {}, "holds no mapping of options")
    return Profile(path, content)


def _mapping(value: Any, sign: str) -> dict[str, Any]:
    """Return a mapping that is written as one, or as a list of texts with a `sign` in them."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list):
        return {key: _scalar(text) for key, _, text in (str(entry).partition(sign) for entry in value)}
    return {}


def _scalar(text: str) -> Any:
    """Return what a text means to YAML; one that means nothing to it stands for itself."""
    try:
        return parse(text)
    except yaml.YAMLError:
        return text


def _unquoted(text: str) -> str:
    """Return text without the quotes that keep Snakemake from computing it."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
