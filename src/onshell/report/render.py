"""Pages of HTML that need nothing else: no font, script or picture from elsewhere."""

import math
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onshell.core.format import format_duration
from onshell.report.plots import short
from onshell.report.text import capital, format_text


@cache
def _environment() -> Environment:
    """Return the templates of this package; whatever they are given is escaped, unless it is `Markup`."""
    found = Environment(
        loader=PackageLoader("onshell.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"capital": capital, "symbols": format_text, "duration": format_duration}
    found.globals |= {"source": _source, "short": short, "is_number": _is_number}
    return found


def _source(name: str) -> Markup:
    """Return the stylesheet or the script that a page carries."""
    return Markup(files("onshell.report").joinpath("templates", name).read_text(encoding="utf-8"))


def _is_number(value: float | None) -> bool:
    """Return whether a cell can be sorted by `value`."""
    return value is not None and math.isfinite(value)


def render(template: str, **values: Any) -> str:
    """Return the page that a template makes of `values`."""
    return _environment().get_template(template).render(**values)
