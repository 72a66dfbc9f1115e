import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.statistics import assert_mean, mean_and_error
from onshell.core.rng import stream
from onshell.physics import matrix_elements
from onshell.physics.generators import events
from onshell.physics.kinematics import dot, energies, pair_products, random_rotations, rotate

MADGRAPH = Path(__file__).parents[1] / "data" / "qqg_madgraph.npz"


def test_muon_weight_is_the_dalitz_density_in_disguise():
    p = events("uniform", 200_000, seed=1, name=("weights",), n_particles=3)
    e_3 = energies(p)[:, 2]
    weight = matrix_elements.muon_weight(p)
    torch.testing.assert_close(weight, e_3 * (1 - 2 * e_3), rtol=0, atol=1e-14)
    # Normalised on the triangle of area 1/8.
    assert_mean(96 * weight.numpy() / 8, 1.0)


def test_rate_of_up_over_down_quarks():
    up, down = (sum(matrix_elements.helicity_rates(1000.0, (quark,))) for quark in "ud")
    assert abs(up / down - 1.8814) < 5e-5
    flavours = np.load(MADGRAPH)["quark"]
    assert stats.binomtest(int((flavours % 2 == 0).sum()), len(flavours), up / (up + down)).pvalue > 1e-6


def test_photon_alone_is_left_far_below_the_z():
    equal, opposite = matrix_elements.helicity_rates(1.0)
    photon = (4 * math.pi * matrix_elements.ALPHA) ** 2 * 2 * (4 + 4 + 1 + 1) / 9
    assert abs(equal / photon - 1) < 1e-3
    assert abs(opposite / photon - 1) < 1e-3


def test_orientation_integral_of_the_full_matrix_element():
    p = events("uniform", 20, seed=2, name=("orientation",), n_particles=3)
    # Gauss-Legendre and Fourier nodes integrate the quadratic dependence on the beam direction exactly.
    cosines, weights = np.polynomial.legendre.leggauss(4)
    total = 0.0
    for c, w in zip(cosines, weights, strict=True):
        for phi in np.arange(6) * math.pi / 3:
            s = math.sqrt(1 - c * c)
            beam = [s * math.cos(phi), s * math.sin(phi), c]
            x_axis = np.cross(beam, [1.0, 0.3, 0.2])
            x_axis /= np.linalg.norm(x_axis)
            turn = torch.tensor(np.array([x_axis, np.cross(beam, x_axis), beam]))
            total = total + w / 12 * matrix_elements.qqg_weight(rotate(p, turn))
    ratio = total / matrix_elements.qqg_energy_weight(p)
    torch.testing.assert_close(ratio / ratio.mean(), torch.ones_like(ratio), rtol=1e-10, atol=0)


def test_cross_section_is_that_of_madgraph():
    # SARGE has the soft and collinear peaks of the matrix element and, with this xi, all events above the cutoff.
    p = events("sarge", 400_000, seed=3, name=("cross section",), n_particles=3, cutoff=1000.0, permute=False)
    inside = 2 * pair_products(p).amin(-1) >= 1e-3
    s, alpha_s, picobarn = 1e6, 8.68436700e-02, 0.389379e9
    matrix_element = 8 * 4 * math.pi * alpha_s / s * torch.where(inside, matrix_elements.qqg_weight(p), 0.0)
    phase_space = s / (2 * math.pi) ** 5 / matrix_elements.sarge_density(p, 1000.0)
    mean, error = mean_and_error(picobarn / (2 * s) * (phase_space * matrix_element).numpy())
    assert error < 0.003
    assert abs(mean - 0.7250) < 5 * math.hypot(error, 0.0008)


@pytest.mark.parametrize("n_particles", [3, 5, 6])
def test_antenna_sum_over_all_orders(n_particles):
    p = events("uniform", 20, seed=4, name=("aps",), n_particles=n_particles)
    s = dot(p)
    brute = sum(
        1 / torch.stack([s[:, i, j] for i, j in zip(order, order[1:] + order[:1], strict=True)]).prod(0)
        for order in itertools.permutations(range(n_particles))
    )
    torch.testing.assert_close(matrix_elements.aps_weight(p), brute)


def test_weights_take_any_leading_shape_and_invariant_ones_any_orientation():
    p = events("uniform", 12, seed=6, name=("shape",), n_particles=3)
    shaped = p.contiguous().view(3, 2, 2, 3, 3)
    turned = rotate(p, random_rotations(12, stream(6, "turn")))
    for weight in (matrix_elements.muon_weight, matrix_elements.qqg_weight, matrix_elements.qqg_energy_weight):
        torch.testing.assert_close(weight(shaped).flatten(), weight(p))
    for weight in (matrix_elements.muon_weight, matrix_elements.qqg_energy_weight, matrix_elements.aps_weight):
        torch.testing.assert_close(weight(turned), weight(p))
    torch.testing.assert_close(
        matrix_elements.sarge_density(shaped, 30.0).flatten(), matrix_elements.sarge_density(p, 30.0)
    )
