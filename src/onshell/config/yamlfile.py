"""YAML as plain data: text keys, none twice in a mapping, nothing shared between two places, and not too much of it."""

from pathlib import Path
from typing import Any

import yaml
from yaml._yaml import CParser
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from onshell.core.errors import OnshellError

LARGEST_TEXT = 4_000_000
"""Characters of a YAML file; a configuration of thousands of runs has fewer."""

MOST_VALUES = 200_000
"""Values in a document, those that aliases repeat counted wherever they stand."""


class _Loader(Composer, CParser, SafeConstructor, Resolver):
    """YAML in which a key that stands twice, or is no text, and a value that its tag does not fit are errors.

    libyaml reads the text, five times as fast as Python; it is composed in Python, where deep nesting raises an error.
    """

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        for part in (Composer, SafeConstructor, Resolver):
            part.__init__(self)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return what a node means; PyYAML's own constructors fail in many ways."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
            value, tag = node.value, node.tag.rpartition(":")[2]
            shown = f"{value!r:.40}" if isinstance(node, yaml.ScalarNode) else "what stands there"
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {shown} is no {tag} of YAML's") from error


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    """Return a YAML mapping, or raise for a key that it holds twice or that is no text."""
    line, seen = node.start_mark.line + 1, set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if key.value in seen:
                raise yaml.YAMLError(
                    f"the key {key.value!r} stands twice in the mapping that begins in line {line}; remove one"
                )
            seen.add(key.value)
    loader.flatten_mapping(node)
    found: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    for key in found:
        if not isinstance(key, str):
            raise yaml.YAMLError(
                f"the key {key!r} in the mapping that begins in line {line} is no text; put it in quotes"
            )
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> Any:
    """Return the one document in `text` as plain data.

    Raises
    ------
    yaml.YAMLError
        Whatever is wrong with it: also values that no type fits, and aliases that multiply, or hold themselves.
    """
    if len(text) > LARGEST_TEXT:
        raise yaml.YAMLError(f"longer than {LARGEST_TEXT:,} characters")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if (values := _values(node, {})) > MOST_VALUES:
            raise yaml.YAMLError(f"holds {values:.3g} values, aliases written out, where {MOST_VALUES:,} are the most")
        return _unshared(loader.construct_document(node))
    except RecursionError as error:
        raise yaml.YAMLError("is nested too deeply") from error
    finally:
        loader.dispose()


def load_mapping(path: str | Path) -> dict[str, Any]:
    """Return the mapping in the file `path`, as it stands."""
    path = Path(path)
    try:
        config = parse(text_of(path))
    except OSError as error:
        raise OnshellError(f"{path}: cannot be read ({error.strerror}); name another file with --config") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(config, dict):
        raise OnshellError(f"{path}: holds no mapping; start from the config.yaml that `onshell init` writes")
    return config


def text_of(path: Path) -> str:
    """Return the text of a file, or so much of it that `parse` refuses it: it may be a device without an end."""
    with path.open(encoding="utf-8") as handle:
        return handle.read(LARGEST_TEXT + 1)


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node holds, itself and all that aliases repeat; `known` are those of nodes seen."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 0
        inside = (each for pair in node.value for each in pair) if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_values(each, known) for each in inside)
    elif not known[id(node)]:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: what begins there holds itself, by an alias")
    return known[id(node)]


def _unshared(node: Any) -> Any:
    """Return a copy in which no two places share a mapping or list, as YAML's aliases do: each can be overridden."""
    if isinstance(node, dict):
        return {key: _unshared(value) for key, value in node.items()}
    return [_unshared(value) for value in node] if isinstance(node, list) else node
