"""Faults of a configuration, one line each: the key's path, the bad value, the nearest valid one."""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from onshell.config.cross_checks import references
from onshell.core.errors import nearest


def faults(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of `config`: those of the schema first, and only without them those of the references."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import relevance

    yield from _not_finite("", config)
    errors = sorted(Draft202012Validator(schema).iter_errors(config), key=relevance)
    for error in errors:
        yield _line(_deepest(error))
    if not errors:
        yield from _networks_at_scales(config, schema)
        yield from references(config)


def _networks_at_scales(config: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of networks with what a scale sets of them: which keys there may be, their type alone says."""
    from jsonschema import Draft202012Validator

    whole = Draft202012Validator({"$ref": "#/$defs/network", "$defs": schema["$defs"]})
    for name, scale in config["scales"].items():
        for network, entry in scale.get("networks", {}).items():
            for error in whole.iter_errors({**config["networks"].get(network, {"type": ":"}), **entry}):
                yield _line(_deepest(error), ("scales", name, "networks", network))


def _not_finite(path: str, value: Any) -> Iterator[str]:
    """Yield a fault for every number that is infinite or no number."""
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _not_finite(_join(path, key), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: {value!r} is not a finite number"


def _deepest(error):
    """Return the error inside an anyOf or oneOf that got furthest, or the error itself."""
    while error.context and error.validator != "oneOf":
        error = max(error.context, key=lambda inner: (len(inner.absolute_path), inner.validator != "type"))
    return error


def _line(error, place: Iterable[str] = ()) -> str:
    """Return one line for a schema error in the part of the configuration at `place`."""
    path = ".".join(str(key) for key in (*place, *error.absolute_path))
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in value if key not in known)
        return f"{_join(path, unknown)}: unknown key; {nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in rule if key not in value)
        return f"{_join(path, missing)}: missing; add it ({_description(error.schema, missing)})"
    if error.validator == "enum":
        return f"{path}: {value!r} is not valid; {nearest(value, rule)}"
    if error.validator == "type" and rule in ("number", "integer") and _looks_like_a_number(value):
        return f"{path}: {value!r} is text to YAML; write it with a dot, such as 1.0e-3 or 0.001"
    if error.validator == "type":
        return f"{path or 'the file'}: {value!r} is not of type {rule}"
    if error.validator in ("minimum", "exclusiveMinimum"):
        return f"{path}: {value!r} is too small; it must be {'>=' if error.validator == 'minimum' else '>'} {rule}"
    if error.validator in ("maximum", "exclusiveMaximum"):
        return f"{path}: {value!r} is too large; it must be {'<=' if error.validator == 'maximum' else '<'} {rule}"
    if error.validator == "pattern":
        return f"{path}: {value!r} does not match {rule}"
    if error.validator == "oneOf":
        choices = "; ".join(" with ".join(choice["required"]) for choice in rule)
        return f"{path}: {value!r} must give exactly one of: {choices}"
    return f"{path or 'the file'}: {' '.join(error.message.split())}"


def _looks_like_a_number(value: object) -> bool:
    """Return whether `value` is text that reads as a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _join(path: str, key: object) -> str:
    name = str(key) if str(key).isprintable() else repr(key)
    return f"{path}.{name}" if path else name


def _description(schema: Mapping, key: str) -> str:
    return schema.get("properties", {}).get(key, {}).get("description", "see workflow/schemas/config.schema.yaml")
