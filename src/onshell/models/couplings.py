"""In what the two ends of a path are made to agree.

Paths get shorter and cross less, so that their velocity is easier to learn. The law of each end must stay as it is:

- `fibre: shared` is right for all data. The data are moved along their fibre to the (b, x) of the prior's event, which
  changes no phase-space point; only the law of their (b, x) becomes that of the prior.
- `particles: matched` renames the particles of the prior's event. It is right if the data's particles are exchangeable:
  those of the prior are, and after matching they have the order of the data, which must then tell nothing.
- `rotation: aligned` turns the prior's event, with the same reason, right if the data in q-space are isotropic.
- `phases: aligned` turns the phases of spinors, which move no momentum: right for all data.
"""

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from onshell.models.charts.chart import Chart
from onshell.physics import rambo
from onshell.physics.kinematics import rotate


def coupled(
    options: Mapping[str, str], chart: Chart, data: Tensor, end: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return the states that paths lead from and to, of the events `data` [n, N, 3] and the states `end` of the prior.

    They agree in what `options` name, and in nothing without any.
    """
    asked = {key for key, value in options.items() if value != "independent"}
    if "particles" in asked:
        end = matched(chart, chart.to_chart(data), end)
    if "rotation" in asked:
        end = chart.to_chart(aligned(data, chart.to_q(end)), rng)
        if "particles" in asked:
            end = matched(chart, chart.to_chart(data), end)
    if "fibre" in asked:
        data = rambo.to_q(rambo.to_p(data), *rambo.frame(chart.to_q(end)))
    start = chart.to_chart(data)
    return (chart.aligned(start, end) if "phases" in asked else start), end


def matched(chart: Chart, start: Tensor, end: Tensor) -> Tensor:
    """Return `end` with its particles in the order that makes the paths from `start` shortest, summed over squares."""
    cost = chart.cost(start, end).cpu().numpy()
    order = np.stack([linear_sum_assignment(one)[1] for one in cost])
    index = torch.from_numpy(order).to(end.device)[..., None]
    return end.gather(1, index.expand_as(end))


def aligned(q: Tensor, other: Tensor) -> Tensor:
    """Return the events `other` [n, N, 3], each turned so that the sum of |q - other|^2 is least (Kabsch)."""
    u, _, vh = torch.linalg.svd(q.mT @ other)
    # A reflection would be nearer still for half of the events; it is no rotation.
    sign = torch.ones_like(u[:, 0])
    sign[:, 2] = torch.linalg.det(u @ vh).sign()
    return rotate(other, (u * sign[:, None]) @ vh)
