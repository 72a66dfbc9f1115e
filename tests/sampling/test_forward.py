"""What `onshell forward` writes."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.disk import names
from helpers.maps import assert_on_shell
from helpers.specs import diffusion_spec, run_spec
from helpers.statistics import assert_law
from helpers.trainings import silent
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.events.table import read_events, write_events
from onshell.physics import rambo
from onshell.sampling.commands import forward_file


@pytest.fixture
def training_set(tmp_path):
    path = tmp_path / "aps.single.parquet"
    metadata = {"process": "aps", "cutoff": 30.0, "augmentation": {"name": "single"}, "split": {"train": [0, 300]}}
    q = 0.1 * rambo.sample_prior(300, 10, stream(1, "q"))
    write_events(path, [(q, {"event": np.arange(300) + 7})], metadata, "q")
    return path


def test_the_forward_process_is_a_table_of_its_times(training_set, tmp_path):
    schedule = {"steps": 40, "gamma": [0.002, 0.01], "gaussian_steps": 5, "gaussian_gamma": 0.002}
    spec = run_spec(n_particles=10, schedule=schedule)
    options = {"spec": spec, "times": [1, 0], "events": 200, "seed": 3, "name": "aps_30", "progress": silent}
    out = forward_file(training_set, tmp_path / "f.parquet", **options)
    table, data = read_events(out, space="q"), read_events(training_set)
    times = table.columns["time"]
    assert times.dtype == np.float64
    assert times.tolist() == [0] * 200 + [1] * 200
    assert torch.equal(table.momenta[times == 0], data.momenta[:200])
    assert (table.columns["event"][times == 1] == np.arange(200) + 7).all()
    size = table.momenta.norm(dim=-1).mean(1)
    assert size[times == 1].mean() > 1.5 * size[times == 0].mean()
    assert table.metadata["cutoff"] == 30.0
    assert table.metadata["schedule"] == schedule
    assert "split" not in table.metadata
    assert forward_file(training_set, tmp_path / "g.parquet", **options).read_bytes() == out.read_bytes()


def test_the_forward_process_in_p_space_is_in_units_of_the_events_and_flagged(tmp_path):
    p = rambo.to_p(rambo.sample_prior(2_000, 3, stream(2, "q")))
    write_events(tmp_path / "muon.parquet", [p], {"process": "muon", "conserves": True})
    spec = run_spec("p", schedule={"steps": 400, "gamma": [0.002, 0.02]})
    options = {"spec": spec, "times": [1, 0], "events": 2_000, "seed": 3, "name": "muon", "progress": silent}
    table = read_events(forward_file(tmp_path / "muon.parquet", tmp_path / "f.parquet", **options), space="p")
    start, end = table.momenta.split(2_000)
    torch.testing.assert_close(start, p)
    assert_law(end.flatten() / 0.1, stats.norm.cdf)
    assert table.metadata["conserves"] is False
    assert table.metadata["unit"] == 0.1


def test_the_forward_process_of_spinors_has_its_law_at_any_noise_level(tmp_path):
    times = [1, 0.731, 0.25, 0]
    write_events(tmp_path / "q.parquet", [0.15 * rambo.sample_prior(2_000, 3, stream(4, "q"))], {}, space="q")
    options = {"spec": diffusion_spec(), "times": times, "events": 2_000, "seed": 3, "name": "muon", "progress": silent}
    table = read_events(forward_file(tmp_path / "q.parquet", tmp_path / "f.parquet", **options), space="q")
    assert table.columns["time"].tolist() == np.repeat(times[::-1], 2_000).tolist()
    for time in times:
        here = table.momenta[table.columns["time"] == time]
        size = 0.15 * np.cos(np.pi / 2 * time) ** 2 + np.sin(np.pi / 2 * time) ** 2
        assert_law(here.norm(dim=-1).flatten() / size, stats.gamma(2).cdf)
        assert_on_shell(rambo.to_p(here))
    assert table.metadata["chart"] == "spinor"
    assert table.metadata["schedule"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"events": 0}, "0 events cannot be simulated"),
        ({"times": [41]}, "snapshots: 41 is not a normalised time"),
        ({"spec": run_spec("q", "flow", n_particles=10)}, "forward.aps_30: small-q-flow is a flow"),
        ({"spec": run_spec()}, "10 particles"),
    ],
)
def test_faulty_forward_requests_are_named(change, message, training_set, tmp_path):
    options = {"spec": run_spec(n_particles=10), "times": [0], "events": 10, "seed": 3, "name": "aps_30"}
    with pytest.raises(OnshellError, match=message):
        forward_file(training_set, tmp_path / "f.parquet", progress=silent, **(options | change))
    assert names(tmp_path) == ["aps.single.parquet"]
