"""Forward processes in charts: what they keep, where they lead, and how they are turned back."""

import pytest
import torch
from scipy import stats

from helpers.specs import diffusion_spec, run_spec
from helpers.statistics import assert_law, assert_mean, assert_same_law
from onshell.core.errors import OnshellError
from onshell.core.rng import stream, torch_stream
from onshell.models.build import objective
from onshell.models.chart_diffusions import LogPolarChain, Ornstein, diffusion_of
from onshell.models.charts import CHARTS
from onshell.models.charts.mixtures import ARC
from onshell.models.diffusion import Langevin
from onshell.models.objectives import score
from onshell.models.schedules import Schedule
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.sampler import Draw, forward_trajectory, sample_block


def noise(n, *name):
    return torch.from_numpy(stream(9, *name).standard_normal((n, 3, 3)))


def test_a_step_moves_logarithms_by_what_is_radial_and_directions_by_the_rest():
    q, eps, gamma = rambo.sample_prior(300, 3, stream(1, "q")), noise(300, "eps"), 0.03
    process, n = LogPolarChain(Schedule(4, (gamma, gamma))), q / norm(q).unsqueeze(-1)
    up = (eps * n).sum(-1)
    for k in (2, torch.full((300,), 2)):
        there = process.step(q, k, eps)
        grown = (norm(there) / norm(q)).log()
        torch.testing.assert_close(grown, gamma * (2 - norm(q)) + (2 * gamma) ** 0.5 * up)
        # The angle is the length of the rest, in the plane of the two.
        across = eps - up.unsqueeze(-1) * n
        angle = torch.atan2(norm(torch.linalg.cross(n, there)), (n * there).sum(-1))
        torch.testing.assert_close(angle, (2 * gamma) ** 0.5 * norm(across))
        assert (there * torch.linalg.cross(n, across)).sum(-1).abs().max() < 1e-13
        assert ((there * across).sum(-1) > 0).all()


def test_the_carried_noise_leads_back_where_the_step_came_from():
    """A step against the noise, as it is seen at the end, from there: back by the same great circle."""
    q, eps, gamma = rambo.sample_prior(300, 3, stream(2, "q")), noise(300, "back"), 0.03
    process = LogPolarChain(Schedule(4, (gamma, gamma)))
    for k in (1, torch.full((300,), 1)):
        there, seen = process.step(q, k, eps), process.carried(q, k, eps)
        torch.testing.assert_close(norm(seen), norm(eps))
        radial = [(v * x).sum(-1) / norm(x) for v, x in ((eps, q), (seen, there))]
        torch.testing.assert_close(*radial)
        n = there / norm(there).unsqueeze(-1)
        across = -((2 * gamma) ** 0.5) * (seen - (seen * n).sum(-1, keepdim=True) * n)
        angle = norm(across).unsqueeze(-1)
        torch.testing.assert_close(angle.cos() * n + angle.sin() / angle * across, q / norm(q).unsqueeze(-1))
    # In q-space as it stands there is nothing to carry.
    assert Langevin(Schedule(4, (gamma, gamma))).target(q, 1, eps, there) is eps


def test_uniform_phase_space_is_stationary_and_other_data_come_there():
    process = LogPolarChain(Schedule(300, (0.012, 0.012)))
    for size in (1.0, 0.1):
        q = process.forward(size * rambo.sample_prior(2_000, 3, stream(3, "q")), 300, torch_stream(3, "noise"))
        assert_law(norm(q).flatten(), stats.gamma(2).cdf, alpha=1e-8)
        assert_law(q[:, 0, 2] / norm(q[:, 0]), stats.uniform(-1, 2).cdf)
    early = process.forward(size * rambo.sample_prior(4_000, 3, stream(3, "q")), 10, torch_stream(3, "noise"))
    assert norm(early).mean() < 0.7


def test_directions_spread_like_heat_on_the_sphere():
    """Of Brownian motion on the sphere, cos(theta) decays as e^(-2 s), s the sum of gamma."""
    process = LogPolarChain(Schedule(50, (0.002, 0.002)))
    q = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64).expand(20_000, 1, 3)
    x = process.forward(q, 50, torch_stream(4, "noise"))
    assert_mean((x[:, 0, 2] / norm(x[:, 0])).numpy(), float(torch.tensor(-0.2).exp()))


@pytest.mark.parametrize("looks", [1, 4])
def test_of_uniform_phase_space_there_is_nothing_to_learn(looks):
    """The noise less its mean under p_ref: of data that are p_ref, no function of |q| and direction tells it."""
    gamma = 0.02
    spec = run_spec(
        loss={"type": "noise", "target": "step", "times_per_event": looks, "chart": "log-polar"},
        schedule={"steps": 5, "gamma": [gamma, gamma]},
    )
    q = rambo.sample_prior(60_000, 3, stream(5, "q"))
    x, t, seen = objective(spec).draw(q, stream(5, "t"), torch_stream(5, "n"))
    n = x / norm(x).unsqueeze(-1)
    radial = (seen * n).sum(-1)
    fit = stats.linregress(norm(x).flatten(), radial.flatten())
    # To the order of gamma: the law is p_ref only so far.
    assert abs(fit.slope) < 5.5 * looks**0.5 * fit.stderr + gamma
    assert abs(fit.intercept) < 5.5 * looks**0.5 * fit.intercept_stderr + gamma
    # The noise itself has the slope sqrt(2 gamma) on |q|, which is ten times as much.
    plain = radial - (2 * gamma) ** 0.5 * (2 - norm(x))
    assert stats.linregress(norm(x).flatten(), plain.flatten()).slope > 0.9 * (2 * gamma) ** 0.5
    across = seen - radial.unsqueeze(-1) * n
    assert_mean(across[:, 0, 2].numpy(), 0.0)
    assert set(t.tolist()) == {torch.tensor(k / 5).item() for k in range(1, 6)}


def test_the_best_prediction_is_the_rest_of_the_score():
    """Of p_ref made softer by `size` the score in the chart is 2 - |q|/size, of which 2 - |q| is known."""
    gamma, size = 0.001, 0.3
    spec = run_spec(
        loss={"type": "noise", "target": "step", "times_per_event": 1, "chart": "log-polar"},
        schedule={"steps": 2, "gamma": [gamma, gamma]},
    )
    q = size * rambo.sample_prior(200_000, 3, stream(5, "soft"))
    x, _, seen = objective(spec).draw(q, stream(5, "t", "soft"), torch_stream(5, "n", "soft"))
    radial = (seen * x).sum(-1) / norm(x)
    fit = stats.linregress(norm(x).flatten(), radial.flatten())
    assert fit.slope == pytest.approx((2 * gamma) ** 0.5 * (1 / size - 1), rel=0.1)


def test_with_the_score_of_the_prior_the_prior_stays():
    spec = run_spec(
        loss={"type": "noise", "target": "step", "times_per_event": 1, "chart": "log-polar"},
        schedule={"steps": 200, "gamma": [0.005, 0.005]},
        sampling={"noise": "posterior"},
    )

    def network(q, t):
        return torch.zeros_like(q)

    x = rambo.sample_prior(5, 3, stream(6, "x"))
    expected = (2 - norm(x)).unsqueeze(-1) * x / norm(x).unsqueeze(-1)
    torch.testing.assert_close(score(network, spec)(x, 7).double(), expected, rtol=1e-5, atol=1e-6)
    q = sample_block(network, spec, 0, 4_000, Draw(seed=6))[0.0]
    # The last noise of a posterior is smaller: the law is that of one step less.
    assert_law(norm(q).flatten(), stats.gamma(2).cdf, alpha=1e-8)
    assert_law(q[:, 1, 2] / norm(q[:, 1]), stats.uniform(-1, 2).cdf)


def test_the_process_of_spinors_is_closed_and_ends_at_uniform_phase_space():
    q0 = 0.1 * rambo.sample_prior(4_000, 3, stream(7, "q"))
    process = diffusion_of(diffusion_spec())
    assert isinstance(process, Ornstein)
    states = dict(forward_trajectory(q0, process, [1, 0, 0.3, 0.123], seed=7, name="a"))
    assert list(states) == [0.0, 0.123, 0.3, 1.0]
    assert torch.equal(states[0.0], q0)
    for i in range(3):
        assert_law(norm(states[1.0][:, i]), stats.gamma(2).cdf)
        assert_law(states[1.0][:, i, 0] / norm(states[1.0][:, i]), stats.uniform(-1, 2).cdf)
    # Two steps of the process are one, and that of training.
    other = dict(forward_trajectory(q0, process, [0.3], seed=8, name="b"))[0.3]
    assert_same_law(norm(other[:, 0]), norm(states[0.3][:, 0]))
    chart = CHARTS["spinor"]
    seen, _ = chart.mixed(ARC, chart.to_chart(q0), chart.prior(4_000, 3, stream(7, "z")), torch.full((4_000,), 0.3))
    assert_same_law(norm(chart.to_q(seen)[:, 0]), norm(states[0.3][:, 0]))
    # dq = -2 q dt + ...: the mean momentum decays with the square of the coefficient.
    early = process.forward(q0[:1].expand(20_000, 3, 3), 0.2, torch_stream(7, "mean"))
    assert_mean(early[:, 0].T.numpy(), (q0[0, 0] * ARC.at(0.2)[0] ** 2).numpy())


def test_faults_are_named():
    loss = {"type": "noise", "target": "step", "times_per_event": 1, "chart": "log-polar"}
    for key, value in (("gaussian_steps", 3), ("softening", 0.2)):
        with pytest.raises(OnshellError, match="the chart log-polar has no softening and no gaussian_steps"):
            diffusion_of(run_spec(loss=loss, schedule={key: value}))
    with pytest.raises(OnshellError, match="'log-polar' is a chart of q-space"):
        diffusion_of(run_spec("p", loss=loss))
    with pytest.raises(OnshellError, match="'spinor' has no diffusion of loss type noise; use q or log-polar"):
        diffusion_of(run_spec(loss={**loss, "chart": "spinor"}))
    for chart in ("spinor", "log-polar"):
        with pytest.raises(OnshellError, match=f"'{chart}' has no diffusion of loss type ism; use q$"):
            diffusion_of(run_spec(loss={"type": "ism", "chart": chart}))
