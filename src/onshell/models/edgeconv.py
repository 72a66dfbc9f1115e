"""Edges between an event's particles: nearest neighbours and the local layer that looks along them."""

import torch
from torch import Tensor, nn

from onshell.models.activation import silu
from onshell.models.blocks import exact, lowered
from onshell.models.particle_features import lengths


def neighbours(q: Tensor, k: int) -> Tensor:
    """Return the k particles nearest in angle to each of `q` [B,N,3], itself left out: True in [B,k,N,N] at [:,s,i,j].

    Slot s of particle i holds one j; slots have no order. Angles do not change under rotations, nor with energies.
    """
    n = q.shape[1]
    with torch.no_grad():
        x, y, z = (q / lengths(q)).unbind(-1)
        # |u_i - u_j|^2 of unit vectors: 1 - cos would lose small angles to rounding. No two are further apart than 4.
        apart = sum((axis[:, :, None] - axis[:, None]).square() for axis in (x, y, z))
        apart = apart + 5 * torch.eye(n, dtype=q.dtype, device=q.device)
        chosen = apart.topk(k, dim=-1, largest=False, sorted=False).indices
        return chosen.mT.contiguous()[..., None] == torch.arange(n, device=q.device)


class Local(nn.Module):
    """Map tokens [B,N,inputs] to [B,N,width]: the mean, over a particle's neighbours, of a perceptron on the edge.

    An edge is seen as (neighbour - centre, centre). The first layer, W (x_j - x_i) + V x_i, is made once per particle
    instead of once per edge, and the last once after the mean.
    """

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.near = nn.Linear(inputs, width, bias=False)
        self.centre = nn.Linear(inputs, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, chosen: Tensor, twice: bool) -> Tensor:
        """Return the new tokens [B,N,width]; `chosen` [B,k,N,N] comes from `neighbours`."""
        batch, k, n, _ = chosen.shape
        near, centre = exact(self.near, x), exact(self.centre, x)
        # bf16 would round both ends of a collinear edge before their difference is taken.
        with torch.autocast(x.device.type, enabled=False):
            # A product with zeros and ones gathers faster than an index, forward and backward.
            picked = torch.bmm(chosen.view(batch, k * n, n).to(near.dtype), near)
            edges = picked.view(batch, k, n, -1) + (centre - near)[:, None]
        hidden = silu(lowered(edges), twice)
        return silu(self.out(hidden.sum(1) / k), twice)
