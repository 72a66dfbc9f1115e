"""Log-densities of flows, where they are known."""

import math

import pytest
import torch
from typer.testing import CliRunner

from helpers.flows import soft
from helpers.networks import awaken
from helpers.specs import diffusion_spec, flow_spec, run_spec
from helpers.statistics import assert_mean
from helpers.trainings import silent
from onshell.cli import app
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.evaluation.reweight import reweight_file
from onshell.events.table import read_events
from onshell.models.build import build
from onshell.models.charts import chart_of
from onshell.physics import fibre, rambo
from onshell.physics.kinematics import norm
from onshell.sampling import commands
from onshell.sampling.commands import SampleOptions, sample_file
from onshell.sampling.densities import likelihood_warnings
from onshell.sampling.likelihood import PROBES, FlowDensity, probes_of
from onshell.training.checkpoint import load_model, save_model

FITTED = {"mean": [0.1, 0.0, -0.1], "std": [1.0, 2.0, 0.5]}
GRID = {"rho": 1.2, "smallest": 3e-3}
RK4 = {"solver": "rk4", "steps": 20}


def gaussian(q, t):
    """The exact velocity of the line from N(0, 0.4^2) in all components to the `FITTED` prior, E[q_1 - q_0 | q_t]."""
    mean, std = (torch.tensor(FITTED[key], dtype=q.dtype) for key in ("mean", "std"))
    t = t[:, None, None]
    spread = (1 - t) ** 2 * 0.4**2 + t**2 * std**2
    return mean + (t * std**2 - (1 - t) * 0.4**2) / spread * (q - t * mean)


def density(network, spec, probes=0):
    return FlowDensity(network, spec, FITTED, torch_stream(1, "signs"), probes)


def drawn(network, spec, n=200, probes=0):
    return density(network, spec, probes).sample(n, stream(1, "x"))


def read(network, spec, x):
    return density(network, spec).log_prob(x)


@pytest.mark.parametrize("prior", ["rambo", "gaussian"])
@pytest.mark.parametrize("chart", ["q", "log-polar", "spinor"])
def test_a_flow_that_moves_nothing_has_the_density_of_its_prior(chart, prior):
    spec = flow_spec(chart, prior, sampling=RK4)
    x, found = drawn(build(spec).double(), spec)
    expected = rambo.prior_log_prob(x)
    if prior == "gaussian":
        mean, std = (torch.tensor(FITTED[key], dtype=x.dtype) for key in ("mean", "std"))
        expected = (-0.5 * ((x - mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)).sum((1, 2))
    torch.testing.assert_close(found, expected[None])
    torch.testing.assert_close(read(build(spec).double(), spec, x), expected[None])


@pytest.mark.parametrize(
    ("sampling", "tolerance"),
    [
        ({**RK4, "steps": 40}, 1e-4),
        ({"solver": "adaptive", "tolerance": 1e-7}, 1e-4),
        ({"solver": "multistep", "steps": 60, "grid": GRID}, 1e-2),
        ({"solver": "midpoint", "steps": 60}, 2e-2),
    ],
    ids=["rk4", "adaptive", "multistep", "midpoint"],
)
@pytest.mark.parametrize("make", [flow_spec, diffusion_spec], ids=["flow", "diffusion"])
def test_spinors_at_a_smaller_scale_have_the_density_of_the_prior_there(make, sampling, tolerance):
    spec = make(sampling=sampling)
    x, found = drawn(soft(spec), spec)
    expected = rambo.prior_log_prob(x / 0.09) - 9 * math.log(0.09)
    torch.testing.assert_close(found[0], expected, rtol=0, atol=tolerance)
    torch.testing.assert_close(read(soft(spec), spec, x)[0], expected, rtol=0, atol=tolerance)


def test_logarithms_that_shrink_have_the_density_of_the_prior_at_their_scale():
    spec = flow_spec("log-polar", sampling=RK4)
    x, found = drawn(lambda q, t: q / norm(q).unsqueeze(-1), spec)
    torch.testing.assert_close(found[0], rambo.prior_log_prob(math.e * x) + 9)


@pytest.mark.parametrize("space", ["q", "p"])
def test_a_gaussian_flow_has_its_closed_form(space):
    spec = flow_spec("q", "gaussian", sampling={**RK4, "steps": 100}, space=space)
    x, found = drawn(gaussian, spec)
    expected = torch.distributions.Normal(0.0, 0.4).log_prob(x).sum((1, 2))
    torch.testing.assert_close(found[0], expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(read(gaussian, spec, x)[0], expected, rtol=0, atol=1e-5)


EQUIVARIANT = {"type": "equivariant-mlp", "width": 16, "depth": 2, "time_dim": 8}


@pytest.mark.parametrize(
    ("chart", "options", "scale"),
    [("q", {}, 0.2), ("log-polar", {}, 0.1), ("spinor", {}, 0.2), ("spinor", EQUIVARIANT, 0.1)],
)
def test_any_network_s_density_is_the_jacobian_of_its_map(chart, options, scale):
    """Finite differences of where neighbours go, and the way back."""
    spec = flow_spec(chart, sampling={**RK4, "steps": 10})
    spec |= {"network": options or spec["network"]}
    network = awaken(build(spec), scale=scale).double()
    x, found = drawn(network, spec, n=2)
    torch.testing.assert_close(read(network, spec, x), found, rtol=0, atol=1e-3)
    begin = rambo.sample_prior(2, 3, stream(1, "y"))

    def end(q):
        moved, change = density(network, spec).solve(chart_of(spec).to_chart(q), to_data=True)
        return chart_of(spec).to_q(moved), change

    _, change = end(begin)
    h = 1e-4 * torch.eye(9, dtype=torch.float64).view(9, 3, 3)
    for i, q in enumerate(begin):
        slopes = (end(q + h)[0] - end(q - h)[0]).flatten(1) / 2e-4
        torch.testing.assert_close(change[0, i], -torch.linalg.slogdet(slopes).logabsdet, rtol=0, atol=1e-3)


def test_a_smooth_network_s_density_on_phase_space_is_normalised():
    """1/density over its events, and the estimate over uniform events: both integrate to 1."""
    spec = flow_spec(sampling={"solver": "midpoint", "steps": 10})
    field = awaken(build(spec), scale=0.15).double()
    x, found = drawn(field, spec, n=2_000)
    ratio = found[0] - rambo.prior_log_prob(x)
    assert ratio.std() > 0.05
    assert_mean((-ratio).exp(), 1.0)
    p = rambo.to_p(rambo.sample_prior(100, 3, stream(2, "p")))
    found, error = fibre.log_density(lambda q: read(field, spec, q)[0], p, 8, stream(2, "fibre"))
    assert_mean(found.exp(), 1.0)
    assert (error > 0).all()


@pytest.mark.parametrize("exchangeable", [False, True])
def test_a_network_that_sorts_particles_has_no_normalised_density(exchangeable):
    """At equal energies its field jumps, which no divergence sees; that of labelled particles does not."""
    spec = flow_spec(sampling={"steps": 8})
    spec |= {"network": EQUIVARIANT | {"exchangeable": exchangeable}}
    x, found = drawn(awaken(build(spec), scale=0.15).double(), spec, n=2_000)
    ratio = (rambo.prior_log_prob(x) - found[0]).exp()
    assert any("sorts them" in warning for warning in likelihood_warnings(spec, None)) == exchangeable
    if exchangeable:
        assert ratio.mean() + 5 * ratio.std() / len(ratio) ** 0.5 < 1
    else:
        assert_mean(ratio, 1.0)


def test_hutchinson_is_unbiased_in_the_logarithm():
    spec = flow_spec(sampling={"solver": "euler", "steps": 4})
    network = awaken(build(spec), scale=0.2).double()
    (x, exact), (same, found) = drawn(network, spec), drawn(network, spec, probes=40)
    torch.testing.assert_close(same, x)
    assert found.shape == (40, 200)
    assert found.std(0).min() > 0
    assert_mean((found.mean(0) - exact[0]) / (found.std(0) / 40**0.5), 0.0)
    assert probes_of(spec) == 0
    assert probes_of(spec | {"n_particles": 10}) == PROBES


STOCHASTIC = {
    "ancestral": diffusion_spec({"solver": "ancestral", "steps": 5}),
    "langevin": flow_spec(sampling={**RK4, "langevin": 0.2}),
    "ism": run_spec(),
}


@pytest.mark.parametrize("spec", STOCHASTIC.values(), ids=STOCHASTIC)
def test_events_drawn_with_noise_have_no_likelihood(spec, tmp_path):
    path = tmp_path / "model.pt"
    save_model(path, build(spec).state_dict(), spec, provenance={})
    with pytest.raises(OnshellError, match="its events have no likelihood along the way; use a flow"):
        sample_file(path, tmp_path / "s.parquet", 10, SampleOptions(likelihood={}), silent)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]


def saved(path, augmentation=None, **over):
    spec = flow_spec(sampling={"solver": "midpoint", "steps": 4}, **over)
    source = {"augmentation": augmentation}
    weights = awaken(build(spec), scale=0.1).state_dict()
    save_model(path, weights, spec, provenance={}, source=source, fitted=FITTED)
    return path


@pytest.fixture
def model(tmp_path):
    return saved(tmp_path / "model.pt")


def test_a_sample_has_its_log_densities(model, tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "BLOCK", 150)
    out, plain, both = (tmp_path / f"{name}.parquet" for name in ("s", "plain", "both"))
    asked = {"likelihood": {"fibre_draws": 2}, "device": "cpu"}
    sample_file(model, out, 200, SampleOptions(**asked), silent)
    events, others = read_events(out), read_events(sample_file(model, plain, 200, SampleOptions(device="cpu"), silent))
    # The same events, but for the rounding of float32.
    torch.testing.assert_close(events.momenta, others.momenta, rtol=0, atol=1e-4)
    assert events.metadata["likelihood"]["trace"] == "exact"
    assert "uniform phase space times the law" in events.metadata["likelihood"]["measure"]
    assert events.metadata["precision"] == "fp64"
    assert events.metadata["n_evaluations"] == 8 + 2 * 8
    assert "likelihood" not in others.metadata
    assert list(others.columns) == ["event"]
    columns = {name: torch.from_numpy(values) for name, values in events.columns.items()}
    q = rambo.to_q(events.momenta, torch.stack([columns[name] for name in ("bx", "by", "bz")], -1), columns["x"])
    network = load_model(model)[0].double()
    expected = read(network, flow_spec(sampling=RK4), q)[0] - rambo.prior_log_prob(q)
    assert (columns["log_prob"] - expected).abs().median() < 0.02
    assert_mean((-columns["log_prob"]).exp(), 1.0)
    assert (columns["log_prob_p_error"] >= 0).all()
    # By two processes, the same bytes.
    sample_file(model, both, 200, SampleOptions(**asked, processes=2), silent)
    assert both.read_bytes() == out.read_bytes()


SHARED = [{"copies": 1}, {"copies": 10}, {"b": [0.0, 0.0, 0.0], "x": 1.0}]


@pytest.mark.parametrize("spec", SHARED, ids=["single", "many", "identity"])
def test_frames_that_events_share_are_warned_of_once_and_make_no_weights(spec, tmp_path):
    model = saved(tmp_path / "model.pt", {"name": "some", "spec": spec})
    command, out = ["sample", str(model), "-n", "5", "--device", "cpu"], tmp_path / "s.parquet"
    said = CliRunner().invoke(app, [*command, "--with-likelihood", "-o", str(out)])
    assert said.exit_code == 0
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"onshell: warning: {model}: trained with augmentation 'some', in frames (b, x) that events")
    assert "log_prob is singular" in line
    assert "singular" not in said.stdout
    with pytest.raises(OnshellError, match=r"s\.parquet: its model was trained with augmentation 'some', in frames"):
        reweight_file(out, tmp_path / "w.parquet", target="muon", progress=silent)
    assert CliRunner().invoke(app, [*command, "-o", str(tmp_path / "plain.parquet")]).stderr == ""


@pytest.mark.parametrize(
    ("augmentation", "over"),
    [
        ({"name": "continuous", "spec": {"per_event": True}}, {}),
        (None, {}),
        ({"name": "single", "spec": {"copies": 1}}, {"space": "p", "chart": "q", "prior": "gaussian"}),
    ],
    ids=["continuous", "untold", "p-space"],
)
def test_other_likelihoods_are_not_warned_of(augmentation, over, tmp_path):
    lines = []
    path = saved(tmp_path / "model.pt", augmentation, **over)
    sample_file(path, tmp_path / "s.parquet", 5, SampleOptions(likelihood={}), silent, lines.append)
    assert lines == []


def test_what_cannot_be_asked_of_likelihoods_is_told(model, tmp_path):
    for options, more, message in (
        ({}, {"snapshots": [1, 0]}, "snapshots have no likelihood"),
        ({}, {"precision": "bf16"}, "computed in float64"),
        ({"trace": "exakt"}, {}, "trace: 'exakt' is not known"),
        ({"fibre_draws": 1}, {}, "2 draws or more"),
        ({"fibre_draws": 4, "trace": "hutchinson"}, {}, "use --trace exact"),
    ):
        with pytest.raises(OnshellError, match=message):
            sample_file(model, tmp_path / "s.parquet", 10, SampleOptions(likelihood=options, **more), silent)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt"]
