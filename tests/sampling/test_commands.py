"""What `onshell sample` writes."""

import numpy as np
import pytest
import torch

from helpers.disk import names, read_only
from helpers.maps import assert_on_shell
from helpers.networks import awaken
from helpers.specs import diffusion_spec, flow_spec, run_spec
from helpers.trainings import silent
from onshell.core.errors import OnshellError
from onshell.events.table import read_events
from onshell.models.build import build
from onshell.physics import rambo
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.sampling.sampler import Draw, sample_block
from onshell.training.checkpoint import network_of, read_model, save_model

pytestmark = pytest.mark.usefixtures("small_blocks")


def saved(path, spec, seed=1):
    network = awaken(build(spec), scale=0.1, seed=seed)
    source, fitted = {"cutoff": 0.5, "augmentation": {"name": "mine"}}, {"mean": [0.0] * 3, "std": [1.0, 1.0, 2.0]}
    save_model(path, network.state_dict(), spec, provenance={}, source=source, fitted=fitted)
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
        "augmentation": {"name": "mine"},
        "seed": 11,
        "precision": "fp32",
        "sampling": {"noise": "full"},
        "times": [0.0],
        "n_evaluations": 20,
        "spec": run_spec(),
    }.items():
        assert events.metadata[key] == value, key
    assert {"model", "commit", "version"} <= events.metadata.keys()
    assert "block 3/3" in str(lines[2])
    assert "events/s" in str(lines[0])
    assert names(tmp_path) == ["model.pt", "s.parquet"]


def test_the_same_sample_has_the_same_bytes(model, tmp_path):
    one, two, other = (tmp_path / f"{name}.parquet" for name in ("one", "two", "other"))
    sample_file(model, one, 120, progress=silent)
    sample_file(model, two, 120, progress=silent)
    sample_file(model, other, 120, SampleOptions(seed=12), silent)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != other.read_bytes()


def test_snapshots_are_a_table_in_q_space(model, tmp_path):
    out = sample_file(model, tmp_path / "t.parquet", 120, SampleOptions(snapshots=[0, 1, 0.25]), silent)
    table = read_events(out, space="q")
    times = table.columns["time"]
    assert times.dtype == np.float64
    assert times.tolist() == [1] * 120 + [0.25] * 120 + [0] * 120
    assert table.columns["event"].tolist() == list(range(120)) * 3
    sampled = read_events(sample_file(model, tmp_path / "s.parquet", 120, progress=silent))
    torch.testing.assert_close(rambo.to_p(table.momenta[times == 0]), sampled.momenta, rtol=0, atol=1e-14)


RUNS = {
    "q-diffusion": run_spec(loss="noise"),
    "q-flow": run_spec("q", "flow"),
    "p-diffusion": run_spec("p", loss={"type": "noise", "target": "chain"}),
    "p-flow": run_spec("p", "flow", sampling={"solver": "adaptive"}),
}


@pytest.mark.parametrize("spec", RUNS.values(), ids=RUNS)
def test_every_kind_of_model_is_sampled_in_its_units_and_goes_on_where_it_was_killed(spec, tmp_path):
    path, out = saved(tmp_path / "model.pt", spec), tmp_path / "s.parquet"
    states = torch.cat(
        [
            sample_block(build_again(path), spec, k, size, Draw(11, fitted=read_model(path)["fitted"]))[0.0]
            for k, size in ((0, 50), (1, 20))
        ]
    )
    made = iter([None])

    def stop(line):
        if next(made, line):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample_file(path, out, 120, progress=stop)
    sample_file(path, out, 70, progress=silent)
    events = read_events(out, space="p")
    if spec["space"] == "q":
        assert "conserves" not in events.metadata
        assert_on_shell(events.momenta)
        torch.testing.assert_close(events.momenta, rambo.to_p(states))
    else:
        assert events.metadata["conserves"] is False
        assert events.metadata["unit"] == 0.1
        torch.testing.assert_close(events.momenta, 0.1 * states)
    table = read_events(sample_file(path, tmp_path / "t.parquet", 70, SampleOptions(snapshots=[1, 0]), silent))
    assert table.space == spec["space"]
    torch.testing.assert_close(table.momenta[70:], spec["unit"] * states)
    assert table.metadata["sampling"] == {key: v for key, v in spec["sampling"].items() if key != "precision"}


def build_again(path):
    return network_of(read_model(path), path)


def test_the_settings_of_sampling_may_be_others_than_those_trained_with(tmp_path):
    path = saved(tmp_path / "model.pt", RUNS["q-flow"])
    usual, other = tmp_path / "usual.parquet", tmp_path / "other.parquet"
    sample_file(path, usual, 20, progress=silent)
    sample_file(path, other, 20, SampleOptions(sampling={"solver": "rk4", "steps": 3}), silent)
    one, two = read_events(usual), read_events(other)
    assert one.metadata["sampling"] == {"solver": "midpoint", "steps": 20, "tolerance": 1e-4}
    assert two.metadata["sampling"] == {"solver": "rk4", "steps": 3, "tolerance": 1e-4}
    assert two.metadata["spec"]["sampling"]["solver"] == "rk4"
    assert 0 < (one.momenta - two.momenta).abs().max() < 0.1


SPINOR = diffusion_spec({"solver": "ancestral", "steps": 12, "eta": 0.5})


def test_a_sample_says_how_many_evaluations_an_event_took(tmp_path):
    """The adaptive solver's are the mean over blocks; snapshots on the way take more."""
    flow, sizes = flow_spec(), {}
    for name, spec, over in (
        ("ancestral", SPINOR, {}),
        ("multistep", SPINOR, {"solver": "multistep", "grid": {"rho": 1.5, "smallest": 0.01}}),
        ("langevin", flow, {"solver": "midpoint", "steps": 5, "langevin": 0.1}),
        ("adaptive", flow, {"solver": "adaptive", "tolerance": 1e-5}),
    ):
        path = saved(tmp_path / f"{name}.pt", spec)
        out = sample_file(path, tmp_path / f"{name}.parquet", 120, SampleOptions(sampling=over), silent)
        table = read_events(out, n_particles=3)
        assert_on_shell(table.momenta)
        sizes[name] = table.metadata["n_evaluations"]
    assert (sizes["ancestral"], sizes["multistep"], sizes["langevin"]) == (12, 12, 13)
    assert sizes["adaptive"] > 20


def test_a_diffusion_of_spinors_is_read_at_any_noise_level(tmp_path):
    times = [1, 0.731, 0.25, 0]
    path = saved(tmp_path / "model.pt", SPINOR)
    grid = {"grid": {"rho": 1.5, "smallest": 0.01}}
    out = sample_file(path, tmp_path / "s.parquet", 120, SampleOptions(snapshots=times, sampling=grid), silent)
    table = read_events(out, space="q")
    assert table.columns["time"].tolist() == np.repeat(times, 120).tolist()
    for time in times:
        assert_on_shell(rambo.to_p(table.momenta[table.columns["time"] == time]))
    end = sample_file(path, tmp_path / "end.parquet", 120, SampleOptions(sampling=grid), silent)
    torch.testing.assert_close(read_events(end).momenta, rambo.to_p(table.momenta[-120:]), rtol=1e-12, atol=1e-15)


def test_a_model_of_another_configuration_is_refused(model, tmp_path):
    out = tmp_path / "s.parquet"
    expect = {key: value for key, value in run_spec(training={"lr": 5e-4}).items() if key != "sampling"}
    with pytest.raises(
        OnshellError, match=r"model\.pt: trained with training\.lr = 0\.001, the configuration says 0\.0005"
    ):
        sample_file(model, out, 10, SampleOptions(expect=expect), silent)
    assert names(tmp_path) == ["model.pt"]
    assert sample_file(model, out, 10, SampleOptions(expect=run_spec()), silent) == out


@pytest.mark.parametrize("n", [0, -1])
def test_no_events_is_an_error(n, model, tmp_path):
    with pytest.raises(OnshellError, match="ask for 1 or more"):
        sample_file(model, tmp_path / "s.parquet", n, progress=silent)


def test_faults_are_told_before_sampling(model, tmp_path, monkeypatch):
    with pytest.raises(OnshellError, match=r"none\.pt: no such model file"):
        sample_file(tmp_path / "none.pt", tmp_path / "s.parquet", 10, progress=silent)
    for wrong, message in (([30], "30 is not a normalised time"), ([], "none given")):
        with pytest.raises(OnshellError, match=f"snapshots: {message}"):
            sample_file(model, tmp_path / "s.parquet", 10, SampleOptions(snapshots=wrong), silent)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OnshellError, match="no CUDA GPU; use --device cpu"):
        sample_file(model, tmp_path / "s.parquet", 10, SampleOptions(device="cuda"), silent)
    with read_only(tmp_path / "locked") as folder, pytest.raises(OnshellError, match="cannot write here"):
        sample_file(model, folder / "s.parquet", 10, progress=silent)
    assert names(tmp_path / "locked") == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"schedule": None}, "spec.schedule|describe nothing"),
        ({"schedule": {"steps": "x"}}, r"spec\.schedule\.steps = 'x': "),
        ({"schedule": {}}, "describe nothing that can be sampled"),
        ({"loss": {"type": 3}}, r"spec\.loss\.type = 3: "),
        ({"network": {"type": "mlp", "width": "wide"}}, "."),
        ({"network": ["mlp"]}, r"spec\.network = "),
        ({"sampling": {}}, r"without spec\.sampling\.precision"),
        ({"n_particles": 3.5}, r"spec\.n_particles = 3\.5: "),
        ({"n_particles": 4}, "the weights do not fit"),
        ({"unit": float("nan")}, r"spec\.unit = nan: "),
        ({"run": None}, r"spec\.run = None: "),
    ],
)
def test_a_model_whose_settings_are_of_other_types_is_refused_in_one_line(tmp_path, change, fault):
    path = saved(tmp_path / "model.pt", run_spec())
    content = torch.load(path, weights_only=True)
    torch.save({**content, "spec": {**content["spec"], **change}}, path)
    with pytest.raises(OnshellError, match=rf"model\.pt: .*({fault})") as caught:
        sample_file(path, tmp_path / "s.parquet", 5, progress=silent)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "s.parquet").exists()


def test_what_shows_when_a_model_draws_names_its_file(tmp_path):
    spec = run_spec(sampling={"precision": "fp32", "noise": "some"})
    save_model(tmp_path / "m.pt", build(spec).state_dict(), spec, provenance={})
    with pytest.raises(OnshellError, match=r"m\.pt: sampling\.noise: 'some' is not known"):
        sample_file(tmp_path / "m.pt", tmp_path / "s.parquet", 5, progress=silent)


def test_settings_of_a_model_that_do_not_fit_together_are_one_line(tmp_path):
    spec = run_spec()
    save_model(tmp_path / "m.pt", build(spec).state_dict(), spec, provenance={})
    content = torch.load(tmp_path / "m.pt", weights_only=True)
    content["spec"]["schedule"]["gamma"] = "a to b"
    torch.save(content, tmp_path / "m.pt")
    with pytest.raises(OnshellError, match=r"m\.pt: ") as fault:
        sample_file(tmp_path / "m.pt", tmp_path / "s.parquet", 5, progress=silent)
    assert "\n" not in str(fault.value)
