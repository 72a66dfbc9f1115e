"""Accept-reject from uniform phase space."""

import pytest
import torch
from scipy import stats

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.physics.generators.rejection import accept
from onshell.physics.kinematics import energies, violation

ALPHA = 1e-6  # false-alarm rate of each statistical test


def test_rejection_gives_the_closed_form_of_muon_decay():
    e_1, e_2, e_3 = (
        energies(
            accept(stream(1, "accept"), 50_000, 3, lambda p: 8 * energies(p)[:, 2] * (0.5 - energies(p)[:, 2]), 0.5)
        )
        .numpy()
        .T
    )
    assert stats.kstest(e_3, lambda e: 32 * e**3 - 48 * e**4).pvalue > ALPHA
    for e in (e_1, e_2):
        assert stats.kstest(e, lambda e: 16 * e**3 * (1 - e)).pvalue > ALPHA


def test_rejected_events_conserve_and_have_the_size_asked_for():
    p = accept(stream(2, "accept"), 777, 5, lambda p: energies(p).amin(-1), 0.2)
    assert p.shape == (777, 5, 3)
    assert max(part.abs().max().item() for part in violation(p)) < 1e-12


@pytest.mark.parametrize(
    ("weight", "maximum", "message"),
    [
        (lambda p: energies(p)[:, 0], 0.1, "exceeds maximum"),
        (lambda p: energies(p)[:, 0] - 1, 1.0, "negative"),
        (lambda p: energies(p)[:, 0] * torch.nan, 1.0, "not a number"),
        (lambda p: energies(p)[:, 0], 1e9, "accepted"),
    ],
)
def test_a_weight_that_is_no_density_under_its_maximum_is_refused(weight, maximum, message):
    with pytest.raises(OnshellError, match=message):
        accept(stream(3, "accept"), 1000, 3, weight, maximum)
