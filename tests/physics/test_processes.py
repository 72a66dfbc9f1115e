"""The laws of the four exact generators."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.maps import assert_on_shell
from helpers.phase_space import decay_chain
from helpers.statistics import assert_law, assert_mean, assert_same_law, assert_uniform, mean_and_error
from onshell.core.rng import stream
from onshell.physics import matrix_elements, rambo
from onshell.physics.generators import events
from onshell.physics.kinematics import dot, energies, pair_products

MADGRAPH = Path(__file__).parents[1] / "data" / "qqg_madgraph.npz"
N = 60_000


def sample(generator, n=N, **parameters):
    return events(generator, n, seed=11, name=("laws",), **parameters)


def cosines(p):
    return p[..., 2] / energies(p)


def plane_normal(p):
    normal = torch.linalg.cross(p[:, 0], p[:, 1])
    return normal / torch.linalg.vector_norm(normal, dim=-1, keepdim=True)


@pytest.mark.parametrize("n_particles", [4, 10])
def test_uniform_energies_and_directions(n_particles):
    p = sample("uniform", n_particles=n_particles)
    for particle in (0, n_particles - 1):
        assert_law(2 * energies(p)[:, particle], stats.beta(2, n_particles - 2).cdf)
        assert_uniform(cosines(p)[:, particle], -1, 1)


def test_uniform_three_body_is_flat():
    # Flat in the triangle: E_1 has density 8 E_1; given E_1, E_2 is uniform on [1/2 - E_1, 1/2].
    e = energies(sample("uniform", n_particles=3))
    assert_uniform(4 * e[:, 0] ** 2)
    assert_uniform((e[:, 1] - 0.5 + e[:, 0]) / e[:, 0])


@pytest.mark.parametrize("n_particles", [3, 4, 10])
def test_uniform_against_a_chain_of_decays_and_the_rambo_map(n_particles):
    def features(p):
        pairs, largest = pair_products(p), energies(p).amax(-1)
        parts = [pairs[:, 0], pairs.amin(-1).log(), pairs.square().sum(-1), largest, largest**4, p[:, 0, 2] ** 2]
        return torch.stack(parts).numpy()

    p = sample("uniform", n_particles=n_particles)
    other, weight = decay_chain(2 * N, n_particles, stream(12, "chain", n_particles))
    assert_on_shell(other)
    assert_mean(weight, math.exp(rambo.log_volume(n_particles)))
    expected = [mean_and_error(row, weight) for row in features(other)]
    assert_mean(features(p), expected)
    mapped = rambo.to_p(rambo.sample_prior(N, n_particles, stream(12, "q", n_particles)))
    assert_mean(features(mapped), expected)
    for row, other_row in zip(features(p), features(mapped), strict=True):
        assert_same_law(row, other_row)


@pytest.mark.parametrize(("cutoff", "sqrt_s"), [(1e-2, 1000.0), (5e-2, 91.188)])
def test_qqg_against_reweighted_uniform_events(cutoff, sqrt_s):
    def features(p):
        e, c = energies(p), cosines(p)
        normal = plane_normal(p)[:, 2]
        lab = torch.stack([e[:, 0], e[:, 2], e[:, 0] * e[:, 1], pair_products(p).amin(-1).log()])
        beam = torch.stack([c[:, 0], c[:, 1], c[:, 2], c[:, 0] ** 2, c[:, 2] ** 2, c[:, 0] * c[:, 1], normal**2])
        lean = e[:, 0] - e[:, 1]
        first = c[:, 0]
        joint = [first * lean, first**2 * lean, first * e[:, 0], first * e[:, 2], c[:, 2] * lean, normal * first]
        return torch.cat([lab, beam, torch.stack(joint)]).numpy()

    flat = sample("uniform", 300_000, n_particles=3)
    flat = flat[2 * pair_products(flat).amin(-1) >= cutoff]
    weight = matrix_elements.qqg_weight(flat, sqrt_s).numpy()
    p = sample("qqg", cutoff=cutoff, sqrt_s=sqrt_s, permute=False)
    assert_mean(features(p), [mean_and_error(row, weight) for row in features(flat)])


def test_muon_orientation_is_haar():
    """The third Euler angle: the electron's angle within the plane from the node with the x-y plane."""
    p = sample("muon")
    normal = plane_normal(p)
    node = torch.stack([-normal[:, 1], normal[:, 0], torch.zeros(N, dtype=torch.float64)], -1)
    angle = torch.atan2((torch.linalg.cross(normal, node) * p[:, 0]).sum(-1), (node * p[:, 0]).sum(-1))
    assert_uniform(angle, -math.pi, math.pi)


def test_qqg_mean_quark_angle_at_each_point_of_the_dalitz_plot():
    # By (17) the quark's mean cosine is r/2 (E_1^2 - E_2^2 cos(theta_12)) / (E_1^2 + E_2^2), r from the helicities.
    p = sample("qqg", cutoff=5e-2, permute=False)
    equal, opposite = matrix_elements.helicity_rates()
    e_1, e_2, _ = energies(p).unbind(-1)
    cos_12 = 1 - pair_products(p)[:, 0] / (e_1 * e_2)
    mean = (e_1**2 - e_2**2 * cos_12) / (e_1**2 + e_2**2) * (equal - opposite) / (equal + opposite) / 2
    rest = cosines(p)[:, 0] - mean
    for region in (e_1 < 0.35, e_2 < 0.35, (e_1 - e_2).abs() < 0.1):
        assert_mean(rest[region].numpy(), 0.0)


def test_qqg_plane_normal_and_parity_odd_trace():
    p = sample("qqg", cutoff=1e-3)
    assert_law(plane_normal(p)[:, 2], lambda c: 0.5 + 9 / 16 * (c - c**3 / 9))
    ordered = sample("qqg", cutoff=1e-3, permute=False)
    mean_quark = mean_and_error(cosines(ordered)[:, 0])
    assert mean_quark[0] > 10 * mean_quark[1]
    # The permuted sample keeps a third of the sum over the particles.
    assert_mean(cosines(p)[:, 1], [mean_and_error(cosines(ordered).mean(-1))])
    for particle in range(3):
        assert_same_law(energies(p)[:, particle], energies(ordered)[torch.arange(N), torch.arange(N) % 3])


def test_qqg_against_madgraph_events():
    reference = torch.from_numpy(np.load(MADGRAPH)["momenta"]) / 1000.0
    p = sample("qqg", cutoff=1e-3, permute=False)
    for particle in range(3):
        assert_same_law(energies(reference)[:, particle], energies(p)[:, particle])
        assert_same_law(cosines(reference)[:, particle], cosines(p)[:, particle])
    assert_same_law(pair_products(reference).amin(-1), pair_products(p).amin(-1))
    assert_same_law(plane_normal(reference)[:, 2], plane_normal(p)[:, 2])


@pytest.mark.parametrize(("cutoff", "n_particles"), [(20, 3), (40, 10)])
def test_sarge_antennae_are_log_uniform_and_independent(cutoff, n_particles):
    s = dot(sample("sarge", cutoff=cutoff, n_particles=n_particles, permute=False))
    last = n_particles - 1
    logs = []
    for i in range(1, last):
        logs += [(s[:, i - 1, i] / s[:, i - 1, last]).log(), (s[:, i, last] / s[:, i - 1, last]).log()]
    for value in logs:
        assert_uniform(value, -math.log(cutoff) - 1e-9, math.log(cutoff) + 1e-9)
    correlation = np.corrcoef(torch.stack(logs).numpy()) - np.eye(len(logs))
    assert np.abs(correlation).max() < 6 / math.sqrt(N)


@pytest.mark.parametrize("n_particles", [4, 6])
def test_sarge_azimuths_are_uniform(n_particles):
    s = dot(sample("sarge", cutoff=20, n_particles=n_particles, permute=False))
    last = n_particles - 1
    for i in range(2, last):
        # Azimuth between emissions i and i - 1: their spinors add, so it is the interference term of s_{i-2, i}.
        first = s[:, i, last] / s[:, i - 1, last] * s[:, i - 2, i - 1]
        second = s[:, i - 1, i] / s[:, i - 1, last] * s[:, i - 2, last]
        cosine = (s[:, i - 2, i] - first - second) / (2 * (first * second).sqrt())
        assert_uniform(cosine.clamp(-1, 1).acos(), 0, math.pi)


@pytest.mark.parametrize(("cutoff", "n_particles"), [(20, 3), (3, 4), (10, 5)])
def test_sarge_density_by_reweighting_to_uniform(cutoff, n_particles):
    flat = sample("uniform", 3 * N, n_particles=n_particles)
    inside = matrix_elements.sarge_density(flat, cutoff) > 0
    p = sample("sarge", cutoff=cutoff, n_particles=n_particles, permute=False)
    weight = (1 / matrix_elements.sarge_density(p, cutoff)).numpy()
    volume = math.exp(rambo.log_volume(n_particles))
    assert_mean(weight / volume, [mean_and_error(inside.numpy())])

    def features(p):
        pairs = pair_products(p)
        return torch.cat([pairs[:, [0, 1, n_particles - 2]].T, pairs.amin(-1)[None], energies(p)[:, :2].T]).numpy()

    assert_mean(features(p), [mean_and_error(row) for row in features(flat[inside])], weight)


def test_sarge_is_permuted_and_isotropic():
    p, ordered = sample("sarge", cutoff=30), sample("sarge", cutoff=30, permute=False)
    pooled = energies(ordered)[torch.arange(N), torch.arange(N) % 10]
    for particle in (0, 4, 9):
        assert_same_law(energies(p)[:, particle], pooled)
        assert_uniform(cosines(p)[:, particle], -1, 1)
    tau, tau_ordered = (pair_products(q[: N // 4]).amin(-1) for q in (p, ordered))
    assert_same_law(tau, tau_ordered)
