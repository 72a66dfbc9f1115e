"""Clones of the workflow for tests."""

import pytest

from helpers.clones import ROOT, Clone, shrink

__all__ = ["ROOT", "Clone", "shrink"]


@pytest.fixture
def clone(tmp_path):
    """A fresh clone of the workflow."""
    return Clone(tmp_path / "clone")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A clone of the workflow with a tiny configuration."""
    clone = Clone(tmp_path_factory.mktemp("small") / "clone")
    shrink(clone.config)
    clone.save()
    return clone
