"""The configuration files of the repository are parsed once for all tests of the configuration."""

import functools
import pickle
from pathlib import Path

import pytest

from helpers.clones import ROOT
from onshell.config import compose
from onshell.config.yamlfile import load_mapping


@functools.cache
def _pickled(path):
    return pickle.dumps(load_mapping(path))


@pytest.fixture(autouse=True)
def _parsed_once(monkeypatch):
    def load(path):
        own = Path(path).resolve().is_relative_to(ROOT)
        return pickle.loads(_pickled(Path(path))) if own else load_mapping(path)

    monkeypatch.setattr(compose, "load_mapping", load)
