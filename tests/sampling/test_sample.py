"""Events out of a network."""

import pytest
import torch
from scipy import stats

from helpers.maps import assert_on_shell
from helpers.networks import awaken
from helpers.specs import run_spec
from helpers.statistics import assert_law, assert_mean
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.build import build, objective
from onshell.models.diffusion import Langevin
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.sampling.sample import blocks, forward_trajectory, sample, sample_block


@pytest.fixture(scope="module")
def network():
    return awaken(build(run_spec()), scale=0.1)


def prior_score(q, t):
    return rambo.prior_score(q)


def test_a_sample_has_the_events_asked_for(network):
    q = list(sample(network, run_spec(), 250, seed=1, block=100))
    assert [len(block) for block in q] == [100, 100, 50]
    assert all(block.dtype == torch.float64 for block in q)
    assert_on_shell(rambo.to_p(torch.cat(q)))


def test_a_block_is_the_same_wherever_it_is_made(network):
    whole = list(sample(network, run_spec(), 300, seed=1, block=100))
    for k in (2, 0, 1):
        assert torch.equal(sample_block(network, run_spec(), k, 100, seed=1)[0], whole[k])
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(sample_block(network, run_spec(), 0, 100, seed=2)[0], whole[0])
    assert not torch.equal(sample_block(network, run_spec(run="other"), 0, 100, seed=1)[0], whole[0])


@pytest.mark.parametrize("noise", ["full", "posterior"])
def test_with_the_score_of_the_prior_the_prior_stays(noise):
    spec = run_spec(schedule={"steps": 50, "gamma": [5e-4, 5e-4]}, sampling={"noise": noise})
    q = torch.cat(list(sample(prior_score, spec, 20_000, seed=3)))
    assert_law(q.norm(dim=-1).flatten(), stats.gamma(2).cdf)


def test_snapshots_go_from_the_prior_to_the_end(network):
    states = sample_block(network, run_spec(), 0, 5_000, seed=4, snapshots=[0, 0.34, 0.35, 1])
    assert list(states) == [1.0, 0.35, 0.34, 0.0]
    assert_law(states[1.0].norm(dim=-1).flatten(), stats.gamma(2).cdf)
    # Both are nearest to step 7 of 20.
    assert torch.equal(states[0.34], states[0.35])
    assert torch.equal(states[0.0], sample_block(network, run_spec(), 0, 5_000, seed=4)[0.0])
    assert len({float(state.sum()) for state in states.values()}) == 3


def test_bfloat16_changes_little(network):
    exact, rough = (sample_block(network, run_spec(), 0, 500, seed=5, precision=p)[0] for p in ("fp32", "bf16"))
    assert exact.dtype == rough.dtype == torch.float64
    assert 0 < (exact - rough).abs().mean() < 0.02 * exact.abs().mean()


@pytest.mark.parametrize("n", [0, -5])
def test_no_events_is_an_error(n):
    with pytest.raises(OnshellError, match=f"{n} events cannot be sampled; ask for 1 or more"):
        blocks(n)


def test_a_snapshot_outside_the_process_is_named(network):
    with pytest.raises(OnshellError, match=r"snapshots: 20 is not a normalised time; use 0 \.\.\. 1"):
        sample_block(network, run_spec(), 0, 5, seed=1, snapshots=[0, 20])
    with pytest.raises(OnshellError, match="snapshots: none given"):
        sample_block(network, run_spec(), 0, 5, seed=1, snapshots=[])


def test_a_process_that_diverges_says_how_many_and_when():
    def broken(q, t):
        return torch.where((t[:, None, None] <= 0.5) & (torch.arange(len(q)) < 3)[:, None, None], torch.inf, -q)

    with pytest.raises(OnshellError, match="block 2: 3 of 10 events are not finite at step 9: the process diverged"):
        sample_block(broken, run_spec(), 2, 10, seed=1)


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
FITTED = {"mean": [0.1, 0.0, -0.1], "std": [1.0, 2.0, 0.5]}


@pytest.mark.parametrize("spec", FLOWS, ids=["rambo", "rk4", "euler", "adaptive"])
def test_a_flow_is_sampled_block_by_block_like_a_diffusion(spec, network):
    whole = list(sample(network, spec, 250, seed=1, block=100, fitted=FITTED))
    assert [len(block) for block in whole] == [100, 100, 50]
    assert all(block.dtype == torch.float64 for block in whole)
    assert torch.equal(sample_block(network, spec, 1, 100, seed=1, fitted=FITTED)[0.0], whole[1])
    assert not torch.equal(sample_block(network, spec, 1, 100, seed=2, fitted=FITTED)[0.0], whole[1])


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4", "adaptive"])
def test_a_flow_goes_from_its_prior_to_where_its_velocity_leads(solver):
    # With velocity 3t^2 an event moves by 1 - t^3 back from its draw of the prior.
    def velocity(x, t):
        assert x.dtype == torch.float32
        return 3 * t[:, None, None] ** 2 + torch.zeros_like(x)

    spec = run_spec("q", "flow", sampling={"solver": solver, "steps": 400})
    states = sample_block(velocity, spec, 0, 2_000, seed=1, snapshots=[0, 0.3, 0.5, 1], fitted=FITTED)
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
    states = sample_block(velocity, spec, 0, 10, seed=1, snapshots=[1, 0.26, 0.25, 0.1, 0.0], fitted=FITTED)
    for time, state in states.items():
        torch.testing.assert_close(states[1.0] - state, torch.full_like(state, 1 - time))
    alone = sample_block(velocity, spec, 0, 10, seed=1, snapshots=[0.0], fitted=FITTED)
    assert torch.equal(alone[0.0], states[0.0])


def test_a_p_space_diffusion_starts_at_unit_normal_components(network):
    spec = run_spec("p", loss={"type": "noise", "target": "chain"})
    states = sample_block(network, spec, 0, 3_000, seed=4, snapshots=[1, 0])
    assert_law(states[1.0].flatten(), stats.norm.cdf)


def test_a_flow_that_diverges_says_where():
    def broken(x, t):
        return torch.where((t[:, None, None] <= 0.5) & (torch.arange(len(x)) < 3)[:, None, None], torch.inf, -x)

    with pytest.raises(
        OnshellError, match=r"block 2: 3 of 10 events are not finite at t = 0\.45: the process diverged"
    ):
        sample_block(broken, run_spec("q", "flow", sampling={"solver": "euler"}), 2, 10, seed=1, fitted=FITTED)
    with pytest.raises(OnshellError, match=r"the adaptive step fell below 1e-07 at t = 0\.5"):
        sample_block(broken, run_spec("q", "flow", sampling={"solver": "adaptive"}), 2, 10, seed=1, fitted=FITTED)


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
    q = sample_block(network, spec, 0, 20, seed=8)[0.0]
    assert_on_shell(rambo.to_p(q))
