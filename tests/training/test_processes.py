"""Training in several processes: the same as in one, up to rounding."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from helpers.specs import run_spec
from helpers.trainings import events, history, model, silent
from onshell.core.errors import OnshellError
from onshell.training.distributed import SHARDS, ProcessGroup, process_group
from onshell.training.loop import TrainOptions, train

# 241 events in batches of 48: in the last batch, of one event, one process has none. All that a state can hold.
TRAINING = {"epochs": 4, "batch_size": 48, "ema": 0.9, "lr_schedule": "onecycle", "lr": 5e-3}
SPECS = {
    "diffusion": run_spec(training=TRAINING),
    # Losses whose rows come of more than events and times: of a prior fitted to all events, and of probes.
    "flow": run_spec(family="flow", training=TRAINING),
    "probes": {
        **run_spec(loss={"divergence": "hutchinson", "preconditioning": "sigma"}, training=TRAINING),
        "network": {"type": "transformer", "width": 16, "blocks": 2, "heads": 2, "time_dim": 8},
    },
}

SCRIPT = """
    import json, shutil, sys
    from contextlib import nullcontext
    from pathlib import Path
    out, helpers, specs = Path(sys.argv[1]), *sys.argv[2:]
    sys.path.insert(0, helpers)
    from helpers.trainings import events
    from onshell.training import loop
    from onshell.training.distributed import process_group

    def tell(line):
        print(line, flush=True)
        if ": epoch 2/" in str(line) and (found := list((out / "diffusion").glob("state-*.pt"))):
            # What a training that is killed here leaves.
            shutil.copy(found[0], out / "state.pt")

    with process_group("cpu") as members:
        # Processes meet once: all trainings are of the same process_group.
        loop.process_group = lambda device: nullcontext(members)
        specs = json.loads(specs)
        for name, spec in specs.items():
            loop.train(spec, events(241), out / name, progress=tell)
        resumed = loop.TrainOptions(resume=out / "state.pt")
        loop.train(specs["diffusion"], events(241), out / "resumed", resumed, tell)
"""


def torchrun(folder, specs):
    """The output of trainings in two processes, the first also resumed after epoch 2; slow on a busy machine."""
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    # --standalone looks for a free port by itself.
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    arguments = [script, folder, Path(__file__).parents[1], json.dumps(specs)]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def felt(name, weight):
    """The part of a weight that the output depends on: no softmax feels a bias of keys, which rounding alone moves."""
    return weight.unflatten(0, (3, -1))[::2] if name.endswith("qkv.bias") else weight


def assert_near(folder, other):
    for ours, theirs in zip(history(folder), history(other), strict=True):
        assert [float(x) for x in ours] == pytest.approx([float(x) for x in theirs], rel=1e-5)
    # Adam's steps are of size lr whatever the gradient, so rounding grows where a gradient is nearly zero.
    for kind in ("weights", "ema"):
        ours, theirs = model(folder)[kind], model(other)[kind]
        for name in theirs:
            pair = felt(name, ours[name]), felt(name, theirs[name])
            torch.testing.assert_close(*pair, rtol=1e-5, atol=2e-5, msg=f"{kind} {name}")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A function that returns the folder of a training of `SPECS` in one process, trained when first asked for."""
    root = tmp_path_factory.mktemp("one")

    def trained(name):
        if not (root / name).exists():
            train(SPECS[name], events(241), root / name, progress=silent)
        return root / name

    return trained


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Trainings in two processes, all by one torchrun: (folder, output)."""
    folder = tmp_path_factory.mktemp("two")
    return folder, torchrun(folder, SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_two_processes_train_like_one(name, alone, together):
    folder, output = together
    # One process speaks and writes.
    assert output.count(": epoch 1/4") == len(SPECS)
    assert_near(folder / name, alone(name))
    record = json.loads((folder / name / "run.json").read_text())
    assert record["processes"] == 2


def test_a_state_of_two_processes_is_gone_on_with_in_two_or_in_one(alone, together, tmp_path):
    folder, output = together
    lines = []
    train(SPECS["diffusion"], events(241), tmp_path, TrainOptions(resume=folder / "state.pt"), lines.append)
    assert "going on after epoch 2" in lines[0]
    assert output.count("going on after epoch 2") == 1
    for resumed in (folder / "resumed", tmp_path):
        assert_near(resumed, alone("diffusion"))


@pytest.mark.parametrize("size", [5, 7, 8, 24])
def test_a_number_of_processes_that_cannot_share_says_which_can(size, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", str(size))
    with pytest.raises(OnshellError, match=f"{size} processes .*start 1, 2, 3, 4, 6 or 12"), process_group("cpu"):
        pass
    assert SHARDS % size


@pytest.mark.parametrize(("rank", "said"), [(None, "RANK: None"), ("first", "RANK: 'first'")])
def test_a_foreign_environment_is_named(rank, said, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
    with pytest.raises(OnshellError, match=f"{said} .*start with torchrun, or unset WORLD_SIZE"), process_group("cpu"):
        pass


@pytest.mark.parametrize(
    ("device", "said"), [("cuda", "but this machine has 1; use as many processes"), ("cuda:0", "use --device cuda")]
)
def test_each_process_takes_a_gpu_of_its_own(device, said, monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(OnshellError, match=said), process_group(device):
        pass


def test_a_process_that_lost_the_others_says_so(monkeypatch):
    def broken(tensor):
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(torch.distributed, "all_reduce", broken)
    with pytest.raises(OnshellError, match="process 1 of 2: lost the others; the first that stopped says why"):
        ProcessGroup(torch.device("cpu"), 1, 2).wait()
