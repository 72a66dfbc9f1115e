"""A network of one's own, trained, stopped and loaded; and its code edited or gone in between."""

import hashlib
import json
import subprocess
import sys

import pytest
import torch

from helpers.clones import Clone, shrink
from helpers.custom import DEEP_SET, OWN, custom_folder
from helpers.networks import small_spec
from helpers.trainings import assert_same_training, events, model, silent
from onshell.core.errors import OnshellError
from onshell.events.table import read_events, write_events
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.sampling.sampler import Draw, sample
from onshell.training.checkpoint import load_model
from onshell.training.loop import TrainOptions, train

__all__ = ["custom_folder"]

SPEC = {**small_spec(training={"ema": 0.9}), "network": OWN}
OTHER = DEEP_SET.replace("SiLU", "Tanh")


@pytest.fixture
def trained(custom_folder):
    custom_folder.write(DEEP_SET)
    train(SPEC, events(), custom_folder.path / "run", progress=silent)
    return custom_folder


def test_it_is_found_again_from_the_model_file(trained):
    network, spec = load_model(trained.path / "run" / "model.pt", network=OWN["type"])
    assert spec["network"] == OWN
    assert next(sample(network, spec, 10, Draw(seed=1))).shape == (10, 3, 3)


def test_the_products_say_where_its_code_comes_from(trained):
    sha = hashlib.sha256((trained.path / "my_networks.py").read_bytes()).hexdigest()
    wanted = {"path": OWN["type"], "file": "my_networks.py", "sha256": sha}
    assert model(trained.path / "run")["provenance"]["network"] == wanted
    assert json.loads((trained.path / "run" / "run.json").read_text())["provenance"]["network"] == wanted


def test_a_network_of_the_package_says_nothing_of_the_kind(tmp_path):
    train(small_spec(), events(), tmp_path, progress=silent)
    content = model(tmp_path)
    assert "network" not in content["provenance"]
    assert "answer" not in content


def test_code_that_is_gone_is_named(trained):
    (trained.path / "my_networks.py").unlink()
    trained.forget()
    with pytest.raises(OnshellError, match=r"model\.pt: network 'my_networks:DeepSet' cannot be imported: .* put my_n"):
        load_model(trained.path / "run" / "model.pt", network=OWN["type"])


def test_code_that_nobody_but_the_file_names_is_not_imported(trained):
    (trained.path / "my_networks.py").write_text("import pathlib\npathlib.Path('executed').touch()\n")
    trained.forget()
    path = trained.path / "run" / "model.pt"
    for load in (load_model, lambda path: sample_file(path, trained.path / "s.parquet", 5, progress=silent)):
        with pytest.raises(OnshellError, match=r"model\.pt: names code .* add --network my_networks:DeepSet"):
            load(path)
    with pytest.raises(OnshellError, match=r"add --network"):
        load_model(path, network="other:Net")
    assert not (trained.path / "executed").exists()
    assert not (trained.path / "s.parquet").exists()


def test_what_only_some_losses_need_is_told_of_the_network(custom_folder):
    custom_folder.write(
        DEEP_SET.replace("self.each(x)", "self.each(x.detach())").replace("cat([x,", "cat([x.detach(),")
    )
    with pytest.raises(OnshellError, match=r"network 'my_networks:DeepSet' fails in training: ") as caught:
        train(SPEC, events(), custom_folder.path / "run", progress=silent)
    assert "\n" not in str(caught.value)


def test_code_that_computes_something_else_is_refused_and_that_which_does_not_is_not(trained):
    path = trained.path / "run" / "model.pt"
    before = load_model(path, network=OWN["type"])[0]
    trained.write(f"# A comment.\n{DEEP_SET}\nclass Another:\n    pass\n")
    x, t = torch.ones(2, 3, 3), torch.zeros(2)
    assert torch.equal(load_model(path, network=OWN["type"])[0](x, t), before(x, t))
    trained.write(OTHER)
    with pytest.raises(OnshellError, match=r"model\.pt: network .* does not compute what it did when it was trained"):
        load_model(path, network=OWN["type"])


def test_a_training_that_is_over_is_brought_back_only_for_the_same_code(trained):
    run, lines = trained.path / "run", []
    train(SPEC, events(), run, progress=lines.append)
    assert "was trained already" in lines[0]
    trained.write(OTHER)
    lines = []
    train(SPEC, events(), run, progress=lines.append)
    assert any("epoch 3/3" in str(line) for line in lines)
    assert load_model(run / "model.pt", network=OWN["type"])


def test_a_state_of_other_code_or_arguments_is_not_gone_on_with(custom_folder):
    def stop(line):
        if ": epoch 1/" in str(line):
            raise KeyboardInterrupt

    def begun(spec):
        """What a training says before its first epoch is over; it is stopped then."""
        lines = []

        def tell(line):
            lines.append(line)
            stop(line)

        with pytest.raises(KeyboardInterrupt):
            train(spec, events(), custom_folder.path / "run", progress=tell)
        return lines

    custom_folder.write(DEEP_SET)
    begun(SPEC)
    (state,) = (custom_folder.path / "run").glob("state-*.pt")
    custom_folder.write(OTHER)
    lines = begun(SPEC)
    assert not any("going on" in str(line) for line in lines)
    assert f"{state} is of other settings, data, device, precision or custom code: not used" in lines[0]
    with pytest.raises(OnshellError, match=r"or custom code differ; leave out --resume"):
        train(SPEC, events(), custom_folder.path / "else", TrainOptions(resume=state), silent)
    assert not any("going on" in str(line) for line in begun({**SPEC, "network": {**OWN, "width": 4}}))
    # The code that it belongs to goes on from it.
    custom_folder.write(DEEP_SET)
    lines = []
    train(SPEC, events(), custom_folder.path / "run", progress=lines.append)
    assert any("going on after epoch 1" in str(line) for line in lines)
    train(SPEC, events(), custom_folder.path / "whole", progress=silent)
    assert_same_training(custom_folder.path / "run", custom_folder.path / "whole")


def test_processes_of_a_training_and_of_a_sampling_find_it(custom_folder):
    """No worker of a sampling has the folder on its path by itself."""
    clone = Clone(custom_folder.path)
    shrink(clone.config)["networks"]["mine"] = OWN
    clone.config["runs"]["muon-q-flow-mine"] = {"recipe": "muon-flow", "network": "mine"}
    clone.save()
    custom_folder.write(DEEP_SET)
    metadata = {"dataset": "muon", "augmentation": {"name": "single"}}
    write_events("set.parquet", [events(480)], metadata, space="q")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    training = ["-m", "onshell", "train", "muon-q-flow-mine", "--data", "set.parquet", "-o", "mine", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, *torchrun, *training], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "2 processes on cpu" in done.stdout
    # One block, which a worker draws.
    options = SampleOptions(device="cpu", processes=2, network=OWN["type"])
    sample_file("mine/model.pt", "two.parquet", 40, options, silent)
    assert len(read_events("two.parquet")) == 40
