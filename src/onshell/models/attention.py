"""Self-attention between the particles of an event, made for many small events and for second derivatives."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 16
"""Up to so many particles, a softmax along their axis costs more than all the rest of the attention."""


class Attention(nn.Module):
    """Map tokens [B,N,width] to tokens [B,N,width] by multi-head self-attention; particles have no order."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor, twice: bool) -> Tensor:
        """Return the attended tokens [B,N,width]; `twice` if they must be differentiable twice."""
        batch, n, width = h.shape
        # One copy lines up the heads of queries, keys and values.
        heads = self.qkv(h).view(batch, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
        met = attend(*heads.unbind(0), twice=twice)
        return self.out(met.transpose(1, 2).reshape(batch, n, width))


def attend(q: Tensor, k: Tensor, v: Tensor, twice: bool) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v [B,H,N,d] of queries, keys and values [B,H,N,d].

    Where one derivative is enough, the fused kernel serves, which has no second; on a processor only for many
    particles, because for few it is slower.
    """
    batch, heads, n, d = q.shape
    if not twice and (n > FEW or q.is_cuda):
        return functional.scaled_dot_product_attention(q, k, v)
    q, k, v = (part.flatten(0, 1) for part in (q, k, v))
    scale = 1 / math.sqrt(d)
    if n > FEW or q.is_cuda:
        met = torch.bmm((torch.bmm(q, k.mT) * scale).softmax(-1), v)
    else:
        # With the keys' axis first in memory, the softmax runs along whole vectors of events, not along a few numbers.
        by_key = torch.bmm(k, q.mT).transpose(0, 1).contiguous()
        met = torch.bmm((by_key * scale).softmax(0).permute(1, 2, 0), v)
    return met.view(batch, heads, n, d)
