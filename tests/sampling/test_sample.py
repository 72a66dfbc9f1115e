"""Events out of a network."""

import pytest
import torch
from scipy import stats

from helpers.maps import assert_on_shell
from helpers.networks import awaken, small_spec
from helpers.statistics import assert_law
from onshell.errors import OnshellError
from onshell.models.build import build
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.sampling.sample import blocks, forward_trajectory, sample, sample_block
from onshell.streams import stream


@pytest.fixture(scope="module")
def network():
    return awaken(build(small_spec()), scale=0.1)


def prior_score(q, t):
    return rambo.prior_score(q)


def test_a_sample_has_the_events_asked_for(network):
    q = list(sample(network, small_spec(), 250, seed=1, block=100))
    assert [len(block) for block in q] == [100, 100, 50]
    assert all(block.dtype == torch.float64 for block in q)
    assert_on_shell(rambo.to_p(torch.cat(q)))


def test_a_block_is_the_same_wherever_it_is_made(network):
    whole = list(sample(network, small_spec(), 300, seed=1, block=100))
    for k in (2, 0, 1):
        assert torch.equal(sample_block(network, small_spec(), k, 100, seed=1)[0], whole[k])
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(sample_block(network, small_spec(), 0, 100, seed=2)[0], whole[0])
    assert not torch.equal(sample_block(network, small_spec(run="other"), 0, 100, seed=1)[0], whole[0])


def test_with_the_score_of_the_prior_the_prior_stays():
    spec = small_spec(schedule={"steps": 50, "gamma": [5e-4, 5e-4]})
    q = torch.cat(list(sample(prior_score, spec, 20_000, seed=3)))
    assert_law(q.norm(dim=-1).flatten(), stats.gamma(2).cdf)


def test_snapshots_go_from_the_prior_to_the_end(network):
    states = sample_block(network, small_spec(), 0, 5_000, seed=4, snapshots=[20, 7, 0])
    assert list(states) == [20, 7, 0]
    assert_law(states[20].norm(dim=-1).flatten(), stats.gamma(2).cdf)
    assert torch.equal(states[0], sample_block(network, small_spec(), 0, 5_000, seed=4)[0])


def test_bfloat16_changes_little(network):
    exact, rough = (sample_block(network, small_spec(), 0, 500, seed=5, precision=p)[0] for p in ("fp32", "bf16"))
    assert exact.dtype == rough.dtype == torch.float64
    assert 0 < (exact - rough).abs().mean() < 0.02 * exact.abs().mean()


@pytest.mark.parametrize("n", [0, -5])
def test_no_events_is_an_error(n):
    with pytest.raises(OnshellError, match=f"{n} events cannot be sampled; ask for 1 or more"):
        blocks(n)


def test_a_snapshot_outside_the_process_is_named(network):
    with pytest.raises(OnshellError, match=r"snapshots: 21 is not a time of this process; use 0 \.\.\. 20"):
        sample_block(network, small_spec(), 0, 5, seed=1, snapshots=[0, 21])


def test_a_process_that_diverges_says_how_many_and_when():
    def broken(q, t):
        return torch.where((t[:, None, None] <= 0.5) & (torch.arange(len(q)) < 3)[:, None, None], torch.inf, -q)

    with pytest.raises(OnshellError, match="block 2: 3 of 10 events are not finite at step 9: the process diverged"):
        sample_block(broken, small_spec(), 2, 10, seed=1)


def test_the_forward_trajectory_begins_at_the_data_and_ends_at_the_prior():
    q0 = 0.3 * rambo.sample_prior(4_000, 3, stream(6, "q"))
    states = dict(forward_trajectory(q0, Schedule(1000), [1000, 0, 10], seed=6, name="muon"))
    assert list(states) == [0, 10, 1000]
    assert torch.equal(states[0], q0)
    sizes = [stats.kstest(q.norm(dim=-1).flatten(), stats.gamma(2).cdf).statistic for q in states.values()]
    assert sizes[0] > sizes[1] > 0.3
    assert sizes[2] < 0.03
    again = dict(forward_trajectory(q0, Schedule(1000), [0, 10], seed=6, name="muon"))
    assert torch.equal(again[10], states[10])
