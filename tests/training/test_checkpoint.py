"""Model files."""

import pytest
import torch

from helpers.networks import awaken, small_spec
from onshell.core.errors import OnshellError
from onshell.models.build import build
from onshell.training.checkpoint import FORMAT, VERSION, load_model, read_model, save_model


@pytest.fixture
def saved(tmp_path):
    network = awaken(build(small_spec()))
    path = tmp_path / "model.pt"
    said = {"provenance": {"commit": "c"}, "source": {"cutoff": 0.1}, "fitted": {"std": [1.0, 2.0, 3.0]}}
    save_model(path, network.state_dict(), small_spec(), **said)
    return network, path


def test_a_model_file_holds_all_that_rebuilds_the_network(saved):
    network, path = saved
    loaded, spec = load_model(path)
    x, t = torch.ones(4, 3, 3), torch.linspace(0, 1, 4)
    assert torch.equal(loaded(x, t), network(x, t))
    assert spec == small_spec()
    assert not loaded.training
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_a_model_file_is_plain(saved):
    content = torch.load(saved[1], weights_only=True)
    assert content["format"] == FORMAT
    assert content["version"] == VERSION
    assert content["schedule"] == small_spec()["schedule"]
    assert content["ema"] is None
    assert content["source"] == {"cutoff": 0.1}
    assert content["fitted"] == {"std": [1.0, 2.0, 3.0]}
    assert content["provenance"] == {"commit": "c"}


def test_the_moving_average_is_the_model_where_there_is_one(saved, tmp_path):
    network, _ = saved
    average = awaken(build(small_spec()), seed=9)
    path = tmp_path / "averaged.pt"
    save_model(path, network.state_dict(), small_spec(), provenance={}, ema=average.state_dict())
    x, t = torch.ones(4, 3, 3), torch.linspace(0, 1, 4)
    assert torch.equal(load_model(path)[0](x, t), average(x, t))


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(
        OnshellError, match=r"none\.pt: no such model file; check the name, or make it with .onshell train"
    ):
        load_model(tmp_path / "none.pt")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 a zip that ends early"])
def test_a_foreign_file_says_so(content, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(OnshellError, match=r"model\.pt: a foreign or damaged model file"):
        load_model(path)


def test_a_truncated_file_says_so(saved):
    path = saved[1]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OnshellError, match=r"model\.pt: a foreign or damaged model file"):
        load_model(path)


def test_another_torch_file_says_so(tmp_path):
    path = tmp_path / "model.pt"
    for content in ([1, 2], {"weights": {}}):
        torch.save(content, path)
        with pytest.raises(OnshellError, match=r"foreign|not a model file of onshell"):
            load_model(path)


def test_code_in_a_file_is_not_run(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(OnshellError, match="a foreign or damaged model file"):
        load_model(path)


def test_another_version_says_which(saved):
    content = read_model(saved[1])
    torch.save({**content, "version": 99}, saved[1])
    with pytest.raises(OnshellError, match="of version 99, this onshell reads version 2"):
        load_model(saved[1])


def test_another_architecture_says_so(saved):
    content = read_model(saved[1])
    content["spec"]["network"]["width"] = 16
    torch.save(content, saved[1])
    with pytest.raises(OnshellError, match="the weights do not fit the network of its spec"):
        load_model(saved[1])
