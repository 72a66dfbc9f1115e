"""What `onshell sample` and `onshell forward` write."""

import numpy as np
import pytest
import torch

from helpers.disk import names, read_only
from helpers.maps import assert_on_shell
from helpers.networks import awaken, small_spec
from onshell.errors import OnshellError
from onshell.events.table import read_events, write_events
from onshell.models.build import build
from onshell.physics import rambo
from onshell.sampling import commands
from onshell.sampling.commands import forward_file, sample_file
from onshell.sampling.sample import sample_block
from onshell.streams import stream
from onshell.training.checkpoint import save_model


def silent(_):
    pass


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(commands, "BLOCK", 50)


@pytest.fixture
def model(tmp_path):
    network = awaken(build(small_spec()), scale=0.1)
    path = tmp_path / "model.pt"
    source = {"cutoff": 0.5, "augmentation": {"x": 1}}
    save_model(path, network.state_dict(), small_spec(), provenance={}, source=source)
    return path


def test_a_sample_is_an_event_table_with_its_origin(model, tmp_path):
    lines = []
    out = sample_file(model, tmp_path / "s.parquet", 120, progress=lines.append)
    events = read_events(out, space="p", n_particles=3)
    assert len(events) == 120
    assert_on_shell(events.momenta)
    for key, value in {
        "process": "muon",
        "dataset": "muon",
        "run": "small-q-diffusion",
        "n_particles": 3,
        "e_cm": 1.0,
        "cutoff": 0.5,
        "augmentation": {"x": 1},
        "seed": 11,
        "precision": "fp32",
        "spec": small_spec(),
    }.items():
        assert events.metadata[key] == value, key
    assert {"model", "commit", "version"} <= events.metadata.keys()
    assert "block 3/3" in lines[2]
    assert "events/s" in lines[0]
    assert names(tmp_path) == ["model.pt", "s.parquet"]


def test_the_same_sample_has_the_same_bytes(model, tmp_path):
    one, two, other = (tmp_path / f"{name}.parquet" for name in ("one", "two", "other"))
    sample_file(model, one, 120, progress=silent)
    sample_file(model, two, 120, progress=silent)
    sample_file(model, other, 120, seed=12, progress=silent)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_a_killed_sampling_goes_on_with_the_missing_blocks(model, tmp_path, monkeypatch):
    made = []

    def counted(network, spec, k, size, **options):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(k)
        return sample_block(network, spec, k, size, **options)

    monkeypatch.setattr(commands, "sample_block", counted)
    out, whole = tmp_path / "s.parquet", tmp_path / "whole.parquet"
    with pytest.raises(KeyboardInterrupt):
        sample_file(model, out, 180, progress=silent)
    assert not out.exists()
    (parts,) = (name for name in names(tmp_path) if "parts" in name)
    # A block that was damaged on disk is made again.
    (tmp_path / parts / "000001.pt").write_bytes(b"half a block")
    made.clear()
    monkeypatch.setattr(commands, "sample_block", lambda *a, **o: made.append(a[2]) or sample_block(*a, **o))
    sample_file(model, out, 180, progress=silent)
    assert made == [1, 2, 3]
    sample_file(model, whole, 180, progress=silent)
    assert out.read_bytes() == whole.read_bytes()
    assert names(tmp_path) == ["model.pt", "s.parquet", "whole.parquet"]


def test_blocks_of_another_model_are_not_taken(model, tmp_path, monkeypatch):
    def stop(line):
        raise KeyboardInterrupt

    out = tmp_path / "s.parquet"
    with pytest.raises(KeyboardInterrupt):
        sample_file(model, out, 120, progress=stop)
    network = awaken(build(small_spec()), scale=0.1, seed=2)
    save_model(model, network.state_dict(), small_spec(), provenance={})
    made = []
    monkeypatch.setattr(commands, "sample_block", lambda *a, **o: made.append(a[2]) or sample_block(*a, **o))
    sample_file(model, out, 120, progress=silent)
    assert made == [0, 1, 2]
    assert names(tmp_path) == ["model.pt", "s.parquet"]


def test_snapshots_are_a_table_in_q_space(model, tmp_path):
    out = sample_file(model, tmp_path / "t.parquet", 120, snapshots=[0, 20, 5], progress=silent)
    table = read_events(out, space="q")
    steps = table.columns["step"]
    assert steps.tolist() == [20] * 120 + [5] * 120 + [0] * 120
    assert table.columns["event"].tolist() == list(range(120)) * 3
    sampled = read_events(sample_file(model, tmp_path / "s.parquet", 120, progress=silent))
    torch.testing.assert_close(rambo.to_p(table.momenta[steps == 0]), sampled.momenta, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [0, -1])
def test_no_events_is_an_error(n, model, tmp_path):
    with pytest.raises(OnshellError, match="ask for 1 or more"):
        sample_file(model, tmp_path / "s.parquet", n, progress=silent)


def test_faults_are_told_before_sampling(model, tmp_path, monkeypatch):
    with pytest.raises(OnshellError, match=r"none\.pt: no such model file"):
        sample_file(tmp_path / "none.pt", tmp_path / "s.parquet", 10, progress=silent)
    with pytest.raises(OnshellError, match="snapshots: 30 is not a time"):
        sample_file(model, tmp_path / "s.parquet", 10, snapshots=[30], progress=silent)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OnshellError, match="no CUDA GPU; use --device cpu"):
        sample_file(model, tmp_path / "s.parquet", 10, device="cuda", progress=silent)
    with read_only(tmp_path / "locked") as folder, pytest.raises(OnshellError, match="cannot write here"):
        sample_file(model, folder / "s.parquet", 10, progress=silent)
    assert names(tmp_path / "locked") == []


@pytest.fixture
def training_set(tmp_path):
    path = tmp_path / "aps.single.parquet"
    metadata = {"process": "aps", "cutoff": 30.0, "augmentation": {"name": "single"}, "split": {"train": [0, 300]}}
    q = 0.1 * rambo.sample_prior(300, 10, stream(1, "q"))
    write_events(path, [(q, {"event": np.arange(300) + 7})], metadata, "q")
    return path


def test_the_forward_process_is_a_table_of_its_steps(training_set, tmp_path):
    schedule = {"steps": 40, "gamma": [0.002, 0.01], "gaussian_steps": 5, "gaussian_gamma": 0.002}
    options = {"schedule": schedule, "steps": [40, 0], "events": 200, "seed": 3, "name": "aps_30", "progress": silent}
    out = forward_file(training_set, tmp_path / "f.parquet", **options)
    table, data = read_events(out, space="q"), read_events(training_set)
    steps = table.columns["step"]
    assert steps.tolist() == [0] * 200 + [40] * 200
    assert torch.equal(table.momenta[steps == 0], data.momenta[:200])
    assert (table.columns["event"][steps == 40] == np.arange(200) + 7).all()
    size = table.momenta.norm(dim=-1).mean(1)
    assert size[steps == 40].mean() > 1.5 * size[steps == 0].mean()
    assert table.metadata["cutoff"] == 30.0
    assert table.metadata["schedule"] == schedule
    assert "split" not in table.metadata
    assert forward_file(training_set, tmp_path / "g.parquet", **options).read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"events": 0}, "0 events cannot be simulated"), ({"steps": [41]}, "snapshots: 41 is not a time of this process")],
)
def test_faulty_forward_requests_are_named(change, message, training_set, tmp_path):
    options = {"schedule": {"steps": 40}, "steps": [0], "events": 10, "seed": 3, "name": "aps_30"}
    with pytest.raises(OnshellError, match=message):
        forward_file(training_set, tmp_path / "f.parquet", progress=silent, **(options | change))
    assert names(tmp_path) == ["aps.single.parquet"]
