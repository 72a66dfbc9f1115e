"""Learning rates."""

import pytest
import torch

from onshell.training.optimizers import LR_SCHEDULES


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 37, 1000])
def test_onecycle_is_that_of_torch(steps):
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps, cycle_momentum=False)
    expected = []
    for step in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:
            reference.step()
    found = [2e-3 * LR_SCHEDULES["onecycle"](step, steps) for step in range(steps)]
    assert found == pytest.approx(expected, rel=1e-9)


def test_onecycle_begins_low_peaks_at_three_tenths_and_ends_at_nothing():
    rates = [LR_SCHEDULES["onecycle"](step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates.index(max(rates)) == 299
    assert max(rates) == pytest.approx(1)
    assert rates[-1] == pytest.approx(1 / 25e4)


def test_cosine_and_constant():
    assert [LR_SCHEDULES["cosine"](step, 4) for step in (0, 2)] == pytest.approx([1, 0.5])
    assert [LR_SCHEDULES["constant"](step, 4) for step in range(4)] == [1, 1, 1, 1]
