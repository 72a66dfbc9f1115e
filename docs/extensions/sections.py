"""What directives that write whole sections have in common."""

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles


def sections(directive: SphinxDirective, lines: list[str]) -> list[nodes.Node]:
    """Return what the `lines`, headings among them, become in the place of the directive."""
    holder = nodes.section(document=directive.state.document)
    nested_parse_with_titles(directive.state, StringList(lines, directive.name), holder, directive.content_offset)
    return holder.children
