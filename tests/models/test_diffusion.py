"""Forward processes in q-space and in p-space, and one step of their reverse."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.specs import gaussian_path, plain_chain, run_spec
from helpers.statistics import assert_law, assert_mean, assert_same_law
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.chart_diffusions import diffusion_of
from onshell.models.diffusion import Langevin, VariancePreserving
from onshell.models.schedules import Schedule
from onshell.physics import rambo


def lengths(q):
    return torch.as_tensor(q).norm(dim=-1).flatten().numpy()


def normal(n, n_particles, *name):
    return torch.from_numpy(stream(1, *name).standard_normal((n, n_particles, 3)))


def squeezed(n, *name):
    """q-space data far from p_ref: uniform phase space with one (b, x)."""
    p = rambo.to_p(rambo.sample_prior(n, 3, stream(5, *name)))
    return rambo.to_q(p, torch.tensor([0.3, 0.1, -0.2]), 0.2)


def test_one_step_is_equation_10():
    q, noise = rambo.sample_prior(50, 4, stream(1, "q")), normal(50, 4, "e")
    process = Langevin(Schedule(3, (0.01, 0.03)))
    for k, gamma in enumerate((0.01, 0.02, 0.03)):
        expected = q + gamma * rambo.prior_score(q) + (2 * gamma) ** 0.5 * noise
        torch.testing.assert_close(process.step(q, k, noise), expected)


def test_one_step_of_the_gaussian_phase_is_equation_3():
    q, noise = rambo.sample_prior(50, 4, stream(1, "q")), normal(50, 4, "e")
    process = Langevin(Schedule(3, (0.01, 0.03), gaussian_steps=1, gaussian_gamma=0.005))
    torch.testing.assert_close(process.step(q, 0, noise), 0.995 * q + 0.1 * noise)


def test_one_step_back_is_equation_11_and_4():
    q, noise, score = (normal(50, 4, name) for name in "qes")
    process = Langevin(Schedule(3, (0.02, 0.02), gaussian_steps=1, gaussian_gamma=0.005))
    expected = q + 0.02 * (-rambo.prior_score(q) + 2 * score) + 0.2 * noise
    torch.testing.assert_close(process.reverse_step(q, 3, score, noise), expected)
    expected = q + 0.005 * (q + 2 * score) + 0.1 * noise
    torch.testing.assert_close(process.reverse_step(q, 1, score, noise), expected)


def test_softening_bounds_the_reference_score_both_ways():
    q, noise, score = (normal(50, 4, name) for name in "qes")
    process = Langevin(Schedule(1, (0.02, 0.02), softening=0.3))
    size = q.norm(dim=-1, keepdim=True)
    reference = -q / size - q / (size**2 + 0.09)
    torch.testing.assert_close(process.step(q, 0, noise), q + 0.02 * reference + 0.2 * noise)
    back = q + 0.02 * (-reference + 2 * score) + 0.2 * noise
    torch.testing.assert_close(process.reverse_step(q, 1, score, noise), back)


def test_steps_in_p_space_are_equation_29():
    p, noise, score = (normal(50, 4, name) for name in "pes")
    process = VariancePreserving(Schedule(3, (0.02, 0.02), gaussian_steps=1, gaussian_gamma=0.005))
    torch.testing.assert_close(process.step(p, 2, noise), 0.96**0.5 * p + 0.2 * noise)
    torch.testing.assert_close(process.step(p, 0, noise), 0.99**0.5 * p + 0.1 * noise)
    expected = (p + 0.04 * score) / 0.96**0.5 + 0.2 * noise
    torch.testing.assert_close(process.reverse_step(p, 3, score, noise), expected)


@pytest.mark.parametrize("kind", [Langevin, VariancePreserving])
def test_the_noise_back_is_that_of_the_step_or_of_its_posterior(kind):
    zero, one = torch.zeros(1, 1, 3, dtype=torch.float64), torch.ones(1, 1, 3, dtype=torch.float64)
    process = kind(Schedule(4, (0.01, 0.04)))
    for t, gamma in enumerate((0.01, 0.02, 0.03, 0.04), 1):
        full, least = (process.reverse_step(zero, t, zero, one, k)[0, 0, 0] for k in ("full", "posterior"))
        ratio = process.sigma[t - 1] / process.sigma[t]
        torch.testing.assert_close(full.item(), (2 * gamma) ** 0.5)
        torch.testing.assert_close(least, full * ratio)
        last = process.reverse_step(zero, t, zero, one, "last-step-noiseless")[0, 0, 0]
        assert last == (full if t > 1 else 0)
    assert process.reverse_step(zero, 1, zero, one, "posterior").abs().max() == 0
    with pytest.raises(OnshellError, match=r"sampling\.noise: 'half' is not known"):
        process.reverse_step(zero, 1, zero, one, "half")


@pytest.mark.parametrize("kind", [Langevin, VariancePreserving])
def test_a_step_of_each_events_own_is_that_step(kind):
    x, noise = rambo.sample_prior(60, 4, stream(1, "q")), normal(60, 4, "e")
    process = kind(Schedule(6, (0.01, 0.03), gaussian_steps=2, gaussian_gamma=0.004))
    k = torch.arange(60) % 6
    together = process.step(x, k, noise)
    for one in range(6):
        rows = k == one
        torch.testing.assert_close(together[rows], process.step(x[rows], one, noise[rows]))


@pytest.mark.parametrize("softening", [0.0, 0.2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_particle_at_rest_does_not_make_nan(dtype, softening):
    q = torch.zeros(2, 3, 3, dtype=dtype)
    q[1] = 1.0
    moved = Langevin(Schedule(1, softening=softening)).step(q, 0, torch.ones(2, 3, 3, dtype=dtype))
    torch.testing.assert_close(moved[0], torch.full((3, 3), 0.004**0.5, dtype=dtype))
    assert torch.isfinite(moved).all()


@pytest.mark.parametrize(("space", "kind"), [("q", Langevin), ("p", VariancePreserving)])
def test_gaussian_processes_have_the_law_of_their_recursion(space, kind):
    # From a point, x_t is normal, of known mean and variance. In p-space: sqrt(abar_t) x_0 and 1 - abar_t.
    steps, gamma, n = 40, 0.02, 40_000
    x0 = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64).expand(n, 1, 3)
    process = kind(Schedule(steps, gaussian_steps=steps, gaussian_gamma=gamma))
    x = process.forward(x0, steps, torch_stream(1, "gaussian"))
    for i, start in enumerate((2.0, -1.0, 0.5)):
        means, variances = gaussian_path(space, [gamma] * steps, start, 0.0)
        assert_law(x[:, 0, i].numpy(), stats.norm(means[-1], variances[-1] ** 0.5).cdf)
    if space == "p":
        torch.testing.assert_close(process.sigma[-1].item(), variances[-1] ** 0.5)


def test_the_closed_form_in_p_space_is_the_chain_step_by_step():
    n, process = 20_000, VariancePreserving(Schedule(30, (0.005, 0.04)))
    p0 = rambo.to_p(rambo.sample_prior(n, 3, stream(2, "p"))) / 0.1
    closed = process.forward(p0, 30, torch_stream(2, "closed"))
    rng, plain = stream(2, "plain"), p0.numpy()
    for k in range(30):
        beta = 2 * (0.005 + 0.035 * k / 29)
        plain = np.sqrt(1 - beta) * plain + np.sqrt(beta) * rng.standard_normal(plain.shape)
    assert_same_law(lengths(closed), lengths(plain))
    # How much of the start is left: the mean of x_t x_0, event by event.
    left = [(x * p0.numpy()).mean((1, 2)) for x in (closed.numpy(), plain)]
    assert_mean(left[0] - left[1], 0.0)


def test_the_prior_is_nearly_stationary():
    # The discrete process moves p_ref by O(gamma); with small steps no test at this size may see it.
    q0 = rambo.sample_prior(20_000, 3, stream(2, "prior"))
    q = Langevin(Schedule(100, (5e-4, 5e-4))).forward(q0, 100, torch_stream(2, "noise"))
    assert_law(lengths(q), stats.gamma(2).cdf)
    assert_law(q[..., 2].flatten().numpy() / lengths(q), stats.uniform(-1, 2).cdf)
    assert (q - q0).abs().mean() > 0.1


def test_data_far_from_the_prior_end_at_it():
    q0 = 0.3 * rambo.sample_prior(4_000, 3, stream(3, "prior"))
    q = Langevin(Schedule(1000)).forward(q0, 1000, torch_stream(3, "noise"))
    assert stats.kstest(lengths(q), stats.gamma(2).cdf).statistic < 0.03


@pytest.mark.parametrize("softening", [0.0, 0.2])
def test_the_law_of_the_state_at_any_time_is_that_of_a_plain_simulation(softening):
    # Against chains that are run to the end, all events together, with another generator, and then read at t.
    n = 15_000
    geometric = {"steps": 10, "first": 1e-4, "ratio": 1.5}
    schedule = Schedule(50, (0.005, 0.04), 15, 0.01, geometric=geometric, softening=softening)
    times = torch.from_numpy(stream(5, "times").integers(1, 61, n))
    q = Langevin(schedule).forward(squeezed(n, "q"), times, torch_stream(5, "noise"))

    gammas = [*(1e-4 * 1.5**k for k in range(10)), *[0.01] * 15, *np.linspace(0.005, 0.04, 35)]
    plain_times = stream(5, "plain times").integers(1, 61, n)
    plain = np.empty((n, 3, 3))
    chain = plain_chain(squeezed(n, "other").numpy(), gammas, stream(5, "plain"), range(10, 25), softening)
    for t, state in enumerate(chain):
        plain[plain_times == t] = state[plain_times == t]
    for low, high in ((1, 10), (11, 25), (26, 40), (41, 60)):
        here = q[(times >= low) & (times <= high)]
        there = plain[(plain_times >= low) & (plain_times <= high)]
        for i in range(3):
            assert_same_law(lengths(here[:, i]), lengths(there[:, i]))
            assert_same_law(here[:, i, 2], there[:, i, 2])


@pytest.mark.parametrize("kind", [Langevin, VariancePreserving])
def test_looks_at_one_chain_have_the_joint_law_of_a_chain(kind):
    # Two looks 2 -> 14, asked for in either order, against a chain stopped at 2 and continued.
    n, process = 20_000, kind(Schedule(20, (0.005, 0.05)))
    times = torch.tensor([[2, 14, 14], [14, 2, 2]]).repeat(n // 2, 1)
    looks = process.chains(squeezed(n, "q"), times, torch_stream(6, "looks"))
    assert looks.shape == (n, 3, 3, 3)
    early = torch.where((times[:, 0] == 2)[:, None, None], looks[:, 0], looks[:, 1])
    late = torch.where((times[:, 0] == 14)[:, None, None], looks[:, 0], looks[:, 1])
    # Equal times of one event are one state.
    assert torch.equal(looks[:, 2], torch.where((times[:, 2] == 14)[:, None, None], late, early))
    before = process.forward(squeezed(n, "other"), 2, torch_stream(6, "a"))
    after = process.forward(before, 14, torch_stream(6, "b"), start=2)
    for one, other in ((early, before), (late, after), (late - early, after - before)):
        assert_same_law(lengths(one), lengths(other))


@pytest.mark.parametrize("kind", [Langevin, VariancePreserving])
def test_chains_keep_to_their_rows(kind, monkeypatch):
    monkeypatch.setattr("onshell.models.diffusion.NUMBERS_AT_ONCE", {"cpu": 500, "cuda": 500})
    x0 = torch.arange(1.0, 301.0, dtype=torch.float64)[:, None, None].expand(300, 3, 3) * 10
    times = torch.stack([torch.arange(300) % 7, torch.arange(300) % 5], 1)
    process = kind(Schedule(7, (1e-3, 1e-3)))
    x = process.chains(x0, times, torch_stream(6, "noise"))
    for look in range(2):
        still = times[:, look] == 0
        assert (x[still, look] == x0[still]).all()
        # A chain strays from its start by far less than the next event is away: its pull and its noise are small.
        assert ((x[:, look] - x0).abs().amax((1, 2)) < 1 + 0.01 * x0[:, 0, 0]).all()
        assert (x[~still, look] != x0[~still]).all()


def test_a_chain_continued_is_a_chain():
    q0, process = rambo.sample_prior(5_000, 3, stream(7, "q")) * 0.2, Langevin(Schedule(40, (0.01, 0.05)))
    half = process.forward(q0, 15, torch_stream(7, "a"))
    whole = process.forward(q0, 40, torch_stream(7, "b"))
    assert_same_law(lengths(process.forward(half, 40, torch_stream(7, "c"), start=15)), lengths(whole))


def test_the_space_of_a_run_chooses_its_process():
    schedule = {"steps": 5}
    assert isinstance(diffusion_of(run_spec("q", schedule=schedule)), Langevin)
    assert isinstance(diffusion_of(run_spec("p", schedule=schedule)), VariancePreserving)
    with pytest.raises(OnshellError, match=r"schedule\.softening: a p-space process has no reference score"):
        diffusion_of(run_spec("p", schedule=schedule | {"softening": 0.2}))
