"""Clones of the workflow for tests."""

import pytest

from helpers.clones import ROOT, Clone

__all__ = ["ROOT", "Clone"]


@pytest.fixture
def clone(tmp_path):
    """A fresh clone of the workflow."""
    return Clone(tmp_path / "clone")
