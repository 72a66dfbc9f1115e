"""One small set of inputs for all figures and tables."""

import pytest

from helpers.products import everything


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return everything(tmp_path_factory.mktemp("products"))
