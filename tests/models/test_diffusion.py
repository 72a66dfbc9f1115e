"""Forward process, loss and reverse process in q-space."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.networks import awaken
from helpers.statistics import assert_law, assert_mean, assert_same_law
from onshell.models import diffusion
from onshell.models.mlp import Mlp
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.streams import stream, torch_stream


def lengths(q):
    return q.norm(dim=-1).flatten().numpy()


def test_one_step_is_equation_10():
    q, noise = rambo.sample_prior(50, 4, stream(1, "q")), torch.from_numpy(stream(1, "e").standard_normal((50, 4, 3)))
    schedule = Schedule(3, (0.01, 0.03))
    for k, gamma in enumerate((0.01, 0.02, 0.03)):
        expected = q + gamma * rambo.prior_score(q) + (2 * gamma) ** 0.5 * noise
        torch.testing.assert_close(diffusion.forward_step(q, k, schedule, noise), expected)


def test_one_step_of_the_gaussian_phase_is_equation_3():
    q, noise = rambo.sample_prior(50, 4, stream(1, "q")), torch.from_numpy(stream(1, "e").standard_normal((50, 4, 3)))
    schedule = Schedule(3, (0.01, 0.03), gaussian_steps=1, gaussian_gamma=0.005)
    torch.testing.assert_close(diffusion.forward_step(q, 0, schedule, noise), 0.995 * q + 0.1 * noise)


def test_one_step_back_is_equation_11_and_4():
    q, noise, score = (torch.from_numpy(stream(1, name).standard_normal((50, 4, 3))) for name in ("q", "e", "s"))
    schedule = Schedule(3, (0.02, 0.02), gaussian_steps=1, gaussian_gamma=0.005)
    expected = q + 0.02 * (-rambo.prior_score(q) + 2 * score) + 0.2 * noise
    torch.testing.assert_close(diffusion.reverse_step(q, 3, score, schedule, noise), expected)
    expected = q + 0.005 * (q + 2 * score) + 0.1 * noise
    torch.testing.assert_close(diffusion.reverse_step(q, 1, score, schedule, noise), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_particle_at_rest_does_not_make_nan(dtype):
    q = torch.zeros(2, 3, 3, dtype=dtype)
    q[1] = 1.0
    moved = diffusion.forward_step(q, 0, Schedule(1), torch.ones(2, 3, 3, dtype=dtype))
    torch.testing.assert_close(moved[0], torch.full((3, 3), 0.004**0.5, dtype=dtype))
    assert torch.isfinite(moved).all()


def test_the_gaussian_phase_alone_is_an_autoregression():
    # x_T = (1 - g)^T x_0 + noise of variance 2g sum (1 - g)^2k: known mean, variance and shape.
    steps, gamma, n = 40, 0.02, 40_000
    q0 = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64).expand(n, 1, 3)
    q = diffusion.forward(
        q0, steps, Schedule(steps, gaussian_steps=steps, gaussian_gamma=gamma), torch_stream(1, "gaussian")
    )
    variance = 2 * gamma * (1 - (1 - gamma) ** (2 * steps)) / (1 - (1 - gamma) ** 2)
    for i, start in enumerate((2.0, -1.0, 0.5)):
        assert_law(q[:, 0, i].numpy(), stats.norm(start * (1 - gamma) ** steps, variance**0.5).cdf)


def test_the_prior_is_nearly_stationary():
    # The discrete process moves p_ref by O(gamma); with small steps no test at this size may see it.
    q0 = rambo.sample_prior(20_000, 3, stream(2, "prior"))
    q = diffusion.forward(q0, 100, Schedule(100, (5e-4, 5e-4)), torch_stream(2, "noise"))
    assert_law(lengths(q), stats.gamma(2).cdf)
    assert_law(q[..., 2].flatten().numpy() / lengths(q), stats.uniform(-1, 2).cdf)
    assert (q - q0).abs().mean() > 0.1


def test_data_far_from_the_prior_end_at_it():
    q0 = 0.3 * rambo.sample_prior(4_000, 3, stream(3, "prior"))
    q = diffusion.forward(q0, 1000, Schedule(1000), torch_stream(3, "noise"))
    assert stats.kstest(lengths(q), stats.gamma(2).cdf).statistic < 0.03


def test_times_follow_their_weights():
    steps, n = 50, 200_000
    times = diffusion.draw_times(n, steps, 2, 0.01, stream(4, "times")).numpy()
    expected = (1 - np.arange(1, steps + 1) / steps + 0.01) ** 2
    counts = np.bincount(times, minlength=steps + 1)
    assert counts[0] == 0
    # The last times are so rare that they are tested together.
    tail = 45
    observed = np.append(counts[1:tail], counts[tail:].sum())
    expected = np.append(expected[: tail - 1], expected[tail - 1 :].sum())
    assert stats.chisquare(observed, n * expected / expected.sum()).pvalue > 1e-6


def test_the_law_of_state_and_time_is_that_of_a_plain_simulation():
    # Against chains that are run to the end, all events together, with another generator, and then read at t.
    n, schedule = 20_000, Schedule(60, (0.005, 0.04), gaussian_steps=20, gaussian_gamma=0.01)
    q0 = rambo.to_q(rambo.to_p(rambo.sample_prior(2 * n, 3, stream(5, "q"))), torch.tensor([0.3, 0.1, -0.2]), 0.2)
    times = diffusion.draw_times(n, 60, 2, 0.01, stream(5, "times"))
    q = diffusion.forward(q0[:n], times, schedule, torch_stream(5, "noise"))

    rng, state = stream(5, "plain"), q0[n:].numpy().copy()
    plain_times = diffusion.draw_times(n, 60, 2, 0.01, stream(5, "plain times")).numpy()
    plain = np.empty_like(state)
    for k in range(60):
        gamma = 0.01 if k < 20 else 0.005 + 0.035 * (k - 20) / 39
        size = np.sqrt((state**2).sum(-1, keepdims=True))
        score = -state if k < 20 else -(1 + 1 / size) * state / size
        state = state + gamma * score + np.sqrt(2 * gamma) * rng.standard_normal(state.shape)
        plain[plain_times == k + 1] = state[plain_times == k + 1]

    assert_same_law(lengths(q), lengths(torch.from_numpy(plain)))
    for low, high in ((1, 5), (6, 20), (21, 30), (31, 60)):
        here = (times >= low) & (times <= high)
        there = (plain_times >= low) & (plain_times <= high)
        for i in range(3):
            assert_same_law(lengths(q[here][:, i]), np.sqrt((plain[there][:, i] ** 2).sum(-1)))
            assert_same_law(q[here][:, i, 2].numpy(), plain[there][:, i, 2])


def test_chains_are_independent_of_the_order_and_keep_to_their_rows():
    q0 = torch.arange(1.0, 301.0, dtype=torch.float64)[:, None, None].expand(300, 3, 3) * 10
    times = torch.arange(300) % 7
    q = diffusion.forward(q0, times, Schedule(7), torch_stream(6, "noise"))
    assert (q[times == 0] == q0[times == 0]).all()
    # Far out, every step moves an event by about sqrt(2 gamma), so each stays beside its own start.
    assert ((q - q0).abs().amax((1, 2)) < 2).all()
    assert (q[times > 0] != q0[times > 0]).all()


def test_a_chain_continued_is_a_chain():
    q0, schedule = rambo.sample_prior(5_000, 3, stream(7, "q")) * 0.2, Schedule(40, (0.01, 0.05))
    half = diffusion.forward(q0, 15, schedule, torch_stream(7, "a"))
    whole = diffusion.forward(q0, 40, schedule, torch_stream(7, "b"))
    assert_same_law(lengths(diffusion.forward(half, 40, schedule, torch_stream(7, "c"), start=15)), lengths(whole))


def test_the_loss_is_lowest_at_the_score():
    """(5) has its minimum, -E|s|^2/2, at the score: here p_t is p_ref and the network's field is c times its score."""
    q = rambo.sample_prior(200_000, 3, stream(8, "q"))
    q = q[lengths(q).reshape(-1, 3).min(1) > 0.05]  # away from the singularity the sums have finite variance

    class Scaled(torch.nn.Module):
        def __init__(self, c):
            super().__init__()
            self.c = c

        def with_divergence(self, x, t):
            size = x.norm(dim=-1)
            return self.c * rambo.prior_score(x), -self.c * (2 / size + 1 / size**2).sum(1)

    ones = torch.ones(len(q), dtype=torch.float64)
    losses = [diffusion.ism_loss(Scaled(c), q, ones, ones).item() for c in (0.5, 0.9, 1.1, 1.5)]
    assert losses[1] < losses[0]
    assert losses[2] < losses[3]
    assert max(losses[1:3]) < min(losses[0], losses[3])


def test_the_loss_weighs_each_event():
    network = awaken(Mlp(3, width=8, depth=3, time_dim=4), scale=0.5)
    x, t = torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0.2, 0.8])
    one, other = (diffusion.ism_loss(network, x, t, weight) for weight in torch.eye(2))
    both = diffusion.ism_loss(network, x, t, torch.tensor([3.0, 0.5]))
    torch.testing.assert_close(both, 3 * one + 0.5 * other)


def test_the_exact_score_reverses_the_process():
    """With the known score of a Gaussian process the reverse process returns to the data's law."""
    steps, gamma, n = 200, 0.01, 20_000
    schedule = Schedule(steps, gaussian_steps=steps, gaussian_gamma=gamma)
    mean, spread = 1.5, 0.5
    decay = [(1 - gamma) ** t for t in range(steps + 1)]
    variance = [a**2 * spread**2 + 2 * gamma * (1 - a**2) / (1 - (1 - gamma) ** 2) for a in decay]

    def score(x, t):
        at = round(float(t[0]) * steps)
        return -(x - decay[at] * mean) / variance[at]

    start = torch.from_numpy(stream(9, "start").normal(decay[-1] * mean, variance[-1] ** 0.5, (n, 1, 3)))
    states = dict(diffusion.reverse(score, start, schedule, torch_stream(9, "noise")))
    assert sorted(states) == list(range(steps + 1))
    values = states[0].flatten().numpy()
    assert_mean(values, [(mean, 0.02)])
    assert abs(values.std() - spread) < 0.02
