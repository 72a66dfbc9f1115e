"""Settings: mappings laid over each other, and `key.path=value` lines that change a configuration."""

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from onshell.config.yamlfile import parse
from onshell.core.errors import OnshellError


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` in place, mapping by mapping; neither is changed."""
    merged = {key: value if key in over else _copied(value) for key, value in base.items()}
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else _copied(value)
    return merged


def _copied(value: Any) -> Any:
    """Return a copy of plain data; `copy.deepcopy` takes several times as long."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return value if value is None or isinstance(value, str | int | float) else copy.deepcopy(value)


def differences(base: Mapping[str, Any], changed: Mapping[str, Any], path: str = "") -> list[str]:
    """Return the `key.path=value` settings that `apply` needs to turn `base` into `changed`, values as JSON."""
    settings = []
    for key, value in changed.items():
        here = f"{path}.{key}" if path else str(key)
        if key not in base:
            settings.append(f"{path}={json.dumps({key: value})}")
        elif isinstance(value, Mapping) and isinstance(base[key], Mapping):
            settings += differences(base[key], value, here)
        elif value != base[key]:
            settings.append(f"{here}={value if _plain(value) else json.dumps(value)}")
    return settings


def typed(asked: Any, written: Any) -> Any:
    """Return `asked`, whose values are text, with the types that YAML gives them; text stays where text is written.

    Snakemake's --config has its mappings and lists so: "{lr: 0.5}" is {"lr": "0.5"}.
    """
    if isinstance(asked, Mapping):
        return {
            key: typed(value, written.get(key) if isinstance(written, Mapping) else None)
            for key, value in asked.items()
        }
    if isinstance(asked, list):
        return [typed(value, next(iter(written), None) if isinstance(written, list) else None) for value in asked]
    if not isinstance(asked, str) or isinstance(written, str):
        return asked
    try:
        value = parse(asked)
    except yaml.YAMLError:
        return asked
    return value if value is None or isinstance(value, bool | int | float) else asked


def _plain(value: Any) -> bool:
    """Return whether `value` is text that YAML reads as that text."""
    try:
        return isinstance(value, str) and parse(value) == value
    except yaml.YAMLError:
        return False


def apply(config: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return `config` with each setting `key.path=value` applied; a mapping as value is merged in."""
    config = copy.deepcopy(config)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise OnshellError(f"--set {setting}: write it as key.path=value")
        parts, node = (key.split(".") if key else []), config
        try:
            value = parse(text)
        except yaml.YAMLError as error:
            why = " ".join(str(error).split())
            raise OnshellError(f"--set {setting:.100}: the value is not valid YAML: {why:.200}") from error
        if not key and not isinstance(value, dict):
            raise OnshellError(f"--set {setting}: names no key; write it as key.path=value")
        while parts:
            taken = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in node), 1)
            name, parts = ".".join(parts[:taken]), parts[taken:]
            if parts:
                # A key that is not there is made: whether it may be there is for the schema to say.
                node = node.setdefault(name, {})
                if not isinstance(node, dict):
                    raise OnshellError(f"--set {setting}: {name!r} holds {node!r}, which has no keys below it")
            else:
                both = isinstance(value, dict) and isinstance(node.get(name), dict)
                node[name] = merge(node[name], value) if both else value
        if not key:
            config = merge(config, value)
    return config
