"""Adams-Bashforth steps on any grid."""

import numpy as np
import torch

from onshell.sampling import ode
from onshell.sampling.multistep import Multistep, bashforth


def test_weights_integrate_what_goes_through_the_nodes():
    nodes = (0.4, 0.55, 0.9)
    for power in range(3):
        found = sum(w * node**power for w, node in zip(bashforth(nodes, 0.4, 0.1), nodes, strict=True))
        np.testing.assert_allclose(found, (0.1 ** (power + 1) - 0.4 ** (power + 1)) / (power + 1), atol=1e-14)
    # Equal steps: the classical 23/12, -16/12, 5/12.
    np.testing.assert_allclose(bashforth((0.0, -1.0, -2.0), 0, 1), np.array([23, -16, 5]) / 12)


def test_a_velocity_quadratic_in_time_is_solved_exactly_but_for_the_first_step():
    times, x = ode.grid(6, smallest=0.05, rho=2.0), torch.zeros(1, dtype=torch.float64)
    states = dict(ode.fixed(Multistep(lambda x, t: torch.full_like(x, 3 * t**2 + 2 * t)), x, times))
    moved = {t: (state - (t**3 + t**2 - 2)).abs().item() for t, state in states.items()}
    # The first two steps know one and two velocities, and leave an error that the others keep.
    kept = moved[times[2]]
    assert kept > 1e-6
    np.testing.assert_allclose([moved[t] for t in times[3:]], kept, atol=1e-14)


def test_a_velocity_linear_in_time_is_solved_exactly_from_the_second_step():
    times, x = ode.grid(6, smallest=0.05, rho=2.0), torch.zeros(1, dtype=torch.float64)
    states = dict(ode.fixed(Multistep(lambda x, t: torch.full_like(x, 2 * t)), x, times))
    np.testing.assert_allclose([states[t].item() + 1 for t in times[2:]], np.square(times[2:]), atol=1e-14)


def test_steps_aside_cost_no_evaluation_and_change_nothing():
    seen = []

    def velocity(x, t):
        seen.append(t)
        return t * x

    x, times = torch.ones(3, dtype=torch.float64), ode.grid(8, smallest=0.01, rho=1.2)
    plain = dict(ode.fixed(Multistep(velocity), x, times))
    assert seen == times[:-1]
    stops = [0.999, 0.5, 0.31, 0.3, 0.001]
    states = dict(ode.fixed(Multistep(velocity), x, times, stops=stops))
    assert seen == 2 * times[:-1]
    assert set(states) == {*times, *stops}
    for t, state in plain.items():
        assert torch.equal(states[t], state)
    for t in stops[1:]:
        torch.testing.assert_close(states[t], x * np.exp((t**2 - 1) / 2), rtol=1e-2, atol=0)
