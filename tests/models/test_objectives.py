"""What networks are trained to do: the law of what they see, and what the best prediction of noise is."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.networks import awaken
from helpers.specs import gaussian_path, plain_chain, run_spec
from helpers.statistics import assert_law, assert_mean, assert_same_law
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models import priors
from onshell.models.build import objective
from onshell.models.chart_diffusions import diffusion_of
from onshell.models.networks.mlp import Mlp
from onshell.models.networks.options import MlpOptions
from onshell.models.objectives import score, states
from onshell.physics import rambo


def lengths(q):
    return torch.as_tensor(q).norm(dim=-1).flatten().numpy()


def squeezed(n, *name):
    """q-space data far from p_ref: uniform phase space with one (b, x)."""
    p = rambo.to_p(rambo.sample_prior(n, 3, stream(5, *name)))
    return rambo.to_q(p, torch.tensor([0.3, 0.1, -0.2]), 0.2)


def drawn(spec, data, *name, fitted=None):
    return objective(spec, fitted).draw(data, stream(1, *name, "times"), torch_stream(1, *name, "noise"))


def assert_same_law_in_groups(sample, other, looks, alpha=1e-6):
    """Like `assert_same_law`, of a `sample` in which at most `looks` values depend on each other.

    The covariance of its distribution function is then at most `looks` times that of independent values, so as a test
    of a sample that much smaller the false-alarm rate is at most `alpha`.
    """
    n, m = len(sample) / looks, len(other)
    distance = stats.ks_2samp(np.asarray(sample), np.asarray(other)).statistic
    p_value = stats.kstwobign.sf(distance * (n * m / (n + m)) ** 0.5)
    assert p_value > alpha, f"two-sample KS p-value {p_value:.1e}"


@pytest.mark.parametrize(("loss", "looks"), [("ism", 1), ("noise", 1), ("noise", 4), ("noise", 5)])
def test_a_loss_sees_states_and_times_with_the_law_of_a_plain_simulation(loss, looks):
    """(q_t, t) against chains run to the end, all events together, with another generator, and then read at t."""
    n, steps = 16_002, 40
    spec = run_spec(loss=loss, schedule={"steps": steps, "gaussian_steps": 10})
    if loss == "noise":
        spec["loss"]["times_per_event"] = looks
    x, t, *_ = drawn(spec, squeezed(n, "q"), loss, looks)
    times = (t * steps).round().int().numpy()
    assert len(x) == n

    rng = stream(5, "plain", loss)
    law = (1 - np.arange(1, steps + 1) / steps + 0.01) ** (2 if loss == "ism" else 0)
    plain_times = rng.choice(np.arange(1, steps + 1), n, p=law / law.sum())
    plain = np.empty((n, 3, 3))
    gammas = [*[0.01] * 10, *np.linspace(0.01, 0.05, 30)]
    for k, state in enumerate(plain_chain(squeezed(n, "other").numpy(), gammas, rng, range(10))):
        plain[plain_times == k] = state[plain_times == k]
    assert_same_law(times + stream(6, "a").random(n), plain_times + stream(6, "b").random(n))
    for low, high in ((1, 8), (9, 20), (21, 40)):
        here, there = x[(times >= low) & (times <= high)], plain[(plain_times >= low) & (plain_times <= high)]
        for i in range(3):
            assert_same_law_in_groups(lengths(here[:, i]), lengths(there[:, i]), looks)
            assert_same_law_in_groups(here[:, i, 2], there[:, i, 2], looks)


@pytest.mark.parametrize("looks", [1, 3, 7])
def test_every_event_is_as_likely_to_be_simulated(looks):
    # Events far apart are recognised by their states; a draw of 20 rows from 20 events simulates 20/looks of them.
    data = 1000 * torch.arange(1.0, 21.0, dtype=torch.float64)[:, None, None].expand(20, 2, 3)
    process = diffusion_of(run_spec("p", loss="noise", schedule={"steps": 4, "gamma": [1e-6, 1e-6]}))
    counts, at = np.zeros(20), []
    for i in range(300):
        rng = stream(7, looks, i)
        x, times = states(
            process, data, looks, lambda n, rng=rng: torch.from_numpy(rng.integers(0, 4, n)), rng, torch_stream(7, i)
        )
        assert x.shape == (20, 2, 3)
        seen = (x[:, 0, 0] / 1000).round().long() - 1
        assert len(seen.unique()) == -(-20 // looks)
        counts += np.bincount(seen, minlength=20)
        at.append(times.numpy())
    # A chain that is chosen fills up to `looks` rows at once: counts have `looks` times the spread of free ones.
    assert stats.chi2.sf(((counts - 300) ** 2 / (300 * looks)).sum(), 19) > 1e-6
    assert stats.chisquare(np.bincount(np.concatenate(at))).pvalue > 1e-6


def test_rows_are_float32_and_reproducible():
    data = rambo.sample_prior(100, 3, stream(1, "q"))
    kinds = {
        "exact": run_spec(),
        "hutchinson": run_spec(loss={"divergence": "hutchinson", "preconditioning": "sigma"}),
        "step": run_spec(loss="noise"),
        "many": run_spec(loss={"type": "noise", "target": "step", "times_per_event": 8}),
        "chain": run_spec("p", loss={"type": "noise", "target": "chain", "times_per_event": 1}),
        "flow": run_spec(family="flow", prior="rambo"),
    }
    for name, spec in kinds.items():
        first, again, other = (drawn(spec, data, seed) for seed in ("a", "a", "b"))
        for rows in zip(first, again, strict=True):
            assert rows[0].dtype == torch.float32, name
            assert rows[0].is_contiguous(), name
            assert len(rows[0]) == 100, name
            assert torch.equal(*rows), name
        assert not torch.equal(first[0], other[0]), name
        task, network = objective(spec), awaken(Mlp(3, MlpOptions(width=8, time_dim=4)))
        # The rows hold all the randomness of the loss.
        assert task.loss(network, *first) == task.loss(network, *again), name
        assert task.loss(network, *first).ndim == 0


def regression(x, target):
    """Slope and intercept of the least-squares line of all components, with their standard errors."""
    x, target = x.flatten().double().numpy(), target.flatten().double().numpy()
    fit = stats.linregress(x, target)
    return (fit.slope, fit.stderr), (fit.intercept, fit.intercept_stderr)


@pytest.mark.parametrize(
    ("space", "target", "looks"), [("q", "step", 1), ("q", "step", 4), ("p", "step", 4), ("p", "chain", 1)]
)
def test_the_best_noise_prediction_is_the_score(space, target, looks):
    """On Gaussian data the best prediction is linear; -sqrt(2 gamma) s by (28), or -sigma_t s for all the noise."""
    n, steps, mean, spread = 60_000, 3, 0.7, 0.4
    schedule = {"steps": steps, "gamma": [0.05, 0.15]}
    gammas = [0.05, 0.1, 0.15]
    if space == "q":
        schedule, gammas = {"steps": 3, "gaussian_steps": 3, "gaussian_gamma": 0.1}, [0.1] * 3
    spec = run_spec(space, schedule=schedule, loss={"type": "noise", "target": target, "times_per_event": looks})
    data = torch.from_numpy(stream(10, "data").normal(mean, spread, (n, 3, 3)))
    x, t, noise = drawn(spec, data, space, target, looks)
    assert_law(noise.flatten(), stats.norm.cdf)
    means, variances = gaussian_path(space, gammas, mean, spread)
    for k in range(1, steps + 1):
        rows = (t * steps).round() == k
        size = diffusion_of(spec).sigma[k].item() if target == "chain" else (2 * gammas[k - 1]) ** 0.5
        # -size * score = size * (x - mean_t) / variance_t
        slope, intercept = regression(x[rows], noise[rows])
        # Up to `looks` rows of a chain depend on each other: its errors are at most so much larger.
        sigmas = 5.5 * looks**0.5
        assert abs(slope[0] - size / variances[k]) < sigmas * slope[1]
        assert abs(intercept[0] + size * means[k] / variances[k]) < sigmas * intercept[1]


def exact_score(space, gammas, mean, spread):
    """The score (x, t) of the Gaussian path, in float64."""
    means, variances = gaussian_path(space, gammas, mean, spread)
    return lambda x, t: -(x - means[t]) / variances[t]


@pytest.mark.parametrize(
    ("loss", "factor"),
    [
        ({"type": "ism", "preconditioning": "none"}, lambda process, t: 1.0),
        ({"type": "ism", "preconditioning": "sigma"}, lambda process, t: process.sigma[t].item()),
        ({"type": "noise", "target": "step"}, lambda process, t: -((2 * process.schedule.gamma[t - 1].item()) ** 0.5)),
        ({"type": "noise", "target": "chain"}, lambda process, t: -process.sigma[t].item()),
    ],
)
def test_the_score_is_what_the_network_stands_for(loss, factor):
    spec = run_spec("p", loss=loss, schedule={"steps": 4})
    process, x = diffusion_of(spec), torch.from_numpy(stream(11, "x").standard_normal((5, 3, 3)))
    value = exact_score("p", process.schedule.gamma.tolist(), 0.7, 0.4)

    def network(x, fraction):
        assert x.dtype == torch.float32
        assert x.is_contiguous()
        t = round(4 * fraction[0].item())
        return factor(process, t) * value(x, t)

    for t in range(1, 5):
        torch.testing.assert_close(score(network, spec)(x, t), value(x, t).float())


@pytest.mark.parametrize("spec", [run_spec(loss="noise"), run_spec("p", loss="noise")], ids="qp")
def test_a_network_that_predicts_nothing_has_noise_loss_one(spec):
    rows = drawn(spec, squeezed(20_000, "q"))
    losses = rows[2].square().flatten(1).mean(1)
    torch.testing.assert_close(objective(spec).loss(lambda x, t: torch.zeros_like(x), *rows), losses.mean())
    assert_mean(losses.numpy(), 1.0)


@pytest.mark.parametrize(("space", "prior"), [("q", "rambo"), ("q", "gaussian"), ("p", "gaussian")])
def test_a_flow_sees_straight_lines_from_the_data_to_the_prior(space, prior):
    spec, data = run_spec(space, "flow", prior=prior), squeezed(20_000, "q")
    fitted = priors.fit(spec, data)
    x, t, velocity = drawn(spec, data, space, prior, fitted=fitted)
    assert_law(t, stats.uniform.cdf)
    assert t.min() > 0
    torch.testing.assert_close(x - t[:, None, None] * velocity, data.float(), rtol=0, atol=1e-5)
    end = data + velocity
    if prior == "rambo":
        assert_law(lengths(end), stats.gamma(2).cdf)
    else:
        for i in range(3):
            assert_law(end[..., i].flatten(), stats.norm(fitted["mean"][i], fitted["std"][i]).cdf)
    # Where on the line an event is seen tells nothing of the line.
    assert abs(np.corrcoef(t, lengths(end[:, :1]))[0, 1]) < 5 / 20_000**0.5


def test_the_flow_loss_is_a_mean_over_components():
    spec, data = run_spec(family="flow", prior="rambo"), squeezed(500, "q")
    rows = drawn(spec, data)
    torch.testing.assert_close(objective(spec).loss(lambda x, t: rows[2] + 2.0, *rows), torch.tensor(4.0))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (run_spec(loss={"type": "noise", "target": "chain", "times_per_event": 1}), "needs the closed form of the p-"),
        (run_spec(loss={"type": "noise", "target": "all", "times_per_event": 1}), "loss.target: 'all' is not known"),
        (run_spec(loss={"preconditioning": "tau"}), "loss.preconditioning: 'tau' is not known"),
        (run_spec(loss={"type": "flow"}), "loss.type: 'flow' is not known"),
        (run_spec(family="flow", loss={"type": "noise"}), "loss.type: 'noise' is not known"),
        (run_spec("p", "flow", prior="rambo"), "prior: 'rambo' is a law in q-space"),
        (run_spec(loss={"type": "noise", "target": "step", "times_per_event": 0}), "loss.times_per_event: 0 is not"),
    ],
)
def test_faults_are_named(spec, message):
    with pytest.raises(OnshellError, match=message):
        objective(spec).draw(squeezed(5, "q"), stream(1), torch_stream(1))
