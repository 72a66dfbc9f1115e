"""A configuration put together from its files: `include`, `extends` and `seeds` give way to what they stand for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onshell.config.overrides import merge
from onshell.config.yamlfile import load_mapping
from onshell.core.errors import OnshellError, unknown_name

PACKAGE = Path(__file__).parents[1]
PROJECT = PACKAGE / "project" if (PACKAGE / "project").is_dir() else PACKAGE.parents[1]
"""Where the package's own config.yaml, Snakefile, workflow and profiles are: in a wheel, or else in the clone.

Included files are looked for there that do not lie beside the configuration.
"""

DEFAULT = Path("config.yaml")
"""The configuration of a folder; where there is none, that of the package takes its place."""


def read(*paths: str | Path) -> dict[str, Any]:
    """Return the configuration in the files `paths`, each laid over those before it, not yet validated.

    Each file counts together with the files that it includes. Without paths, or with `DEFAULT` where there is no such
    file, it is the package's own.

    Raises
    ------
    OnshellError
        When a file is missing or is no mapping, and when an entry extends what is not there.
    """
    found: dict[str, Any] = {}
    for path in map(Path, paths or (DEFAULT,)):
        found = merge(found, _with_included(home(path)))
    return expand(found, " with ".join(map(str, paths or (DEFAULT,))))


def home(path: Path) -> Path:
    """Return where the configuration file `path` is: the package's own where `DEFAULT` is asked for and not there."""
    return PROJECT / DEFAULT if path == DEFAULT and not path.exists() and not path.is_symlink() else path


def _with_included(path: Path) -> dict[str, Any]:
    """Return what the file `path` says, laid over the files that it includes."""
    config = load_mapping(path)
    names = config.pop("include", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise OnshellError(f"{path}: include: {names!r} is not a list of files")
    found: dict[str, Any] = {}
    for name in names:
        places = [path.parent / name, PROJECT / name]
        found = merge(found, load_mapping(next((place for place in places if place.is_file()), places[0])))
    return merge(found, config)


def expand(config: Mapping[str, Any], source: str = "config.yaml") -> dict[str, Any]:
    """Return `config` with every `extends` and `seeds` in it replaced by what it stands for.

    Raises
    ------
    OnshellError
        When an entry extends what is not there, or itself, and when seeds are no number.
    """
    config = dict(config)
    try:
        for group in ("networks", "schedules"):
            config |= _inherited(config, "", group)
        config |= _inherited(config, "", "figures", "tables")
        if isinstance(config.get("presets"), dict):
            config["presets"] = _recipes(config["presets"])
        config |= _seeded(_inherited(config, "", "runs"), "")
        if isinstance(config.get("studies"), dict):
            config["studies"] = dict(config["studies"])
            for study, entry in config["studies"].items():
                if isinstance(entry, dict):
                    path = f"studies.{study}."
                    products = _inherited(entry, path, "figures", "tables")
                    config["studies"][study] = entry | products | _seeded(_inherited(entry, path, "runs"), path)
    except ValueError as error:
        raise OnshellError(f"{source}: {error}") from None
    return config


def _inherited(entries: Mapping[str, Any], path: str, *groups: str) -> dict[str, Any]:
    """Return the groups of `entries` whose names share a scope, each entry laid over the one that it extends."""
    given = {group: entries[group] for group in groups if isinstance(entries.get(group), dict)}
    scope = {name: entry for found in given.values() for name, entry in found.items()}
    return {
        group: {name: _extended(f"{path}{group}.{name}", entry, scope, ()) for name, entry in found.items()}
        for group, found in given.items()
    }


def _recipes(presets: Mapping[str, Any]) -> dict[str, Any]:
    """Return the presets, each recipe laid over the one that it extends: of its preset, or <preset>/<recipe>."""
    given = {preset: found for preset, found in presets.items() if isinstance(found, dict)}
    scope = {f"{preset}/{name}": entry for preset, found in given.items() for name, entry in found.items()}
    return dict(presets) | {
        preset: {
            name: _extended(f"presets.{preset}.{name}", entry, scope, (), f"{preset}/") for name, entry in found.items()
        }
        for preset, found in given.items()
    }


def _extended(path: str, entry: Any, scope: Mapping[str, Any], seen: tuple[str, ...], home: str = "") -> Any:
    """Return an entry laid over the one of the `scope` that it extends; single sections of a recipe may extend, too.

    `home` is what the names of those in the scope begin with that need not be named in full.
    """
    if not isinstance(entry, dict):
        return entry

    def parent(part: Mapping[str, Any], path: str) -> Any:
        name = part["extends"]
        full = f"{home}{name}" if f"{home}{name}" in scope else name
        if not isinstance(name, str) or full not in scope or not isinstance(scope[full], dict):
            known = [known.removeprefix(home) for known in scope]
            raise ValueError(f"{path}.extends: {unknown_name(name, 'entry beside this one', known)}")
        if full in seen:
            raise ValueError(f"{path}.extends: {name!r} extends this entry in turn; remove one of the two")
        above = home and f"{full.partition('/')[0]}/"
        return _extended(f"{path} -> {name}", scope[full], scope, (*seen, full), above)

    if home:
        for key, part in entry.items():
            if isinstance(part, dict) and "extends" in part:
                inner = parent(part, f"{path}.{key}").get(key, {})
                entry = entry | {key: merge(inner, {name: value for name, value in part.items() if name != "extends"})}
    if "extends" not in entry:
        return entry
    return merge(parent(entry, path), {key: value for key, value in entry.items() if key != "extends"})


def _seeded(groups: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the runs with as many of those that have `seeds` as these say: their name, and it with -s2, -s3, ..."""
    found: dict[str, Any] = {}
    for run, entry in groups.get("runs", {}).items():
        seeds = entry.get("seeds", 1) if isinstance(entry, dict) else 1
        if type(seeds) is not int or not 1 <= seeds <= 100:
            raise ValueError(f"{path}runs.{run}.seeds: {seeds!r} is no number of seeds; use 1 to 100")
        plain = {key: value for key, value in entry.items() if key != "seeds"} if isinstance(entry, dict) else entry
        found |= {run if number == 1 else f"{run}-s{number}": plain for number in range(1, seeds + 1)}
    return {"runs": found} if "runs" in groups else {}
