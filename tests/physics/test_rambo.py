import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from helpers.maps import (
    assert_on_shell,
    assert_permutation_equivariant,
    assert_rotation_equivariant,
    log_fibre_jacobian,
)
from helpers.statistics import assert_law, assert_same_law, assert_uniform
from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.physics import rambo
from onshell.physics.kinematics import energies, norm, pair_products

MULTIPLICITIES = [2, 3, 4, 10]


def prior(n, n_particles, name="q"):
    return rambo.sample_prior(n, n_particles, stream(7, "rambo", n_particles, name))


@pytest.mark.parametrize("n_particles", MULTIPLICITIES)
def test_map_lands_on_the_shell(n_particles):
    assert_on_shell(rambo.to_p(prior(50_000, n_particles)))
    assert_on_shell(rambo.to_p(prior(1000, n_particles), e_cm=91.2), e_cm=91.2)


@pytest.mark.parametrize("n_particles", MULTIPLICITIES)
def test_inverse_returns_the_point_of_the_fibre(n_particles):
    q = prior(10_000, n_particles)
    b, x = rambo.frame(q, e_cm=2.0)
    torch.testing.assert_close(rambo.to_q(rambo.to_p(q, e_cm=2.0), b, x), q, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_particles", MULTIPLICITIES)
def test_every_point_of_the_fibre_maps_back(n_particles):
    p = rambo.to_p(prior(10_000, n_particles))
    b, x = rambo.sample_frames(10_000, n_particles, stream(7, "frames"))
    q = rambo.to_q(p, b, x)
    found_b, found_x = rambo.frame(q)
    torch.testing.assert_close(rambo.to_p(q), p, rtol=0, atol=1e-9)
    torch.testing.assert_close(found_b, b, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(found_x, x, rtol=1e-7, atol=1e-9)


def test_identity_frame_leaves_phase_space_alone():
    p = rambo.to_p(prior(1000, 3))
    b, x = rambo.frame(p)
    assert norm(b).max() < 1e-14
    torch.testing.assert_close(x, torch.ones_like(x))
    torch.testing.assert_close(rambo.to_q(p, torch.zeros(3, dtype=p.dtype), 1.0), p)
    torch.testing.assert_close(rambo.to_p(p), p)


def test_extreme_boosts_keep_the_shell_and_the_frame():
    p = rambo.to_p(prior(1000, 4))
    b = torch.tensor([3e3, -4e3, 1e3], dtype=torch.float64)
    q = rambo.to_q(p, b, 0.1)
    assert_on_shell(rambo.to_p(q))
    # A momentum of 1e5 stored in float64 fixes the mass to 1e-16 gamma^2 only.
    torch.testing.assert_close(rambo.frame(q)[0], b.expand(1000, 3), rtol=1e-6, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_leading_shape_stride_and_precision(dtype):
    q = prior(24, 5).to(dtype)
    p, (b, x) = rambo.to_p(q), rambo.frame(q)
    assert p.dtype == b.dtype == x.dtype == rambo.to_q(p, b, x).dtype == dtype
    shaped = q.contiguous().view(2, 3, 4, 5, 3)
    tolerance = {"rtol": 0, "atol": 1e-5 if dtype == torch.float32 else 1e-14}
    torch.testing.assert_close(rambo.to_p(shaped).view(24, 5, 3), p, **tolerance)
    torch.testing.assert_close(rambo.to_p(q[3]), p[3], **tolerance)
    assert rambo.prior_log_prob(shaped).shape == (2, 3, 4)
    assert rambo.frame_log_prob(b.view(4, 6, 3), x.view(4, 6), 5).shape == (4, 6)


def test_float32_conserves_to_its_own_precision():
    assert_on_shell(rambo.to_p(prior(50_000, 3).float()), tolerance=1e-6)


@pytest.mark.parametrize("n_particles", [3, 10])
def test_map_is_equivariant(n_particles):
    q = prior(500, n_particles)
    q = q[(rambo.frame(q)[0].square().sum(-1)) < 9]
    assert_permutation_equivariant(rambo.to_p, q)
    assert_rotation_equivariant(rambo.to_p, q, stream(7, "turn"))
    assert_permutation_equivariant(rambo.prior_score, q)


def test_derivatives_of_all_orders():
    q = prior(2, 3, "grad").contiguous().requires_grad_()
    b, x = (v.detach().requires_grad_() for v in rambo.frame(q))
    assert torch.autograd.gradcheck(rambo.to_p, (q,))
    assert torch.autograd.gradcheck(rambo.frame, (q,))
    assert torch.autograd.gradcheck(rambo.to_q, (rambo.to_p(q).detach().requires_grad_(), b, x))
    assert torch.autograd.gradgradcheck(rambo.frame, (q,))


def test_gradients_are_finite_on_phase_space_itself():
    p = rambo.to_p(prior(100, 3)).requires_grad_()
    x = rambo.frame(p)[1]
    (gradient,) = torch.autograd.grad(x.sum(), p)
    torch.testing.assert_close(gradient, -p / energies(p).unsqueeze(-1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("n_particles", [2, 3, 5])
def test_jacobian_against_autograd(n_particles):
    for q in prior(5, n_particles, "jacobian"):
        b, x = rambo.frame(q)
        expected = log_fibre_jacobian(rambo.to_p, rambo.frame, q)
        torch.testing.assert_close(rambo.log_jacobian(b, x, n_particles), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("n_particles", MULTIPLICITIES)
def test_prior_is_uniform_phase_space_times_the_fibre(n_particles):
    q = prior(1000, n_particles)
    b, x = rambo.frame(q)
    log_measure = (2 * energies(q)).log().sum(-1) + rambo.log_jacobian(b, x, n_particles)
    factorised = rambo.frame_log_prob(b, x, n_particles) - rambo.log_volume(n_particles)
    torch.testing.assert_close(rambo.prior_log_prob(q) + log_measure, factorised, rtol=1e-8, atol=1e-8)


def test_prior_log_prob_is_normalised_and_its_score_is_its_gradient():
    def density(radius):
        q = torch.tensor([[0.0, 0.0, radius]], dtype=torch.float64)
        return 4 * math.pi * radius**2 * rambo.prior_log_prob(q).exp().item()

    assert abs(integrate.quad(density, 0, 60)[0] - 1) < 1e-7
    q = prior(100, 3).contiguous().requires_grad_()
    (gradient,) = torch.autograd.grad(rambo.prior_log_prob(q).sum(), q)
    torch.testing.assert_close(rambo.prior_score(q), gradient)


@pytest.mark.parametrize("n_particles", MULTIPLICITIES)
def test_frame_log_prob_is_normalised(n_particles):
    """By quadrature in velocity and u: b = velocity * gamma; x = gamma u / (1 - u) runs over the half line."""
    nodes, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(80))
    velocity, u = torch.meshgrid(0.5 * (nodes + 1), 0.5 * (nodes + 1), indexing="ij")
    gamma = (1 - velocity**2) ** -0.5
    b = torch.stack([torch.zeros_like(u), torch.zeros_like(u), velocity * gamma], -1)
    jacobian = 4 * math.pi * (velocity * gamma) ** 2 * gamma**4 / (1 - u) ** 2
    density = jacobian * rambo.frame_log_prob(b, gamma * u / (1 - u), n_particles).exp()
    assert abs(0.25 * (weights[:, None] * weights * density).sum() - 1) < 1e-6


@pytest.mark.parametrize("n_particles", [2, 10])
def test_closed_form_frames_are_those_of_the_prior(n_particles):
    drawn = rambo.sample_frames(50_000, n_particles, stream(8, "frames", n_particles))
    mapped = rambo.frame(prior(50_000, n_particles))
    for b, x in (drawn, mapped):
        b2 = b.square().sum(-1)
        assert_law(b2 / (1 + b2), stats.beta(1.5, n_particles - 1).cdf)
        assert_law((1 + b2).sqrt() / x, stats.gamma(2 * n_particles).cdf)
        assert_uniform(b[:, 2] / norm(b), -1, 1)
        assert_uniform(torch.atan2(b[:, 1], b[:, 0]), -math.pi, math.pi)
    for of in (lambda b, x: x, lambda b, x: b.abs().sum(-1) * x, lambda b, x: b[:, 0] / x):
        assert_same_law(of(*drawn), of(*mapped))


def test_fibre_is_independent_of_the_event():
    q = prior(50_000, 3)
    b, x = rambo.frame(q)
    tau = pair_products(rambo.to_p(q)).amin(-1)
    for coordinate in (x, norm(b)):
        upper = coordinate > coordinate.median()
        assert_same_law(tau[upper], tau[~upper])


def test_prior_has_its_marginals():
    q = prior(50_000, 3)
    assert_law(energies(q).flatten(), stats.gamma(2).cdf)
    assert_uniform((q[..., 2] / energies(q)).flatten(), -1, 1)
    assert_uniform(torch.atan2(q[..., 1], q[..., 0]).flatten(), -math.pi, math.pi)


def test_one_particle_is_refused():
    with pytest.raises(OnshellError, match="use 2 or more"):
        rambo.sample_prior(10, 1, stream(1))
    with pytest.raises(OnshellError, match="use 2 or more"):
        rambo.sample_frames(10, 1, stream(1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "point",
    [
        [[0.0, 0.0, 0.0]] * 3,
        [[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 3.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 0.0]],
        [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.1, 0.2, 0.3]],
        [[1.0, 2.0, float("nan")], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [[1.0, 2.0, float("inf")], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        [[1e300, 0.0, 0.0], [0.0, 1e300, 0.0], [0.0, 0.0, 1e300]],
    ],
)
def test_points_above_no_event_are_an_error_and_not_nan(point, dtype):
    q = prior(10, 3).to(dtype)
    q[7] = torch.tensor(point, dtype=dtype)
    with pytest.raises(OnshellError, match=r"1 of 10 points \(the first is number 7\) map to no event"):
        rambo.to_p(q)
    with pytest.raises(OnshellError, match=r"1 of 1 points"):
        rambo.to_p(q[7])
    assert rambo.to_p(q[:7]).shape == (7, 3, 3)
    assert rambo.to_p(q[:0]).shape == (0, 3, 3)


def test_nearly_parallel_momenta_are_on_the_shell_or_refused():
    for angle in 10.0 ** -np.arange(2, 18):
        q = torch.tensor([[0.0, 0.0, 1.0], [angle, 0.0, 2.0], [0.0, angle, 3.0]], dtype=torch.float64)
        try:
            assert_on_shell(rambo.to_p(q)[None], tolerance=2e-8)
        except OnshellError:
            assert angle < 1e-7
