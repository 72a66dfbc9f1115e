"""Data that users write, as types: known keys, strict values, and each problem in one line.

A line has the key's path, the bad value and the nearest valid one.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from onshell.core.errors import nearest

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Small = Annotated[float, Field(gt=0, lt=1)]
Vector = Annotated[list[float], Field(min_length=3, max_length=3)]


def key(about: str, default: Any = ..., **bounds: Any) -> Any:
    """Return a key of the configuration, described; one without a default must be there."""
    return Field(default, description=about, **bounds)


def problem(text: str, at: str = "") -> PydanticCustomError:
    """Return the problem of a value, or of its key `at`, such as grid.tail, for a validator to raise."""
    return PydanticCustomError("problem", "{text}", {"text": text, "at": at})


def _unique(values: list[Any]) -> list[Any]:
    """Return the values, or raise if one of them stands twice."""
    for value in values:
        if values.count(value) > 1:
            raise problem(f"{value!r} stands twice; remove one")
    return values


Unique = AfterValidator(_unique)


class Settings(BaseModel):
    """A mapping of the configuration: its keys are known, its values are of their types exactly and finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True, protected_namespaces=())

    noun: ClassVar[str] = ""
    """What it is in an error, such as "a loss of type flow"; nothing where its path says enough."""

    @classmethod
    def name_of(cls, data: Mapping[str, Any]) -> str:
        """Return what `data` are in an error."""
        return cls.noun

    @classmethod
    def refusal(cls, unknown: str, data: Mapping[str, Any]) -> str:
        """Return why the key `unknown` cannot be among `data`, and what to do."""
        known = [name for name in cls.model_fields if name != "type"]
        what = f"{cls.name_of(data)} has no such key" if cls.name_of(data) else "unknown key"
        return f"{what}; {nearest(unknown, known) if known else 'remove it'}"

    @model_validator(mode="before")
    @classmethod
    def _keys(cls, data: Any) -> Any:
        """Refuse unknown keys, with the nearest known one, and say what a missing key is."""
        if not isinstance(data, dict):
            return data
        for name in data:
            if name not in cls.model_fields and cls.model_config["extra"] == "forbid":
                raise problem(cls.refusal(name, data), name)
        for name, field in cls.model_fields.items():
            if field.is_required() and name not in data:
                needed = f"{cls.name_of(data)} needs it" if cls.name_of(data) else f"add it ({field.description})"
                raise problem(f"missing; {needed}", name)
        return data


def by(keys: Mapping[str, tuple[str, ...]]) -> Discriminator:
    """Return what tells the members of a union apart, tags, by the keys that only they have: those of exactly one."""

    def chosen(data: Any) -> str | None:
        if not isinstance(data, dict):
            return next(iter(keys))
        fit = [tag for tag, names in keys.items() if all(name in data for name in names)]
        return fit[0] if len(fit) == 1 else None

    choices = "; ".join(" with ".join(names) for names in keys.values())
    return Discriminator(chosen, custom_error_type="exactly_one", custom_error_message=choices)


TYPES = {
    "int": "integer", "float": "number", "bool": "boolean", "string": "text", "list": "list",
    "dict": "mapping", "model": "mapping", "model_attributes": "mapping",
}  # fmt: skip
BOUNDS = {
    "greater_than": ("small", ">", "gt"),
    "greater_than_equal": ("small", ">=", "ge"),
    "less_than": ("large", "<", "lt"),
    "less_than_equal": ("large", "<=", "le"),
}


def parsed(kind: TypeAdapter[Any], data: Any, path: str = "") -> tuple[Any, list[str]]:
    """Return `data`, which stand at `path`, as a `kind`, or None; and what keeps them from being one, one line each."""
    try:
        return kind.validate_python(data), []
    except ValidationError as error:
        found = [(_place(one, data), one) for one in error.errors(include_url=False)]
    except RecursionError:
        return None, [f"{path or 'the file'}: nested too deeply"]
    # Of the members of a union, the one counts in which the value got furthest.
    deepest = max(len(place) for place, _ in found)
    found.sort(key=lambda pair: pair[1]["type"].endswith("_type") and len(pair[0]) < deepest)
    wheres = [".".join(filter(None, [path, *map(_name, place)])) for place, _ in found]
    return None, [f"{where or 'the file'}: {_text(one)}" for where, (_, one) in zip(wheres, found, strict=True)]


def not_finite(path: str, value: Any) -> Iterator[str]:
    """Yield a line for every number that is infinite or no number, also where any value may stand."""
    if isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from not_finite(f"{path}.{_name(key)}" if path else _name(key), inner)
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path}: {value!r} is not a finite number"


def _place(error: ErrorDetails, data: Any) -> list[Any]:
    """Return the keys that lead to the value of an error; pydantic's own words for members of unions are left out."""
    place: list[Any] = []
    for key in error["loc"]:
        inside = (isinstance(data, dict) and key in data) or (isinstance(data, list) and type(key) is int)
        if inside:
            place.append(key)
            data = data[key]
    kind, context = error["type"], error.get("ctx", {})
    if kind == "problem" and context["at"]:
        place.append(context["at"])
    elif kind.startswith("union_tag"):
        place.append("type")
    return place


def _text(error: ErrorDetails) -> str:
    """Return what is wrong with a value, and what would be right."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "problem":
        return str(context["text"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "exactly_one":
        return f"{value!r} must give exactly one of: {error['msg']}"
    if kind == "union_tag_not_found":
        return "missing; add it, to say which kind it is"
    if kind == "union_tag_invalid":
        return f"{context['tag']!r} is not valid; {nearest(context['tag'], _quoted(context['expected_tags']))}"
    if kind == "literal_error":
        return f"{value!r} is not valid; {nearest(value, _quoted(context['expected']))}"
    if kind in BOUNDS:
        size, sign, name = BOUNDS[kind]
        return f"{value!r} is too {size}; it must be {sign} {context[name]:g}"
    if kind == "finite_number":
        return f"{value!r} is not a finite number"
    if kind in ("int_type", "float_type") and _looks_like_a_number(value):
        return f"{value!r} is text to YAML; write it with a dot, such as 1.0e-3 or 0.001"
    if kind.removesuffix("_type") in TYPES:
        return f"{value!r} is not of type {TYPES[kind.removesuffix('_type')]}"
    if kind == "string_pattern_mismatch":
        return f"{value!r} does not match {context['pattern']}"
    return f"{value!r}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _quoted(text: str) -> list[str]:
    """Return the names in a list of pydantic's, such as 'a', 'b' or 'c'."""
    return re.findall(r"'([^']*)'", text) or re.findall(r"\w+", text.replace(" or ", " "))


def _looks_like_a_number(value: object) -> bool:
    """Return whether `value` is text that reads as a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _name(key: object) -> str:
    """Return a key as a line can show it."""
    return str(key) if str(key).isprintable() else repr(key)
