"""Events from flows in charts, and from the diffusion of spinors."""

import pytest
import torch
from scipy import stats

from helpers.flows import soft
from helpers.maps import assert_on_shell
from helpers.networks import awaken
from helpers.specs import diffusion_spec, flow_spec
from helpers.statistics import assert_law
from onshell.core.errors import OnshellError
from onshell.models.build import build
from onshell.models.charts.mixtures import mixture_of
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.flow import counted
from onshell.sampling.sample import sample_block

FITTED = {"mean": [0.1, 0.0, -0.1], "std": [1.0, 2.0, 0.5]}
GRID = {"rho": 1.2, "smallest": 3e-3}


def multistep_flow(**sampling):
    return flow_spec(sampling={"solver": "multistep", **sampling})


def multistep_diffusion(**sampling):
    return diffusion_spec({"solver": "multistep", **sampling})


@pytest.mark.parametrize("prior", ["rambo", "gaussian"])
@pytest.mark.parametrize("chart", ["q", "log-polar", "spinor"])
@pytest.mark.parametrize("solver", ["euler", "multistep", "rk4", "adaptive"])
def test_every_state_of_every_chart_maps_onto_the_shell(solver, chart, prior):
    spec = flow_spec(chart, prior, sampling={"solver": solver, "steps": 6, "grid": GRID})
    network = awaken(build(spec), scale=0.1)
    times = [1.0, 0.77, 0.5, 0.1, 0.01, 0.001, 0.0]
    states = sample_block(network, spec, 0, 200, seed=1, snapshots=times, fitted=FITTED)
    assert list(states) == times
    for state in states.values():
        assert state.shape == (200, 3, 3)
        assert_on_shell(rambo.to_p(state))
    # Reading states on the way changes nothing of the end. The adaptive solver lands on them.
    if solver != "adaptive":
        assert torch.equal(sample_block(network, spec, 0, 200, seed=1, fitted=FITTED)[0.0], states[0.0])


@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"grid": GRID},
        {"solver": "midpoint", "grid": {"rho": 7.0, "smallest": 3e-4}, "langevin": 0.2},
        {"solver": "ancestral", "grid": {"rho": 2.0, "smallest": 1e-3}, "eta": 0.0, "steps": 100},
        {"solver": "ancestral", "grid": {"rho": 2.0, "smallest": 1e-3}, "eta": 1.0, "steps": 120},
        {"solver": "ancestral", "grid": {"rho": 2.0, "smallest": 1e-3}, "langevin": 0.02, "steps": 120},
        {"solver": "adaptive"},
    ],
    ids=["equal", "grid", "langevin", "eta0", "eta1", "ancestral-langevin", "adaptive"],
)
@pytest.mark.parametrize("make", [multistep_flow, multistep_diffusion], ids=["flow", "diffusion"])
def test_every_sampler_of_spinors_draws_from_the_law_of_the_field(make, sampling):
    """From uniform phase space at t = 1 to the data at t = 0, with the law of the mixture at any time between."""
    spec, size = make(**sampling), 0.3
    states = sample_block(soft(spec, size), spec, 0, 2_500, seed=3, snapshots=[1, 0.5, 0.1, 0])
    for time, state in states.items():
        a, b, *_ = mixture_of(spec).at(time)
        for i in range(3):
            assert_law(norm(state[:, i]), stats.gamma(2, scale=a**2 * size**2 + b**2).cdf)
            assert_law(state[:, i, 2] / norm(state[:, i]), stats.uniform(-1, 2).cdf)


def test_a_flow_of_logarithms_goes_where_its_velocity_leads():
    spec = flow_spec("log-polar", sampling={"steps": 5})
    states = sample_block(lambda q, t: q / norm(q).unsqueeze(-1), spec, 0, 100, seed=1, snapshots=[1, 0.4, 0])
    for time, state in states.items():
        torch.testing.assert_close(state, states[1.0] * torch.tensor(time - 1.0).exp(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("sampling", "evaluations"),
    [
        ({"solver": "multistep", "grid": GRID}, 20),
        ({"solver": "multistep"}, 20),
        ({"solver": "ancestral", "grid": GRID}, 20),
        ({"solver": "midpoint", "grid": GRID}, 39),
        ({"solver": "midpoint"}, 40),
        ({"solver": "midpoint", "grid": GRID, "langevin": 0.2}, 39 + 18),
        ({"solver": "rk4", "grid": GRID}, 77),
    ],
)
def test_evaluations_are_counted(sampling, evaluations):
    spec = multistep_flow(**sampling)
    field, made = counted(soft(spec))
    sample_block(field, spec, 0, 10, seed=1)
    assert made() == evaluations


def test_blocks_of_stochastic_samplers_are_the_same_wherever_they_are_made():
    spec = multistep_flow(solver="midpoint", langevin=0.2, grid=GRID)
    one, again = (sample_block(soft(spec), spec, 3, 50, seed=1)[0.0] for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, sample_block(soft(spec), spec, 4, 50, seed=1)[0.0])
    assert not torch.equal(one, sample_block(soft(spec), spec, 3, 50, seed=2)[0.0])


def test_a_way_of_no_steps_is_told():
    spec = flow_spec(sampling={"steps": 0})
    with pytest.raises(OnshellError, match=r"sampling\.steps: 0 is not a number of steps"):
        sample_block(soft(spec), spec, 0, 10, seed=1, snapshots=[1, 0])
