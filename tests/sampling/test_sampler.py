"""Events out of a network: reverse processes, and flows in every chart."""

import pytest
import torch
from scipy import stats

from helpers.flows import soft
from helpers.maps import assert_on_shell
from helpers.networks import awaken
from helpers.specs import diffusion_spec, flow_spec, run_spec
from helpers.statistics import assert_law, assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.build import build, objective
from onshell.models.charts.mixtures import mixture_of
from onshell.models.diffusion import Langevin
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.sampler import Draw, blocks, forward_trajectory, sample, sample_block

FITTED = {"mean": [0.1, 0.0, -0.1], "std": [1.0, 2.0, 0.5]}


@pytest.fixture(scope="module")
def network():
    return awaken(build(run_spec()), scale=0.1)


def prior_score(q, t):
    return rambo.prior_score(q)


def test_a_sample_has_the_events_asked_for(network):
    q = list(sample(network, run_spec(), 250, Draw(seed=1), block=100))
    assert [len(block) for block in q] == [100, 100, 50]
    assert all(block.dtype == torch.float64 for block in q)
    assert_on_shell(rambo.to_p(torch.cat(q)))


def test_a_block_is_the_same_wherever_it_is_made(network):
    whole = list(sample(network, run_spec(), 300, Draw(seed=1), block=100))
    for k in (2, 0, 1):
        assert torch.equal(sample_block(network, run_spec(), k, 100, Draw(seed=1))[0], whole[k])
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(sample_block(network, run_spec(), 0, 100, Draw(seed=2))[0], whole[0])
    assert not torch.equal(sample_block(network, run_spec(run="other"), 0, 100, Draw(seed=1))[0], whole[0])


@pytest.mark.parametrize("noise", ["full", "posterior"])
def test_with_the_score_of_the_prior_the_prior_stays(noise):
    spec = run_spec(schedule={"steps": 50, "gamma": [5e-4, 5e-4]}, sampling={"noise": noise})
    q = torch.cat(list(sample(prior_score, spec, 20_000, Draw(seed=3))))
    assert_law(q.norm(dim=-1).flatten(), stats.gamma(2).cdf)


def test_snapshots_go_from_the_prior_to_the_end(network):
    states = sample_block(network, run_spec(), 0, 5_000, Draw(seed=4, snapshots=[0, 0.34, 0.35, 1]))
    assert list(states) == [1.0, 0.35, 0.34, 0.0]
    assert_law(states[1.0].norm(dim=-1).flatten(), stats.gamma(2).cdf)
    # Both are nearest to step 7 of 20.
    assert torch.equal(states[0.34], states[0.35])
    assert torch.equal(states[0.0], sample_block(network, run_spec(), 0, 5_000, Draw(seed=4))[0.0])
    assert len({float(state.sum()) for state in states.values()}) == 3


def test_bfloat16_changes_little(network):
    exact, rough = (sample_block(network, run_spec(), 0, 500, Draw(seed=5, precision=p))[0] for p in ("fp32", "bf16"))
    assert exact.dtype == rough.dtype == torch.float64
    assert 0 < (exact - rough).abs().mean() < 0.02 * exact.abs().mean()


@pytest.mark.parametrize("n", [0, -5])
def test_no_events_is_an_error(n):
    with pytest.raises(OnshellError, match=f"{n} events cannot be sampled; ask for 1 or more"):
        blocks(n)


def test_a_snapshot_outside_the_process_is_named(network):
    with pytest.raises(OnshellError, match=r"snapshots: 20 is not a normalised time; use 0 \.\.\. 1"):
        sample_block(network, run_spec(), 0, 5, Draw(seed=1, snapshots=[0, 20]))
    with pytest.raises(OnshellError, match="snapshots: none given"):
        sample_block(network, run_spec(), 0, 5, Draw(seed=1, snapshots=[]))


def test_a_process_that_diverges_says_how_many_and_when():
    def broken(q, t):
        return torch.where((t[:, None, None] <= 0.5) & (torch.arange(len(q)) < 3)[:, None, None], torch.inf, -q)

    with pytest.raises(OnshellError, match="block 2: 3 of 10 events are not finite at step 9: the process diverged"):
        sample_block(broken, run_spec(), 2, 10, Draw(seed=1))


def test_the_forward_trajectory_begins_at_the_data_and_ends_at_the_prior():
    q0 = 0.3 * rambo.sample_prior(4_000, 3, stream(6, "q"))
    process = Langevin(Schedule(1000))
    states = dict(forward_trajectory(q0, process, [1, 0, 0.01], seed=6, name="muon"))
    assert list(states) == [0.0, 0.01, 1.0]
    assert torch.equal(states[0], q0)
    sizes = [stats.kstest(q.norm(dim=-1).flatten(), stats.gamma(2).cdf).statistic for q in states.values()]
    assert sizes[0] > sizes[1] > 0.3
    assert sizes[2] < 0.03
    again = dict(forward_trajectory(q0, process, [0, 0.01], seed=6, name="muon"))
    assert torch.equal(again[0.01], states[0.01])


FLOWS = [
    run_spec("q", "flow", prior="rambo"),
    run_spec("q", "flow", sampling={"solver": "rk4", "steps": 4}),
    run_spec("p", "flow", sampling={"solver": "euler"}),
    run_spec("p", "flow", sampling={"solver": "adaptive"}),
]


@pytest.mark.parametrize("spec", FLOWS, ids=["rambo", "rk4", "euler", "adaptive"])
def test_a_flow_is_sampled_block_by_block_like_a_diffusion(spec, network):
    whole = list(sample(network, spec, 250, Draw(seed=1, fitted=FITTED), block=100))
    assert [len(block) for block in whole] == [100, 100, 50]
    assert all(block.dtype == torch.float64 for block in whole)
    assert torch.equal(sample_block(network, spec, 1, 100, Draw(seed=1, fitted=FITTED))[0.0], whole[1])
    assert not torch.equal(sample_block(network, spec, 1, 100, Draw(seed=2, fitted=FITTED))[0.0], whole[1])


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4", "adaptive"])
def test_a_flow_goes_from_its_prior_to_where_its_velocity_leads(solver):
    # With velocity 3t^2 an event moves by 1 - t^3 back from its draw of the prior.
    def velocity(x, t):
        assert x.dtype == torch.float32
        return 3 * t[:, None, None] ** 2 + torch.zeros_like(x)

    spec = run_spec("q", "flow", sampling={"solver": solver, "steps": 400})
    states = sample_block(velocity, spec, 0, 2_000, Draw(seed=1, snapshots=[0, 0.3, 0.5, 1], fitted=FITTED))
    assert list(states) == [1.0, 0.5, 0.3, 0.0]
    assert_mean(states[1.0].flatten(0, 1).T.numpy(), FITTED["mean"])
    for time, state in states.items():
        moved = states[1.0] - state
        # Euler's error here is 1.5 h.
        assert (moved - (1 - time**3)).abs().max() < (0.005 if solver == "euler" else 1e-5)


def test_snapshots_lie_at_their_times_and_change_nothing_after_them():
    # With a constant velocity every step is exact, whatever its length.
    def velocity(x, t):
        return torch.ones_like(x)

    spec = run_spec("q", "flow", sampling={"steps": 4})
    states = sample_block(velocity, spec, 0, 10, Draw(seed=1, snapshots=[1, 0.26, 0.25, 0.1, 0.0], fitted=FITTED))
    for time, state in states.items():
        torch.testing.assert_close(states[1.0] - state, torch.full_like(state, 1 - time))
    alone = sample_block(velocity, spec, 0, 10, Draw(seed=1, snapshots=[0.0], fitted=FITTED))
    assert torch.equal(alone[0.0], states[0.0])


def test_a_p_space_diffusion_starts_at_unit_normal_components(network):
    spec = run_spec("p", loss={"type": "noise", "target": "chain"})
    states = sample_block(network, spec, 0, 3_000, Draw(seed=4, snapshots=[1, 0]))
    assert_law(states[1.0].flatten(), stats.norm.cdf)


def test_a_flow_that_diverges_says_where():
    def broken(x, t):
        return torch.where((t[:, None, None] <= 0.5) & (torch.arange(len(x)) < 3)[:, None, None], torch.inf, -x)

    with pytest.raises(
        OnshellError, match=r"block 2: 3 of 10 events are not finite at t = 0\.45: the process diverged"
    ):
        sample_block(broken, run_spec("q", "flow", sampling={"solver": "euler"}), 2, 10, Draw(seed=1, fitted=FITTED))
    with pytest.raises(OnshellError, match=r"the adaptive step fell below 1e-07 at t = 0\.5"):
        sample_block(broken, run_spec("q", "flow", sampling={"solver": "adaptive"}), 2, 10, Draw(seed=1, fitted=FITTED))


def test_the_preset_record_samples_what_it_trains():
    """A geometric prefix, softening, a Hutchinson loss of sigma_t * score and posterior noise, all together."""
    spec = run_spec(
        schedule={
            **{"steps": 1000, "gamma": [0.002, 0.02], "softening": 0.2},
            "geometric": {"steps": 137, "first": 5e-8, "ratio": 1.08},
        },
        loss={"divergence": "hutchinson", "preconditioning": "sigma", "loss_weight_power": 0},
        sampling={"noise": "posterior"},
    )
    data = 0.15 * rambo.sample_prior(128, 3, stream(8, "q"))
    network, task = build(spec), objective(spec)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    rows = task.draw(data, stream(8, "times"), torch_stream(8, "noise"))
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        losses.append(task.loss(network, *rows))
        losses[-1].backward()
        optimizer.step()
    assert torch.isfinite(torch.stack(losses)).all()
    assert losses[-1] < losses[0]
    q = sample_block(network, spec, 0, 20, Draw(seed=8))[0.0]
    assert_on_shell(rambo.to_p(q))


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
    states = sample_block(network, spec, 0, 200, Draw(seed=1, snapshots=times, fitted=FITTED))
    assert list(states) == times
    for state in states.values():
        assert state.shape == (200, 3, 3)
        assert_on_shell(rambo.to_p(state))
    # Reading states on the way changes nothing of the end. The adaptive solver lands on them.
    if solver != "adaptive":
        assert torch.equal(sample_block(network, spec, 0, 200, Draw(seed=1, fitted=FITTED))[0.0], states[0.0])


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
    states = sample_block(soft(spec, size), spec, 0, 2_500, Draw(seed=3, snapshots=[1, 0.5, 0.1, 0]))
    for time, state in states.items():
        a, b, *_ = mixture_of(spec).at(time)
        for i in range(3):
            assert_law(norm(state[:, i]), stats.gamma(2, scale=a**2 * size**2 + b**2).cdf)
            assert_law(state[:, i, 2] / norm(state[:, i]), stats.uniform(-1, 2).cdf)


def test_a_flow_of_logarithms_goes_where_its_velocity_leads():
    spec = flow_spec("log-polar", sampling={"steps": 5})
    states = sample_block(lambda q, t: q / norm(q).unsqueeze(-1), spec, 0, 100, Draw(seed=1, snapshots=[1, 0.4, 0]))
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
    calls, field = [], soft(spec)
    sample_block(lambda q, t: calls.append(1) or field(q, t), spec, 0, 10, Draw(seed=1))
    assert len(calls) == evaluations


def test_blocks_of_stochastic_samplers_are_the_same_wherever_they_are_made():
    spec = multistep_flow(solver="midpoint", langevin=0.2, grid=GRID)
    one, again = (sample_block(soft(spec), spec, 3, 50, Draw(seed=1))[0.0] for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, sample_block(soft(spec), spec, 4, 50, Draw(seed=1))[0.0])
    assert not torch.equal(one, sample_block(soft(spec), spec, 3, 50, Draw(seed=2))[0.0])


def test_a_way_of_no_steps_is_told():
    spec = flow_spec(sampling={"steps": 0})
    with pytest.raises(OnshellError, match=r"sampling\.steps: 0 is not a number of steps"):
        sample_block(soft(spec), spec, 0, 10, Draw(seed=1, snapshots=[1, 0]))
