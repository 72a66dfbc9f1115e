"""Densities of known processes relative to uniform phase space."""

import itertools
import math

import pytest
import torch

from helpers.statistics import assert_mean
from onshell.core.errors import OnshellError
from onshell.physics import generators, targets
from onshell.physics.matrix_elements import sarge_density

PROCESSES = {
    "muon": ("muon", {"n_particles": 3}, 3),
    "qqg": ("qqg", {"cutoff": 0.05}, 3),
    "qqg-labelled": ("qqg", {"cutoff": 0.05, "permute": False, "sqrt_s": 91.2}, 3),
    "sarge": ("sarge", {"cutoff": 5.0, "n_particles": 4}, 4),
    "sarge-labelled": ("sarge", {"cutoff": 5.0, "n_particles": 3, "permute": False}, 3),
}


@pytest.mark.parametrize(("name", "parameters", "n_particles"), PROCESSES.values(), ids=PROCESSES)
def test_a_density_is_that_of_its_generator(name, parameters, n_particles):
    """Its mean over uniform phase space is 1 (muon decay among them), and that of 1/f over events is the room of f."""
    density, normalised = targets.target(name, parameters)
    assert normalised
    flat = density(generators.events("uniform", 60_000, seed=1, n_particles=n_particles))
    assert_mean(flat, 1.0)
    drawn = density(generators.events(name, 30_000, seed=2, **parameters))
    assert (drawn > 0).all()
    room = (flat > 0).double()
    # The mean of min(1/f, 10) stays finite where f goes to zero.
    kept = (room * (10 * flat).clamp(max=1)).mean().item()
    error = (room * (10 * flat).clamp(max=1)).std().item() / len(flat) ** 0.5
    assert_mean((1 / drawn).clamp(max=10), [(kept, error)])


def test_the_density_of_uniform_phase_space_is_one():
    density, normalised = targets.target("uniform", {"n_particles": 4})
    assert normalised
    assert (density(generators.events("uniform", 10, seed=1, n_particles=4)) == 1).all()


def test_muon_decay_has_the_known_effective_size_on_uniform_phase_space():
    """E_3 has density 8 E_3 there, so <f^2> = 72 B(4, 3) = 6/5: uniform events are worth 5/6 of their number."""
    density, _ = targets.target("muon")
    flat = density(generators.events("uniform", 100_000, seed=3, n_particles=3))
    assert_mean(flat.square(), 6 / 5)


def test_the_permuted_antenna_is_the_mean_over_all_orders():
    for n in (3, 4, 5):
        p = generators.events("sarge", 40, seed=4, cutoff=6.0, n_particles=n)
        orders = list(itertools.permutations(range(n)))
        expected = sum(sarge_density(p[:, list(order)], 6.0) for order in orders) / math.factorial(n)
        torch.testing.assert_close(targets.sarge_permuted_density(p, 6.0), expected, rtol=1e-11, atol=0)
    p = generators.events("sarge", 3, seed=4, cutoff=30.0, n_particles=10)
    found = targets.sarge_permuted_density(p, 30.0)
    assert torch.isfinite(found).all()
    assert (found > 0).all()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("moun", {}, "did you mean 'muon'"),
        ("qqg", {"cutoff": 0.5}, "leaves no phase space"),
        ("qqg", {}, "missing"),
        ("no.such.module:weight", {}, "cannot be imported"),
    ],
)
def test_what_has_no_density_is_refused(name, parameters, message):
    with pytest.raises(OnshellError, match=message):
        targets.target(name, parameters)
