"""Generative models that stay on phase space (arXiv:2604.02415)."""

from importlib.metadata import version

__version__ = version("onshell")
