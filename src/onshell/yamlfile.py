"""A YAML file as plain data: no key twice in a mapping, and nothing shared between two places."""

from pathlib import Path
from typing import Any

import yaml

from onshell.errors import OnshellError


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice in a mapping is an error and not the last one's word."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
    """Return a YAML mapping, or raise for a key that it holds twice."""
    keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    for key in keys:
        if keys.count(key) > 1:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"the key {key!r} stands twice in the mapping that begins in line {line}; remove one")
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: str | Path) -> dict[str, Any]:
    """Return the configuration in `path` as it stands, not yet validated."""
    path = Path(path)
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise OnshellError(
            f"{path}: cannot be read ({error.strerror}); run in the repository or name it with --config"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise OnshellError(f"{path}: holds no mapping; start from the config.yaml of the repository")
    return _unshared(config)


def _unshared(node: Any) -> Any:
    """Return a copy in which no two places share a mapping or list, as YAML's aliases do: each can be overridden."""
    if isinstance(node, dict):
        return {key: _unshared(value) for key, value in node.items()}
    return [_unshared(value) for value in node] if isinstance(node, list) else node
