"""The multistep solver: its weights, polynomials it solves exactly, and states between its steps."""

import numpy as np
import pytest
import torch

from onshell.sampling.integrators import OFFSET, Multistep, Scheme, bashforth, fixed, grid

PRIMITIVES = (
    lambda u: u,
    lambda u: u * (np.log(u) - 1),
    lambda u: u * (np.log(u) ** 2 - 2 * np.log(u) + 2),
    lambda u: u * (np.log(u) ** 3 - 3 * np.log(u) ** 2 + 6 * np.log(u) - 6),
)
"""Of ln^k(u), k = 0 ... 3."""


def test_weights_integrate_what_goes_through_the_nodes():
    """Powers of ln(t + OFFSET), by their primitives in closed form."""
    nodes = (0.4, 0.55, 0.7, 0.9)
    for power, whole in enumerate(PRIMITIVES):
        found = sum(
            w * np.log(node + OFFSET) ** power for w, node in zip(bashforth(nodes, 0.4, 0.1), nodes, strict=True)
        )
        np.testing.assert_allclose(found, whole(0.1 + OFFSET) - whole(0.4 + OFFSET), atol=1e-14)


def test_short_equal_steps_have_the_classical_weights():
    nodes = np.array([0.0, 1.0, 2.0, 3.0]) * 1e-4 + 0.5
    np.testing.assert_allclose(bashforth(nodes, 0.5, 0.4999), -1e-4 * np.array([55, -59, 37, -9]) / 24, rtol=1e-2)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("power", range(4))
def test_a_velocity_polynomial_in_the_logarithm_is_solved_exactly_once_its_first_steps_are_done(power, order):
    def velocity(x, t):
        return torch.full_like(x, np.log(t + OFFSET) ** power)

    times, x = grid(8, smallest=0.05, rho=2.0), torch.zeros(1, dtype=torch.float64)
    states = dict(fixed(Scheme(Multistep(velocity, order)), x, times))
    whole = PRIMITIVES[power]
    off = np.array([states[t].item() - whole(t + OFFSET) + whole(1 + OFFSET) for t in times[1:]])
    # The last step that starts over knows order - 1 velocities: what one more would have seen stays, and no more.
    last = order - 2
    assert (abs(off[last]) > 1e-6) == (power >= order - 1)
    assert all(abs(found) > 1e-6 for found in off[: min(power, last)])
    if power < order:
        np.testing.assert_allclose(off[min(power, last) :], off[last], atol=1e-14)
    else:
        assert (abs(np.diff(off[last:])) > 1e-6).all()


def test_dense_steps_cost_no_evaluation_and_change_nothing():
    seen = []

    def velocity(x, t):
        seen.append(t)
        return t * x

    x, times = torch.ones(3, dtype=torch.float64), grid(12, smallest=0.01, rho=1.2)
    plain = dict(fixed(Scheme(Multistep(velocity)), x, times))
    assert seen == times[:-1]
    stops = [0.999, 0.5, 0.31, 0.3, 0.001]
    states = dict(fixed(Scheme(Multistep(velocity)), x, times, stops))
    assert seen == 2 * times[:-1]
    assert set(states) == {*times, *stops}
    for t, state in plain.items():
        assert torch.equal(states[t], state)
    for t in stops[1:]:
        torch.testing.assert_close(states[t], x * np.exp((t**2 - 1) / 2), rtol=1e-2, atol=0)
