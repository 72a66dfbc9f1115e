r"""Formulas as MathML, which browsers draw themselves: no script, and nothing is fetched from elsewhere.

A display formula may end in ``\tag{6}``, the paper's number of it. Roots and brackets grow only in a font that is made
for formulas, which few systems have: STIX Two Math (SIL Open Font License) is copied beside the pages from ziamath, a
package that carries it.
"""

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging

TAG = re.compile(r"\\tag\{([^}]*)\}")
BAR, TIGHT = re.compile(r"<mo(?: stretchy=\"\w+\")?>\|</mo>"), '<mo lspace="0" rspace="0" stretchy="false">|</mo>'
"""Bars stand around lengths here, not between things."""

LOGGER = logging.getLogger(__name__)


FONT = "STIXTwoMath-Regular.ttf"


def put_font(app: Sphinx, fault: Exception | None) -> None:
    """Copy the font to where pages.css names it."""
    if fault is None and app.builder.format == "html":
        shutil.copyfile(str(files("ziamath") / "fonts" / FONT), Path(app.outdir) / "_static" / FONT)


def markup(tex: str, node: nodes.Node, *, block: bool) -> str:
    """Return a formula as MathML; one that cannot be read is a warning, which ends a strict build."""
    try:
        return BAR.sub(TIGHT, tex2mathml(tex, as_block=block))
    except MathError as error:
        LOGGER.warning("formula %r: %s", tex, error, location=node)
        return ""


def inline(writer: Any, node: nodes.math) -> None:
    """Write a formula in the line."""
    writer.body.append(markup(node.astext(), node, block=False))
    raise nodes.SkipNode


def display(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own, its number on the right."""
    tag, tex = TAG.search(node.astext()), TAG.sub("", node.astext()).strip()
    number = f'<span class="number">({tag[1]})</span>' if tag else ""
    writer.body.append(writer.starttag(node, "div", CLASS="formula", role="group"))
    writer.body.append(f"<div>{markup(tex, node, block=True)}</div>{number}</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer, and its font."""
    app.connect("build-finished", put_font)
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
