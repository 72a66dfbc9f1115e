"""How `sphinx-build` makes the pages: Markdown by MyST, the API from docstrings, mathematics as MathML; no network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from rooms import modules

from onshell import __version__

# All is imported here: autodoc imports twice what it finds new, and pydantic's own modules do not bear that.
modules("onshell")

project = "onshell"
author = "The onshell authors"
copyright = f"{author}, MIT licence"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "plain_docstrings",
    "rooms",
    "verbs",
]
exclude_patterns = ["results", "examples", "build", "README.md"]
root_doc = "index"
nitpicky = False

myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

html_theme = "furo"
html_title = f"onshell {release}"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sourcelink = False
html_math_renderer = "mathml"
pygments_style = "friendly"
pygments_dark_style = "monokai"

napoleon_google_docstring = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
"""Longer signatures stand one argument a line."""
add_module_names = False
toc_object_entries = False
