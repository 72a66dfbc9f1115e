"""Charts of q-space: what all of them share, and what each is made of."""

import math

import pytest
import torch

from helpers.charts import EVERY_CHART, pair
from helpers.specs import run_spec
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.models.charts import CHARTS, chart_of
from onshell.physics import rambo
from onshell.physics.kinematics import norm
from onshell.sampling.integrators import Scheme, fixed, grid, stepper


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("check", EVERY_CHART, ids=lambda check: check.__name__)
def test_a_chart_passes_every_check(check, name):
    check(CHARTS[name])


def log_determinant(function, x):
    """ln |det| of the Jacobian of `function` at each point of x [n, k]."""
    return torch.stack([torch.linalg.slogdet(torch.func.jacrev(function)(point))[1] for point in x])


def test_the_prior_of_spinors_is_the_unit_gaussian():
    """The density of (q, phase) by the Jacobian of z -> (q, phase) is p_ref/(2 pi) where that of z is N(0, 1)."""
    chart = CHARTS["spinor"]

    def coordinates(z):
        spinor = torch.view_as_complex(z.view(1, 1, 2, 2))
        return torch.cat([chart.to_q(spinor).flatten(), spinor[0, 0, :1].angle()])

    z = torch.from_numpy(stream(1, "z").standard_normal((20, 4)))
    gaussian = -0.5 * z.square().sum(1) - 2 * math.log(2 * math.pi)
    q = chart.to_q(torch.view_as_complex(z.view(20, 1, 2, 2)))
    expected = rambo.prior_log_prob(q) - math.log(2 * math.pi)
    torch.testing.assert_close(gaussian - log_determinant(coordinates, z), expected)


def test_the_prior_of_logarithms_is_exp_of_2_l_minus_e_to_the_l():
    """In ln|q| and the angles the density is exp(2 l - e^l) sin(theta)/(4 pi): the drift of ln|q| is 2 - e^l."""
    chart, rng = CHARTS["log-polar"], stream(2, "y")
    y = torch.from_numpy(rng.uniform((-3, 0.1, 0), (2, 3.0, 6), (20, 3)))

    def events(y):
        log, polar, azimuth = y.unbind(-1)
        n = torch.stack([polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()], -1)
        return chart.to_q(torch.cat([log[..., None], n], -1))

    found = rambo.prior_log_prob(events(y)[:, None]) + log_determinant(events, y)
    torch.testing.assert_close(found, 2 * y[:, 0] - y[:, 0].exp() + y[:, 1].sin().log() - math.log(4 * math.pi))


def test_the_velocity_of_spinors_is_all_of_dz_but_the_phase():
    chart = CHARTS["spinor"]
    start, end, t = pair(chart)
    state, u = chart.path(start, end, t)
    tangent = chart.tangent(state, u)
    torch.testing.assert_close(norm(u), chart.length(tangent).squeeze(-1))
    # What is left of dz/dt is i z times a number: it turns the phase alone.
    rest = (end - start) - tangent
    turned = 1j * state * ((1j * state).conj() * rest).sum(-1, keepdim=True).real / chart.length(state) ** 2
    torch.testing.assert_close(rest, turned)


def test_aligned_phases_make_the_shortest_path_and_move_no_phase():
    chart = CHARTS["spinor"]
    start, end, t = pair(chart)
    aligned = chart.aligned(start, end)
    torch.testing.assert_close(chart.to_q(aligned), chart.to_q(start))
    product = (aligned.conj() * end).sum(-1)
    assert (product.real > 0).all()
    assert product.imag.abs().max() < 1e-12
    state, u = chart.path(aligned, end, t)
    torch.testing.assert_close(chart.tangent(state, u), end - aligned)
    for phase in (0.1, 1.0, 3.0):
        turned = aligned * torch.polar(torch.tensor(1.0), torch.tensor(phase)).to(torch.complex128)
        assert (chart.length(end - turned) > chart.length(end - aligned)).all()


def test_the_phases_of_a_lift_are_uniform():
    chart, q = CHARTS["spinor"], rambo.sample_prior(5_000, 3, stream(3, "q"))
    turned = (chart.to_chart(q).conj() * chart.to_chart(q, stream(3, "phases"))).sum(-1).angle()
    counts = torch.histc(turned, 20, -math.pi, math.pi)
    assert (counts - 750).abs().max() < 5 * 750**0.5


def test_what_a_solver_made_is_brought_back_to_directions():
    chart, q = CHARTS["log-polar"], rambo.sample_prior(20, 3, stream(4, "q"))
    y = chart.to_chart(q)
    off = torch.cat([y[..., :1], 1.3 * y[..., 1:]], -1)
    torch.testing.assert_close(chart.to_q(chart.project(off)), q)
    velocity = torch.from_numpy(stream(4, "u").standard_normal(q.shape))
    step = stepper("rk4", lambda y, t: chart.tangent(y, velocity), chart.project)
    *_, (_, there) = fixed(Scheme(step, project=chart.project), y, grid(3))
    torch.testing.assert_close(norm(there[..., 1:]), torch.ones_like(q[..., 0]), rtol=1e-14, atol=0)


def test_collinear_momenta_keep_their_angle():
    """An angle of 1e-12 between momenta of 1e-9 and 1 comes through every chart."""
    q = torch.tensor([[[0.0, 0.0, 1.0], [1e-21, 0.0, 1e-9], [0.0, 1.0, -0.5]]], dtype=torch.float64)
    for chart in CHARTS.values():
        angle = chart.to_q(chart.to_chart(q, stream(4, "phases")))[0, 1]
        assert angle[0] / angle[2] == pytest.approx(1e-12, rel=1e-3)


def test_faults_are_named():
    with pytest.raises(OnshellError, match=r"loss\.chart: 'spinr' is not known; did you mean 'spinor'"):
        chart_of(run_spec(family="flow", loss={"type": "flow", "chart": "spinr"}))
    with pytest.raises(OnshellError, match="'spinor' is a chart of q-space, but small-p-flow is in p-space"):
        chart_of(run_spec("p", "flow", loss={"type": "flow", "chart": "spinor"}))
