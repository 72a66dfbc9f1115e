"""Feature spaces of exchangeable particles: blind to order and orientation, and to nothing else."""

import numpy as np
import pytest
import torch

from onshell.core.rng import stream
from onshell.evaluation.autoencoder import train_one
from onshell.evaluation.distances import frechet
from onshell.evaluation.features import exchangeable, invariants, shapes
from onshell.evaluation.twosample import halves, linear_auc
from onshell.physics import rambo
from onshell.physics.generators import events
from onshell.physics.kinematics import random_rotations, rotate

SEED = 20260402


def draw(generator, n, name, **parameters):
    """Return `n` events of a stream of its own."""
    return events(generator, n, seed=SEED, name=("test", "features", name), **parameters)


def auc(sample, truth):
    """Return the linear AUC of two arrays of features."""
    return linear_auc(*halves(truth, sample, stream(SEED, "test", "features", "halves")))


def permuted(p):
    """Return events with the particles of each in another order."""
    order = torch.from_numpy(stream(SEED, "test", "order").random(p.shape[:2])).argsort(1)
    return p.take_along_dim(order.unsqueeze(-1), 1)


def test_whose_order_means_something():
    assert not exchangeable("muon", 3)
    assert not exchangeable("mine", 3)
    assert all(exchangeable(*of) for of in (("qqg", 3), ("aps", 10), ("muon", 4)))


def test_invariants_of_labelled_and_of_exchangeable_particles():
    p = draw("uniform", 40_000, "invariants", n_particles=4)
    raw, ordered = invariants(p), invariants(p, ordered=False)
    assert np.allclose(raw.sum(1), 1.0)
    i, j = 1, 3
    s_24 = 2 * (p[:, i].norm(dim=-1) * p[:, j].norm(dim=-1) - (p[:, i] * p[:, j]).sum(-1))
    assert np.allclose(raw[:, 4], s_24, atol=1e-14)
    assert np.allclose(np.exp(ordered), np.sort(raw, 1))
    assert np.allclose(invariants(permuted(p), ordered=False), ordered, atol=1e-9)


@pytest.mark.parametrize("n_particles", [3, 4, 10])
def test_shapes_know_neither_order_nor_orientation_and_nothing_is_lost(n_particles):
    p = draw("uniform", 2000, n_particles, n_particles=n_particles)
    found = shapes(p)
    assert found.shape == (2000, 4 * n_particles - 4)
    turned = rotate(permuted(p), random_rotations(len(p), stream(SEED, "test", "turn")))
    assert torch.allclose(shapes(turned), found, atol=1e-7)
    energy, rest = found[:, :n_particles].exp(), found[:, n_particles:]
    zero, one = torch.zeros(len(p), 1), torch.ones(len(p), 1)
    second = torch.stack([rest[:, :1], zero, rest[:, 1:2]], -1)
    u = torch.cat([torch.stack([zero, zero, one], -1), second, rest[:, 2:].unflatten(1, (-1, 3))], 1)
    back = energy.unsqueeze(-1) * u
    assert (energy[:, :-1] >= energy[:, 1:]).all()
    assert (second[:, 0, 0] >= 0).all()
    assert torch.allclose(back.sum(1), torch.zeros(3, dtype=torch.float64), atol=1e-12)
    assert np.allclose(invariants(back, ordered=False), invariants(p, ordered=False), atol=1e-6)


def test_one_known_share_of_collinear_events_is_seen_by_sorted_invariants_alone():
    """A share f of events in which two particles are exactly collinear is told from truth with certainty.

    A classifier that finds them has AUC = 1/2 + f/2; in raw s_IJ a hyperplane has nothing to hold on to. The spread of
    an AUC of two halves of 10,000 is below 1/sqrt(30,000) = 0.006; five of those never happen by chance.
    """
    share, n = 0.3, 20_000
    truth, sample = (draw("sarge", n, side, n_particles=10, cutoff=30.0) for side in "ab")
    nine = draw("sarge", int(share * n), "nine", n_particles=9, cutoff=30.0)
    sample[: len(nine)] = torch.cat([nine[:, :8], 0.5 * nine[:, 8:], 0.5 * nine[:, 8:]], 1)
    sample[: len(nine)] = permuted(sample[: len(nine)])
    assert auc(*(invariants(p, ordered=False) for p in (sample, truth))) == pytest.approx(0.5 + share / 2, abs=0.03)
    assert abs(auc(*(invariants(p) for p in (sample, truth))) - 0.5) < 0.03
    perfect = draw("sarge", n, "c", n_particles=10, cutoff=30.0)
    assert abs(auc(*(invariants(p, ordered=False) for p in (perfect, truth))) - 0.5) < 0.03


def test_the_latent_space_of_shapes_sees_more_than_that_of_momenta():
    """Antennas against antennas of a tighter cut, xi = 20 for 40: in momenta a hyperplane hardly sees any of it."""
    truth, sample, train = (
        draw("sarge", 12_000, i, n_particles=10, cutoff=xi) for i, xi in enumerate((40.0, 20.0, 40.0))
    )
    found = {}
    for ordered in (True, False):
        network, _ = train_one(train, seed=SEED, name=("test", "features"), epochs=4, ordered=ordered)
        features = [network.features(p) for p in (sample, truth)]
        assert features[0].shape == (12_000, 26 if ordered else 23)
        found[ordered] = auc(*features)
        assert frechet(*features) > 0
    assert found[False] > 0.6
    assert found[False] - 0.5 > 1.5 * abs(found[True] - 0.5)


@pytest.mark.parametrize(("process", "n_particles"), [("muon", 3), ("qqg", 3), ("aps", 10)])
def test_events_off_the_shell_give_finite_features(process, n_particles):
    draws = stream(SEED, "test", "off", n_particles)
    p = torch.from_numpy(draws.standard_normal((400, n_particles, 3)))
    p[:100] *= 1e6
    p[100:200] *= 1e-9
    p[200:210, 0] = 0.0
    p[210:220, 1] = 2.0 * p[210:220, 0]
    p[220] = 0.0
    ordered = not exchangeable(process, n_particles)
    truth = rambo.to_p(rambo.sample_prior(500, n_particles, draws))
    network, _ = train_one(truth, seed=SEED, name=("test", "off"), epochs=1, ordered=ordered)
    for found in (invariants(p, ordered=ordered), network.features(p)):
        assert np.isfinite(found).all()
        assert np.isfinite(frechet(found, found[::2]))
        assert 0.0 <= auc(found[::2], found[1::2]) <= 1.0
