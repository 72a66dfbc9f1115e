"""Couplings of the two ends of a path, an event of the data (the source) and one of the prior (the target).

Coupled paths are shorter and cross less, so that their velocity is easier to learn. The law of each end must stay:

- `fibre: shared` is right for all data. The data are moved along their fibre to the (b, x) of the prior's event, which
  changes no phase-space point; only the law of their (b, x) becomes that of the prior.
- `particles: matched` renames the particles of the prior's event. It is right if the data's particles are exchangeable:
  those of the prior are, and after matching they have the order of the data, which must then mean nothing.
- `rotation: aligned` turns the prior's event, with the same reason, right if the data in q-space are isotropic.
- `phases: aligned` turns the phases of spinors, which move no momentum: right for all data.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from onshell.models.charts.chart import Chart
from onshell.physics import rambo
from onshell.physics.kinematics import rotate


def coupled(
    options: Mapping[str, str], chart: Chart, data: Tensor, target: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return the states at the two ends of paths, from events `data` [n, N, 3] and states `target` of the prior.

    They are coupled as `options` say, and independent without any.
    """
    asked = {key for key, value in options.items() if value != "independent"}
    if "particles" in asked:
        target = matched(chart, chart.to_chart(data), target)
    if "rotation" in asked:
        target = chart.to_chart(aligned(data, chart.to_q(target)), rng)
        if "particles" in asked:
            target = matched(chart, chart.to_chart(data), target)
    if "fibre" in asked:
        data = rambo.to_q(rambo.to_p(data), *rambo.frame(chart.to_q(target)))
    source = chart.to_chart(data)
    return (chart.aligned(source, target) if "phases" in asked else source), target


def matched(chart: Chart, source: Tensor, target: Tensor) -> Tensor:
    """Return `target` with its particles in the order of the shortest paths from `source`, summed over squares."""
    # Half a second of imports, for trainings of flows alone.
    from scipy.optimize import linear_sum_assignment

    cost = chart.cost(source, target).cpu().numpy()
    order = np.stack([linear_sum_assignment(one)[1] for one in cost])
    index = torch.from_numpy(order).to(target.device)[..., None]
    return target.gather(1, index.expand_as(target))


def aligned(q: Tensor, other: Tensor) -> Tensor:
    """Return the events `other` [n, N, 3], each turned so that the sum of |q - other|^2 is least (Kabsch)."""
    u, _, vh = torch.linalg.svd(q.mT @ other)
    # A reflection would be nearer still for half of the events; it is no rotation.
    sign = torch.ones_like(u[:, 0])
    sign[:, 2] = torch.linalg.det(u @ vh).sign()
    return rotate(other, (u * sign[:, None]) @ vh)
