"""A training that is over is not made again."""

import shutil

import pytest

from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, silent, visible
from onshell.core import errors
from onshell.core.errors import OnshellError
from onshell.training import cache
from onshell.training.loop import train


def trained_again(folder, **changes):
    """What the second training of a folder says."""
    lines = []
    train(small_spec(**changes), events(), folder, progress=lines.append)
    return list(map(str, lines))


def test_products_that_were_removed_are_brought_back(tmp_path):
    train(small_spec(), events(), tmp_path / "whole", progress=silent)
    train(small_spec(), events(), tmp_path / "run", progress=silent)
    for name in cache.PRODUCTS:
        (tmp_path / "run" / name).unlink()
    (line,) = trained_again(tmp_path / "run")
    assert "was trained already, with these settings, data and code" in line
    assert_same_training(tmp_path / "whole", tmp_path / "run")
    assert visible(tmp_path / "run") == ["history.csv", "model.pt", "run.json"]


def test_other_settings_train_anew_and_replace_the_memory(tmp_path):
    train(small_spec(), events(), tmp_path, progress=silent)
    assert "epoch 1/" in trained_again(tmp_path, training={"lr": 0.002})[1]
    assert len(list(tmp_path.glob(".finished-*"))) == 1


def test_other_code_trains_anew(tmp_path, monkeypatch):
    train(small_spec(), events(), tmp_path, progress=silent)
    monkeypatch.setattr(cache, "CODE", (*cache.CODE, errors))
    assert "epoch 1/" in trained_again(tmp_path)[1]


def lost():
    raise OnshellError("the claim is another's")


@pytest.fixture
def kept(tmp_path):
    """The hidden folder in tmp_path of the products of the training "k"."""
    folder = cache.cache_folder(tmp_path, "k")
    for place in (folder, tmp_path / ".finished-other"):
        place.mkdir()
        for name in cache.PRODUCTS:
            (place / name).write_text(name)
    return folder


def test_nothing_is_brought_back_or_forgotten_when_another_trains_here(kept, tmp_path):
    with pytest.raises(OnshellError, match="is another's"):
        cache.restore(tmp_path, "k", lost)
    assert visible(tmp_path) == []
    for name in cache.PRODUCTS:
        (tmp_path / name).write_text("new")
    with pytest.raises(OnshellError, match="is another's"):
        cache.store(tmp_path, "k", lost)
    assert [(kept / name).read_text() for name in cache.PRODUCTS] == list(cache.PRODUCTS)
    assert (tmp_path / ".finished-other").is_dir()


def test_products_that_are_removed_while_they_are_brought_back_are_all_there(kept, tmp_path):
    # It is asked before the first product takes its place.
    assert cache.restore(tmp_path, "k", lambda: shutil.rmtree(kept, ignore_errors=True))
    assert [(tmp_path / name).read_text() for name in cache.PRODUCTS] == list(cache.PRODUCTS)


@pytest.mark.parametrize("name", cache.PRODUCTS)
def test_a_memory_that_lacks_a_product_is_none(name, tmp_path):
    train(small_spec(), events(), tmp_path, progress=silent)
    (memory,) = tmp_path.glob(".finished-*")
    (memory / name).unlink()
    assert "epoch 1/" in trained_again(tmp_path)[1]
